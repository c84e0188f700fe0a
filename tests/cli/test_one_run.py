"""One run's fault stays with that run: whatever is raised for it, the others are evaluated.

Every test calls the command on a run that is at fault, beside a good one.
"""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import onnx
import pytest

from covidreport import boundary, compare
from covidreport.boundary import attempt
from covidreport.errors import RunError, WriteError
from covidreport.evaluate import decode, opening, record, units, write
from covidreport.gate import gating
from covidreport.images import decode_image
from covidreport.inference.output import cut_probabilities
from covidreport.records import Failure, PixelSpec
from covidreport.store import (
    read_evaluation,
    read_failure,
    read_scores,
    write_failure,
    write_run,
)
from tests.cli.command import read_verdict, write_model, write_project
from tests.onnx_models import write_brightness_model

KEY = "data-validation"
OF_BAD = re.compile(r"(name|run)='bad'|runs/bad(/|$)")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Data, and a good run: `base` misses one of three."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path, base=100)
    return tmp_path


def _refused(project, done, name="bad"):
    """What the run's failure says; the good run stands, and its evaluation is right."""
    assert done.code == 3, done.err
    assert "Traceback" not in done.err + done.out
    stored = read_evaluation(project / "runs" / "base" / "evaluations" / KEY)
    assert (stored.counts["covid-19"].fn, stored.counts["covid-19"].tp) == (1, 2)
    assert f"error: run {name} was not evaluated: " in done.err
    assert not (project / "runs" / name / "evaluations" / KEY / "evaluation.json").exists()
    return read_failure(project / "runs" / name / "evaluations" / KEY)


@pytest.mark.parametrize(
    "word", ["pixels", "logits", "pneumonia", "covidreport.size", "ReduceMean", "brightness"]
)
def test_bytes_that_are_no_text_are_that_runs_fault(project, covidreport, word):
    """In the input's, the output's or an operator's name, in metadata: named, and no traceback."""
    path = write_model(project / "runs" / "bad", 85)
    damaged = word.encode()[:-1] + b"\xff"
    path.write_bytes(path.read_bytes().replace(word.encode(), damaged))
    done = covidreport("evaluate", "runs", "--json")
    if word == "brightness":  # the graph's name, which nobody asks for
        assert done.code == 0
        return
    failure = _refused(project, done)
    assert failure.stage == "load"
    assert "model.onnx" in failure.reason or "does not state" in failure.reason
    assert "a defect" not in failure.reason
    document = json.loads(done.out)  # nothing but the document on stdout
    assert [each["run"] for each in document["failures"]] == ["bad"]


def test_a_message_that_is_no_text_is_that_runs_fault(project, covidreport):
    """The runtime quotes a node's name when it fails on a batch."""
    path = write_model(project / "runs" / "bad", 85)
    model = onnx.load(path)
    add = next(each for each in model.graph.node if each.op_type == "Add")
    wrong = [
        onnx.helper.make_node("Shape", ["pixels"], ["sides"]),
        onnx.helper.make_node("Add", ["sides", "one"], ["more"]),
        onnx.helper.make_node("Expand", [add.input[0], "more"], ["wide4"], name="expandX"),
    ]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 1, 1, 1]), "one"))
    add.input[0] = "wide4"
    at = list(model.graph.node).index(add)
    for node in reversed(wrong):
        model.graph.node.insert(at, node)
    path.write_bytes(model.SerializeToString().replace(b"expandX", b"expand\xfe"))
    failure = _refused(project, covidreport("evaluate", "runs"))
    assert failure.reason.startswith("the model fails on a batch: ")
    if sys.version_info >= (3, 11, 7):  # of 3.11.2 such an error is known to come without a text
        assert "fails on a batch: not UTF-8:" in failure.reason
        assert "expand\N{REPLACEMENT CHARACTER}" in failure.reason


def _break(monkeypatch, module, name, error):
    """Let a function raise where it is called for the run `bad`."""
    usual = getattr(module, name)

    def breaking(*words, **named):
        if any(OF_BAD.search(str(word)) for word in (*words, *named.values())):
            raise error
        return usual(*words, **named)

    monkeypatch.setattr(module, name, breaking)


