"""What goes wrong on a card, raised by the runtime's own calls, in the loop that feeds it.

The CPU's provider plays the card. Each call raises what it raises there: a plain RuntimeError.
"""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from msgspec.structs import replace

from covidreport.evaluate import group as groups_of
from covidreport.evaluate.opening import open_run
from covidreport.evaluate.record import evaluate_runs
from covidreport.records import StepsDone
from covidreport.storage.runs import discover_runs
from covidreport.store import read_failure, read_scores
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, make_request
from tests.onnx_models import write_brightness_model
from tests.pretended import DEVICE, OUT_OF_MEMORY

FAULT = "CUDA failure 719: unspecified launch failure"
FOLDER = Path("evaluations") / "data-validation"


@pytest.fixture
def project(tmp_path):
    """Six images (batches of four and two), and three runs."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for name in "abc":
        write_brightness_model(tmp_path / "runs" / name / "model.onnx")
    return manifest, tmp_path / "runs"


def _evaluate(manifest, runs, advance=lambda _: None):
    request = replace(make_request(manifest), execution=DEVICE, provider_option="pretend")

    def on_event(event):
        if isinstance(event, StepsDone):
            advance(event.steps)

    outcomes = evaluate_runs(request, discover_runs([runs]), on_event)
    return {outcome.run.name: outcome for outcome in outcomes}


def _name_of(session):
    """The run whose model an ONNX Runtime session was opened from."""
    return Path(session._model_path).parent.name


def _fail(monkeypatch, call, when, said=FAULT):
    """Let a call of ONNX Runtime's sessions raise where `when(run, how often it was called)`."""
    usual, calls = getattr(ort.InferenceSession, call), {}

    def failing(session, *arguments, **options):
        name = _name_of(session)
        calls[name] = calls.get(name, 0) + 1
        if when(name, calls[name]):
            raise RuntimeError(said)
        return usual(session, *arguments, **options)

    monkeypatch.setattr(ort.InferenceSession, call, failing)


def _watch_groups(monkeypatch):
    """The names of the runs that are loaded together, group by group."""
    groups, sessions = [], weakref.WeakSet()
    together = groups_of._evaluate_together

    def watched(work, group):
        assert not sessions  # those of the group before are gone, and their memory with them
        groups.append([run.name for run in group])
        return together(work, group)

    def opened(request, run, **how):
        found = open_run(request, run, **how)
        sessions.add(found.session)
        return found

    monkeypatch.setattr(groups_of, "_evaluate_together", watched)
    monkeypatch.setattr(groups_of, "open_run", opened)
    return groups


def _only_first(monkeypatch, call, groups):
    """Let a call run out of memory in every session of a group but the first that makes it."""
    first = {}

    def crowded(name, _):
        return first.setdefault(len(groups), name) != name

    _fail(monkeypatch, call, crowded, OUT_OF_MEMORY)


@pytest.mark.parametrize(
    ("call", "which"),
    [
        ("_create_inference_session", 1),
        ("io_binding", 1),
        ("run_with_iobinding", 1),
        ("run_with_iobinding", 2),
    ],
    ids=["load", "bind", "run", "tail"],
)
def test_a_fault_of_one_model_is_its_own(project, monkeypatch, capfd, call, which):
    """At its loading, binding, first batch or last: it has failed, the others are whole."""
    _fail(monkeypatch, call, lambda name, turn: name == "b" and turn == which)
    outcomes = _evaluate(*project)
    assert FAULT in outcomes["b"].failure.reason
    assert "defect" not in outcomes["b"].failure.reason
    for name in "ac":
        assert outcomes[name].failure is None
        assert np.isfinite(read_scores(project[1] / name / FOLDER / "scores.parquet").scores).all()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("call", ["run", "io_binding", "run_with_iobinding"])
def test_what_does_not_fit_beside_the_others_is_the_next_group(project, monkeypatch, call):
    """At its opening, its binding or its first batch: later, whole batches, and nothing is lost."""
    manifest, runs = project
    steps = []
    groups = _watch_groups(monkeypatch)
    _only_first(monkeypatch, call, groups)
    outcomes = _evaluate(manifest, runs, steps.append)
    assert [len(group) for group in groups] == [3, 2, 1]
    assert sum(steps) == 3 * 6
    for name, outcome in outcomes.items():
        assert outcome.failure is None
        assert outcome.evaluation.provenance["device"]["batch"] == 4
        scores = read_scores(runs / name / FOLDER / "scores.parquet").scores
        # brightness 120, 90, 110, 20, 30, 40: a tenth of it less ten
        np.testing.assert_allclose(scores[:, 0], [2, -1, 1, -8, -7, -6], atol=1e-4)
        assert read_failure(runs / name / FOLDER) is None


def test_a_fault_in_the_second_group_is_its_own(project, monkeypatch):
    """One run of three has no room beside the others and fails for itself without them."""
    groups = _watch_groups(monkeypatch)
    _fail(monkeypatch, "run_with_iobinding", lambda name, _: name == "b" and len(groups) == 1,
          OUT_OF_MEMORY)  # fmt: skip
    _fail(monkeypatch, "io_binding", lambda name, _: name == "b" and len(groups) == 2)
    outcomes = _evaluate(*project)
    assert groups == [["a", "b", "c"], ["b"]]
    assert FAULT in outcomes["b"].failure.reason
    assert read_failure(project[1] / "b" / FOLDER).reason == outcomes["b"].failure.reason
    assert outcomes["a"].evaluation
    assert outcomes["c"].evaluation


def test_a_run_without_room_is_halved_once_it_is_alone(project, monkeypatch):
    """Where no two images fit, not even alone, it is fed one by one and says so."""
    groups = _watch_groups(monkeypatch)
    sizes = []
    usual = ort.IOBinding.bind_input

    def bind(self, name, device, number, kind, shape, pointer):
        sizes.append(shape[0])
        usual(self, name, device, number, kind, shape, pointer)

    monkeypatch.setattr(ort.IOBinding, "bind_input", bind)
    _fail(monkeypatch, "run_with_iobinding", lambda name, _: name == "b" and sizes[-1] > 1,
          OUT_OF_MEMORY)  # fmt: skip
    outcomes = _evaluate(*project)
    assert groups == [["a", "b", "c"], ["b"]]
    (finding,) = [each for each in outcomes["b"].evaluation.findings if each.code == "batch-halved"]
    assert "1 images at a time" in finding.what


def test_pixels_without_room_wait_for_the_next_group_and_end_nobody(project, monkeypatch):
    """The slots of the feed do not fit beside three models: each has them to itself in the end."""
    groups = _watch_groups(monkeypatch)
    usual = ort.OrtValue.ortvalue_from_shape_and_type

    def crowded(shape, kind, *where):
        if len(groups[-1]) > 1 and len(shape) == 4:
            raise RuntimeError("CUDA failure 2: out of memory")
        return usual(shape, kind, *where)

    monkeypatch.setattr(ort.OrtValue, "ortvalue_from_shape_and_type", crowded)
    outcomes = _evaluate(*project)
    assert groups == [["a", "b", "c"], ["a"], ["b", "c"], ["b"], ["c"]]
    assert all(outcome.evaluation for outcome in outcomes.values())
