"""Several runs as one ONNX model: its stored scores are what theirs come to."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.special import expit, logit

from covidreport.combine import NewRun, combine_runs, graph
from covidreport.errors import RunError, UsageError
from covidreport.evaluate.thresholds import Thresholds
from covidreport.inference.batch import prepare_batch
from covidreport.inference.contract import contract_metadata
from covidreport.inference.session import open_session
from covidreport.records import PixelSpec
from covidreport.storage.runs import read_run
from tests.onnx_models import LABELS, move_weights_out, write_brightness_model

PIXELS = PixelSpec(8, 8)
ORDER = ("pneumonia", "covid-19", "normal")


def _picture_batch(n=6):
    """Grey pictures, each with noise of its own."""
    rng = np.random.default_rng(0)
    means = np.linspace(20, 230, n)[:, None, None, None]
    return np.clip(means + rng.normal(0, 20, (n, 8, 8, 1)), 0, 255).astype(np.uint8)


def _answer(run):
    """Logits `(N, K)` of a run, its labels in the order of `LABELS`."""
    session = open_session(run.model, described=run.described)
    scores = session.run(prepare_batch(_picture_batch(), session.spec)).astype(np.float64)
    scores = scores[:, [session.spec.labels.index(label) for label in LABELS]]
    return scores if session.spec.activation == "logit" else logit(scores)


def _write(folder, name, activation="logit", labels=LABELS, **options):
    tail = {"sigmoid": ["Sigmoid"], "softmax": ["Softmax"]}.get(activation, [])
    write_brightness_model(
        folder / name / "model.onnx",
        metadata=contract_metadata(PIXELS, labels, activation),
        tail=tail,
        **options,
    )
    return read_run(folder / name)


FIRST: dict[str, Any] = {"slopes": (0.02, -0.03, 0.01), "offsets": (-3.0, 3.0, -1.0)}
SECOND: dict[str, Any] = {"slopes": (-0.02, 0.01, 0.02), "offsets": (1.0, -1.0, -2.5)}
"""Softer than other tests' models, so that nothing is rounded to 0 or 1."""


def _pair(folder, first="logit", second="logit"):
    """Two runs; the second has its labels in another order."""
    return (
        _write(folder, "a", first, **FIRST),
        _write(folder, "b", second, labels=ORDER, **SECOND),
    )


KINDS = [
    ("logit", "logit"), ("logit", "sigmoid"), ("sigmoid", "softmax-logit"), ("softmax", "logit"),
    ("softmax", "softmax-logit"),
]  # fmt: skip


@pytest.mark.parametrize("kinds", KINDS)
def test_the_mean_is_of_what_each_says(tmp_path, kinds):
    """Whatever its outputs mean, and in whatever order its labels stand."""
    runs = _pair(tmp_path, *kinds)
    made = combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))
    expected = np.mean([expit(_answer(run)) for run in runs], axis=0)
    assert expit(_answer(made)) == pytest.approx(expected, abs=2e-7)


def test_either_and_majority_are_votes_at_the_thresholds(tmp_path):
    """Above 0 exactly where one, or two, lie above their own thresholds."""
    runs = [*_pair(tmp_path), _write(tmp_path, "c", slopes=(0.03, 0, 0.01), offsets=(-4, 0, -2))]
    thresholds = Thresholds.read({"": 0.4, "covid-19": 0.3}, "option")
    moved = np.stack([_answer(run) - logit([0.3, 0.4, 0.4]) for run in runs])
    either = combine_runs(runs, "either", thresholds, NewRun(tmp_path))
    assert _answer(either) == pytest.approx(moved.max(axis=0), abs=1e-5)
    votes = combine_runs(runs, "majority", thresholds, NewRun(tmp_path))
    assert _answer(votes) == pytest.approx(np.sort(moved, axis=0)[1], abs=1e-5)
    assert votes.name == "majority-a-b-c"
    said = votes.part("made_of")
    assert said["thresholds"]["a"] == {
        "covid-19": 0.3, "normal": 0.4, "pneumonia": 0.4, "from": "option",
    }  # fmt: skip
    digests = [each["sha256"] for each in said["runs"]]
    assert len({*digests}) == 3
    answers = json.loads((votes.folder / "reference" / "answers.json").read_text())
    assert len(answers["scores"]) == 3


def test_argmax_stays_where_all_decide_by_it(tmp_path):
    """The mean of softmax is one; a vote of such runs is refused, and so is a mixture."""
    stated = {**contract_metadata(PIXELS, LABELS, "softmax"), "covidreport.decision": '"argmax"'}
    runs = [
        read_run(write_brightness_model(
            tmp_path / name / "model.onnx", metadata=stated, tail=["Softmax"], **options
        ).parent)
        for name, options in (("a", FIRST), ("b", SECOND))
    ]  # fmt: skip
    made = combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))
    session = open_session(made.folder / "model.onnx")
    assert (session.spec.activation, session.spec.decision) == ("softmax", "argmax")
    with pytest.raises(RunError, match="a and b: predicts the label that scores highest"):
        combine_runs(runs, "either", Thresholds(), NewRun(tmp_path))
    with pytest.raises(RunError, match="a: predicts"):
        combine_runs(
            [runs[0], _write(tmp_path, "c")], "mean", Thresholds(), NewRun(tmp_path, "mixed")
        )
    assert not (tmp_path / "mixed").exists()