@pytest.mark.parametrize(
    ("module", "name", "stage"),
    [
        (record, "choose_thresholds", "score"),
        (opening, "open_session", "load"),
        (write, "open_checkpoint", "load"),
        (units, "score_chunk", "infer"),
        (write, "build_evaluation", "score"),
        (write, "write_scores", "score"),
        (write, "write_evaluation", "score"),
    ],
)
def test_a_defect_of_ours_is_named_as_one(project, covidreport, monkeypatch, module, name, stage):
    """Wherever it is raised: its type and place, no path of this machine, the traceback with -v."""
    write_model(project / "runs" / "bad", 85)
    _break(monkeypatch, module, name, ZeroDivisionError("nobody thought of this"))
    failure = _refused(project, covidreport("evaluate", "runs"))
    assert failure.stage == stage
    assert failure.reason.startswith("a defect of covidreport: ZeroDivisionError at covidreport/")
    assert failure.reason.endswith(": nobody thought of this")
    assert str(project) not in failure.reason
    assert str(boundary.PACKAGE.parent) not in failure.reason
    assert "--verbose" in failure.remedy
    done = covidreport("evaluate", "runs", "-v")
    assert done.code == 3
    assert "Traceback (most recent call last)" in done.err
    assert "ZeroDivisionError: nobody thought of this" in done.err


def test_memory_that_runs_out_for_one_run_is_no_defect(project, covidreport, monkeypatch):
    """What NumPy raises for an array that is too large."""
    write_model(project / "runs" / "bad", 85)
    _break(monkeypatch, units, "score_chunk", MemoryError("Unable to allocate 9 TiB"))
    failure = _refused(project, covidreport("evaluate", "runs"))
    assert failure.reason == "not enough memory (Unable to allocate 9 TiB)"
    assert "--batch-size" in failure.remedy


def test_a_folder_that_can_not_be_written_to_is_that_runs_fault(project, covidreport):
    """`evaluations` that is a file: nothing is stored there, and the good run is."""
    write_model(project / "runs" / "bad", 85)
    (project / "runs" / "bad" / "evaluations").write_text("taken")
    done = covidreport("evaluate", "runs", "--json")
    assert _refused(project, done) is None
    (failure,) = json.loads(done.out)["failures"]
    assert (failure["run"], failure["stage"]) == ("bad", "write")


def test_scores_that_can_not_be_stored_wait_for_the_next_time(project, covidreport, monkeypatch):
    """A disk that was full at one run: no failure.json, what was scored is kept and taken."""
    write_model(project / "runs" / "bad", 85)
    _break(monkeypatch, write, "write_scores", WriteError("scores.parquet: can't be written"))
    assert _refused(project, covidreport("evaluate", "runs")) is None
    monkeypatch.undo()
    monkeypatch.chdir(project)
    monkeypatch.setattr(units, "score_chunk", lambda *_: pytest.fail("scored once more"))
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    assert (
        read_evaluation(project / "runs" / "bad" / "evaluations" / KEY).counts["covid-19"].fn == 0
    )


def test_pixels_that_do_not_fit_into_memory_are_the_fault_of_who_wants_them(
    project, covidreport, monkeypatch
):
    """One run wants pictures for which there is no room; the other gets its own."""
    write_brightness_model(
        project / "runs" / "bad" / "model.onnx", pixels=PixelSpec(16, 16), offsets=(-8.5, 10, -1)
    )
    usual = decode.decode_chunk

    def short(paths, start, specs, **more):
        if any(spec.height == 16 for spec in specs):
            raise MemoryError("Unable to allocate")
        return usual(paths, start, specs, **more)

    monkeypatch.setattr(units, "decode_chunk", short)
    failure = _refused(project, covidreport("evaluate", "runs"))
    assert failure.reason == "not enough memory (Unable to allocate)"


