"""Real radiographs: three class weights, whose order turns round with the threshold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

from covidreport.dataset import read_dataset, select_split
from covidreport.images import read_pixels
from covidreport.inference.contract import contract_metadata
from covidreport.records import PixelSpec
from tests.onnx_models import LABELS

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
pytestmark = pytest.mark.skipif(
    not (CXR / "manifest.csv").is_file(),
    reason="no radiographs: set COVIDREPORT_CXR to their folder",
)
PIXELS = PixelSpec(16, 16)
MODELS = {"weight-1": (1, 1.0), "weight-3": (3, 0.1), "weight-10": (10, 0.001)}
"""The weight of a positive, and the inverse of the penalty: the poorest model is the boldest."""


def _write_model(path, weights, offsets):
    """A linear model of 16 x 16 pixels, its logits by label."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["wide"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "offsets"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 1, 16, 16])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(LABELS)])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(offsets.astype(np.float32), "offsets"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, contract_metadata(PIXELS, LABELS))
    path.parent.mkdir(parents=True)
    onnx.save(model, path)


def _train(folder):
    """Logistic regressions on the training split's pixels; only COVID-19 is weighted."""
    data = select_split(read_dataset(CXR, list(LABELS)), "train")
    pixels = np.stack([read_pixels(CXR / path, PIXELS).ravel() for path in data.paths]) / 255
    for name, (weight, penalty) in MODELS.items():
        fits = [
            LogisticRegression(
                C=penalty, class_weight={0: 1, 1: weight} if label == "covid-19" else None,
                max_iter=2000,
            ).fit(pixels, data.truth[:, column])
            for column, label in enumerate(LABELS)
        ]  # fmt: skip
        weights = np.column_stack([each.coef_[0] for each in fits]) / 255
        offsets = np.concatenate([each.intercept_ for each in fits])
        _write_model(folder / name / "model.onnx", weights, offsets)


def test_three_class_weights_change_their_order_with_the_threshold(covidreport, tmp_path):
    """At 0.5 the heaviest weight misses fewest of 30, for its many false alarms; with no more than
    these each, both others miss fewer than it does. The page, the terminal and a finding say so."""
    _train(tmp_path / "runs")
    done = covidreport("evaluate", "runs", "--data", CXR / "manifest.csv", "--split", "validation")
    assert done.code == 0, done.err
    report = json.loads(covidreport("render", "runs", "--format", "json", "--output", "-").out)
    (ranking,) = report["rankings"]
    assert [row["run"] for row in ranking["rows"]] == ["weight-10", "weight-3", "weight-1"]
    own = ranking["comparisons"]["same_specificity"][0]
    assert own["run"] == "weight-10"
    missed = {
        each["run"]: each["sensitivity"]["denominator"] - each["sensitivity"]["numerator"]
        for each in own["runs"]
    }
    assert missed["weight-1"] <= missed["weight-3"] < missed["weight-10"] <= 3
    (lead,) = (each for each in report["findings"] if each["code"] == "lead-depends-on-threshold")
    assert "weight-3 and weight-1 miss fewer cases than weight-10" in lead["what"]
    page = covidreport("render", "runs", "--format", "markdown", "--output", "-").out
    assert "## At the same specificity" in page
    assert page.count(lead["what"]) >= 2  # in its section, and among the findings
    assert lead["what"] in " ".join(covidreport("list", "runs").out.split())