def _write_nested(folder, opset, name="nested"):
    """A graph that takes a constant of the outer graph within an If, in this operator set."""
    inner = helper.make_graph(
        [helper.make_node("Add", ["column", "offsets"], ["inner"])], "then", [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )  # fmt: skip
    other = helper.make_graph(
        [helper.make_node("Identity", ["column"], ["else_out"])], "else", [],
        [helper.make_tensor_value_info("else_out", TensorProto.FLOAT, None)],
    )  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["wide"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
        helper.make_node("MatMul", ["mean", "slopes"], ["column"]),
        helper.make_node("If", ["yes"], ["scores"], then_branch=inner, else_branch=other),
    ]
    made = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(np.array([FIRST["slopes"]], np.float32), "slopes"),
            numpy_helper.from_array(np.array([FIRST["offsets"]], np.float32), "offsets"),
            numpy_helper.from_array(np.array(True), "yes"),
        ],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, contract_metadata(PIXELS, LABELS))
    path = folder / name / "model.onnx"
    path.parent.mkdir(parents=True)
    onnx.save(model, path)
    return read_run(path.parent)


def test_graphs_of_two_operator_sets_with_inner_graphs_stand_in_one(tmp_path):
    """The older is converted; an inner graph finds what it takes from the outer one."""
    runs = [_write(tmp_path, "a", **SECOND), _write_nested(tmp_path, 13)]
    made = combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))
    expected = np.mean([expit(_answer(run)) for run in runs], axis=0)
    assert expit(_answer(made)) == pytest.approx(expected, abs=2e-7)
    (opset,) = onnx.load(made.folder / "model.onnx").opset_import
    assert opset.version == 18


def test_a_domain_of_two_versions_is_refused_by_name(tmp_path):
    """Nobody can convert another's operators."""
    runs = _pair(tmp_path)
    for run, version in zip(runs, (1, 2), strict=True):
        model = onnx.load(run.model)
        model.opset_import.append(helper.make_opsetid("com.example", version))
        onnx.save(model, run.model)
    with pytest.raises(RunError, match=r"a uses com\.example in version 1 and another run in ver"):
        combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))
    assert not (tmp_path / "both").exists()


def test_what_can_not_be_converted_is_refused(tmp_path, monkeypatch):
    """With the operator set to export it in."""
    runs = [_write(tmp_path, "a"), _write_nested(tmp_path, 13)]

    def fail(model, version):
        raise RuntimeError("no adapter")

    monkeypatch.setattr("onnx.version_converter.convert_version", fail)
    with pytest.raises(RunError, match=r"nested is in operator set 13 .* export it with opset 18"):
        combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))


def test_weights_beside_a_model_come_along_and_go_out_again(tmp_path, monkeypatch):
    """Of a size that a graph can't hold they stand in a file of their own."""
    runs = _pair(tmp_path)
    move_weights_out(runs[1].model)
    expected = np.mean([expit(_answer(run)) for run in runs], axis=0)
    monkeypatch.setattr(graph, "LARGEST_BYTES", 10)
    made = combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))
    shutil.rmtree(runs[1].folder)
    assert expit(_answer(made)) == pytest.approx(expected, abs=2e-7)


def test_a_wrong_conversion_is_found_before_the_run_stands(tmp_path, monkeypatch):
    """The new model answers drawn pictures, and so do its parts."""
    runs = _pair(tmp_path)
    monkeypatch.setattr(graph, "_sum_of_powers", lambda made, logs: logs[0])
    with pytest.raises(RunError, match="answers otherwise than its parts"):
        combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"pixels": PixelSpec(16, 16)}, "not fed alike: height 8 and 16; width 8 and 16"),
        ({"dtype": "float32", "metadata": {}}, "dtype uint8 and float32; divisor 1.0 and 255.0"),
        ({"batch": 4}, "fixed batch None and 4"),
        ({"labels": ("covid-19", "normal", "tb")}, "normal and pneumonia, and c covid-19, normal"),
    ],
)
def test_runs_of_two_pixel_contracts_are_refused(tmp_path, options, why):
    """With every word in which they differ, or the labels that they answer."""
    labels, pixels = options.get("labels", LABELS), options.get("pixels", PIXELS)
    metadata = contract_metadata(pixels, labels)
    if "metadata" in options:
        metadata |= {"covidreport.divisor": "255", "covidreport.mean": "0", "covidreport.std": "1"}
    write_brightness_model(
        tmp_path / "c" / "model.onnx", **{**options, "metadata": metadata, "labels": labels}
    )
    runs = [_write(tmp_path, "a"), read_run(tmp_path / "c")]
    with pytest.raises(RunError, match=why):
        combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "both"))


def test_numbers_of_runs_and_taken_names_are_refused(tmp_path):
    """Two or three; a majority is of three; a folder that is there is not written over."""
    runs = _pair(tmp_path)
    with pytest.raises(UsageError, match="two or three runs are wanted, and 1 found: a"):
        combine_runs(runs[:1], "mean", Thresholds(), NewRun(tmp_path))
    with pytest.raises(UsageError, match="three runs are wanted, and 2 found: a and b"):
        combine_runs(runs, "majority", Thresholds(), NewRun(tmp_path))
    with pytest.raises(UsageError, match="b is there already: give another --name"):
        combine_runs(runs, "mean", Thresholds(), NewRun(tmp_path, "b"))