def test_an_image_that_shows_a_defect_of_ours_is_one_failed_image(
    project, covidreport, monkeypatch
):
    """It is counted as missed, named, and not cached: the next covidreport may read it."""
    data = (project / "data" / "000.png").read_bytes()

    def breaking(given):
        if given == data:
            raise IndexError("list index out of range")
        return decode_image(given)

    monkeypatch.setattr(decode, "decode_image", breaking)
    done = covidreport("evaluate", "runs")
    assert done.code == 3  # one of seven images is more than the usual share that may fail
    assert "1 of 7" in done.err
    stored = read_evaluation(project / "runs" / "base" / "evaluations" / KEY)
    assert stored.counts["covid-19"].failed_positive == 1
    assert "a defect of covidreport: IndexError" in stored.failures[0].reason
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert covidreport("evaluate", "runs", "--force").code == 0
    stored = read_evaluation(project / "runs" / "base" / "evaluations" / KEY)
    assert stored.counts["covid-19"].failed_positive == 0


def test_ctrl_c_is_nobodys_fault(project, covidreport, monkeypatch):
    """It ends the whole command with 130, and no run is said to have failed."""
    write_model(project / "runs" / "bad", 85)
    _break(monkeypatch, units, "score_chunk", KeyboardInterrupt())
    done = covidreport("evaluate", "runs")
    assert done.code == 130
    assert not list(project.rglob("failure.json"))


def test_a_failed_limit_goes_before_a_run_that_could_not_be_judged(
    project, covidreport, monkeypatch
):
    """Three runs: one passes, one is worse, one breaks us. 1 with all, 3 without the worse one."""
    write_model(project / "runs" / "base", 100)
    assert covidreport("evaluate", "runs").code == 0
    assert covidreport("baseline", "set", "runs/base").code == 0
    for name, limit in (("bad", 85), ("new", 90), ("worse", 115)):
        write_model(project / "runs" / name, limit)
    _break(monkeypatch, write, "build_evaluation", KeyError("a key"))
    done = covidreport("ci", "runs/bad", "runs/new", "runs/worse")
    assert done.code == 1, done.err
    document, _ = read_verdict(project / "verdict")
    found = {each["run"]: each["outcome"] for each in document["verdicts"]}
    assert found == {"bad": "error", "new": "pass", "worse": "fail"}
    assert covidreport("ci", "runs/bad", "runs/new").code == 3


def test_gate_judges_the_others(project, covidreport, monkeypatch):
    """A run whose evidence breaks us is not judged; one that is worse fails all the same."""
    for name, limit in (("bad", 85), ("worse", 115)):
        write_model(project / "runs" / name, limit)
    assert covidreport("evaluate", "runs").code == 0
    assert covidreport("baseline", "set", "runs/base").code == 0
    _break(monkeypatch, gating, "read_side", RecursionError("too deep"))
    done = covidreport("gate", "runs/bad", "runs/worse", "--output-dir", "verdict")
    assert done.code == 1, done.err
    document, verdict = read_verdict(project / "verdict")
    assert [each["outcome"] for each in document["verdicts"]] == ["error", "fail"]
    assert "a defect of covidreport: RecursionError" in verdict["error"]["reason"]


@pytest.mark.made_anew
def test_a_comparison_that_fails_leaves_the_ranking(project, covidreport, monkeypatch):
    """`evaluate`, `list`, `score` and `render` show the order, and say what is left out."""
    write_model(project / "runs" / "new", 85)
    assert covidreport("evaluate", "runs", "--no-cache").code == 0
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    monkeypatch.setattr(compare, "compare_answers_of", lambda *_: 1 / 0)
    for command in ("evaluate", "list", "score"):
        done = covidreport(command, "runs")
        assert done.code == 0, done.err
        assert done.out.rindex("new ") < done.out.rindex("base ")
        assert "could not be compared" in done.err, command
        assert "ZeroDivisionError" in done.err
    assert covidreport("render", "runs", "--format", "markdown", "--output", "r.md").code == 0
    assert "could not be compared" in (project / "r.md").read_text()


def test_a_run_json_that_breaks_its_reader_is_that_runs_fault(project, covidreport):
    """Lists within lists, deeper than Python goes."""
    write_model(project / "runs" / "bad", 85)
    (project / "runs" / "bad" / "run.json").write_text("[" * 100_000)
    done = covidreport("evaluate", "runs")
    assert _refused(project, done) is None
    assert "run bad was not evaluated" in done.err


