"""Activations taken twice or not at all are found, from the end of the graph and from scores."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.audit import audit_activation, audit_scores
from covidreport.records import Scores
from covidreport.store import write_run
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model

LABELS = ("covid-19", "normal", "pneumonia")


def _softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _scores(values, activation):
    n = len(values)
    return Scores(
        tuple(map(str, range(n))), LABELS, np.eye(3, dtype=np.int8)[np.arange(n) % 3],
        values.astype(np.float32), activation, (None,) * n,
    )  # fmt: skip


LOGITS = np.random.default_rng(0).normal(scale=3, size=(60, 3))
ONCE = _softmax(LOGITS)


@pytest.mark.parametrize(
    ("stated", "ending", "code"),
    [
        ("logit", (), None),
        ("logit", ("Softmax",), "activation-contradicted"),
        ("logit", ("Sigmoid",), "activation-contradicted"),
        ("logit", ("LogSoftmax",), "activation-contradicted"),
        ("softmax-logit", ("Softmax",), "activation-contradicted"),
        ("softmax-logit", ("Sigmoid",), "activation-contradicted"),
        ("softmax-logit", ("LogSoftmax",), None),  # a softmax of logarithms gives them back
        ("softmax", ("Softmax",), None),
        ("sigmoid", ("Softmax",), None),
        ("sigmoid", ("Sigmoid",), None),
        ("softmax", ("Softmax", "Softmax"), "activation-taken-twice"),
        ("sigmoid", ("Sigmoid", "Softmax"), "activation-taken-twice"),
        ("softmax", ("Softmax", "LogSoftmax"), None),
    ],
)
def test_the_end_of_the_graph_is_held_against_the_contract(stated, ending, code):
    """What is described as a logit ends in no softmax, and no softmax is taken of another."""
    found = audit_activation("a", _scores(ONCE, "softmax"), stated, ending)
    assert [each.code for each in found] == ([code] if code else [])


def test_the_finding_says_what_was_seen():
    """The range of the scores and their sums stand beside the nodes."""
    (finding,) = audit_activation("a", _scores(ONCE, "logit"), "logit", ("Softmax",))
    assert finding.severity == "error"
    assert "60 images" in finding.evidence
    assert "add up to 1 in each" in finding.evidence
    assert '"activation": "softmax"' in finding.remedy


@pytest.mark.parametrize(
    ("values", "activation", "code"),
    [
        (LOGITS, "logit", None),
        (ONCE, "logit", "logits-look-like-probabilities"),
        (np.log(ONCE), "logit", "logits-look-like-probabilities"),
        (ONCE, "softmax", None),
        (_softmax(ONCE), "softmax", "activation-taken-twice"),
        (_softmax(1 / (1 + np.exp(-LOGITS))), "softmax", "activation-taken-twice"),
        (_softmax(0.1 * LOGITS), "softmax", None),  # it is sure of nothing: no bound is near
        (_softmax(0.5 * LOGITS), "softmax", None),
    ],
)
def test_scores_alone_show_a_softmax_too_many(values, activation, code):
    """Where nobody knows the graph: probabilities called logits, and a softmax of probabilities."""
    found = audit_scores("a", _scores(values, activation))
    kept = [each.code for each in found if each.code != "answered-by-another-output"]
    assert kept == ([code] if code else [])


@pytest.mark.parametrize(
    ("tail", "activation", "code"),
    [
        (("Softmax", "Identity"), "logit", "activation-contradicted"),
        (("Softmax", "Identity"), "softmax-logit", "activation-contradicted"),
        (("Softmax", "Softmax"), "softmax", "activation-taken-twice"),
        (("Softmax", "Identity"), "softmax", None),
    ],
)
def test_an_evaluation_says_what_its_graph_ends_in(tmp_path, tail, activation, code):
    """Six images are too few for scores to show it; the graph shows it all the same."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    folder = tmp_path / "runs" / "a"
    write_brightness_model(folder / "model.onnx", tail=tail, metadata={})
    described = {
        "labels": list(LABELS), "activation": activation, "resample": "bilinear",
        "fit": "stretch", "size": [8, 8], "channels": 1, "layout": "NCHW",
    }  # fmt: skip
    write_run(folder, {"name": "a", "input": described})
    evaluation = evaluate_folder(tmp_path / "runs", make_request(manifest))["a"].evaluation
    codes = [each.code for each in evaluation.findings]
    assert codes == ([code] if code else [])