def test_an_evaluation_that_breaks_its_reader_is_computed_again(project, covidreport):
    """And `list` says of it that it can't be read."""
    write_model(project / "runs" / "bad", 85)
    assert covidreport("evaluate", "runs").code == 0
    file = project / "runs" / "bad" / "evaluations" / KEY / "evaluation.json"
    file.write_text("[" * 100_000)
    done = covidreport("list", "runs")
    assert "run bad" in done.err
    assert covidreport("evaluate", "runs").code == 0
    assert read_evaluation(file).counts["covid-19"].fn == 0


def test_a_failure_of_an_earlier_covidreport_is_still_read(tmp_path):
    """Without a remedy."""
    file = write_failure(tmp_path, KEY, Failure("a", "load", "it is broken", "Mend it."))
    assert read_failure(file.parent) == Failure("a", "load", "it is broken", "Mend it.")
    stored = json.loads(file.read_text())
    del stored["remedy"]
    file.write_text(json.dumps(stored))
    read = read_failure(file.parent)
    assert (read.reason, read.remedy, read.explanation) == ("it is broken", "", "it is broken")


def test_what_is_said_to_a_failure_is_kept_within_bounds():
    """A message as long as a model is cut, and half a character in it is replaced."""

    def fail():
        raise ValueError("x\udcff" * 100_000)

    failure = attempt("a", "read", fail)
    assert len(failure.reason) < 3_000
    failure.reason.encode()


ULP = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_raw_outputs_that_are_called_probabilities_are_that_runs_fault(
    project, covidreport, activation
):
    """The range that was seen and the word to change; `predict` writes no such probability."""
    write_model(project / "runs" / "bad", 85)
    described = {"activation": activation}
    _describe_alone(project / "runs" / "bad", described)
    failure = _refused(project, covidreport("evaluate", "runs"))
    assert f"`activation` is '{activation}'" in failure.reason
    low, high = map(float, re.search(r"from (-?[\d.]+) to (-?[\d.]+)", failure.reason).groups())
    assert low < 0
    assert high > 1
    assert '"activation": "logit"' in failure.remedy
    done = covidreport("predict", "runs/bad", "data")
    assert done.code == 3
    assert "these are no probabilities" in done.err
    assert not (project / "predictions.csv").exists()


def _describe_alone(folder, described):
    """Take the activation out of the file's metadata, and say it in run.json."""
    model = onnx.load(folder / "model.onnx")
    kept = [each for each in model.metadata_props if each.key != "covidreport.activation"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    write_run(folder, {"name": folder.name, "input": described})


def test_a_probability_a_few_steps_over_1_is_1(project, covidreport):
    """As a softmax of float32 may round; what is stored is 1."""
    folder = project / "runs" / "new"
    offsets = (1 + 3 * ULP, -3 * ULP, 0.5)
    write_brightness_model(folder / "model.onnx", slopes=(0, 0, 0), offsets=offsets)
    _describe_alone(folder, {"activation": "sigmoid"})
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    scores = read_scores(folder / "evaluations" / KEY / "scores.parquet").scores
    assert set(map(tuple, scores.tolist())) == {(1.0, 0.0, 0.5)}


@pytest.mark.parametrize(
    ("value", "half", "cut"),
    [
        (1 + 4 * ULP, False, 1.0),
        (1 + 6 * ULP, False, None),
        (-4 * ULP, False, 0.0),
        (-6 * ULP, False, None),
        (1.003, True, 1.0),
        (1.003, False, None),
        (1.005, True, None),
        (np.nan, False, np.nan),
        (np.inf, False, np.inf),
        (0.25, False, 0.25),
    ],
)
def test_what_is_rounding_depends_on_the_precision(value, half, cut):
    """Four steps of float32 (4.8e-7) or of float16 (3.9e-3); what is not finite is told as that."""
    scores = np.array([[0.5, value]], np.float32)
    if cut is None:
        with pytest.raises(RunError, match="no probabilities"):
            cut_probabilities(scores, "sigmoid", half=half)
    else:
        found = cut_probabilities(scores, "softmax", half=half)
        np.testing.assert_array_equal(found, np.array([[0.5, cut]], np.float32))
    assert cut_probabilities(scores, "logit", half=half) is scores
