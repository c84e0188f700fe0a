"""Nothing is computed twice, and nothing stale is kept."""

from __future__ import annotations

import json
import os
import signal
import textwrap

import numpy as np
import pytest
from onnx import TensorProto

from covidreport import images
from covidreport.evaluate import decode, group, opening, record, units
from covidreport.evaluate.memory import group_by_memory
from covidreport.images.cache import open_scratch
from covidreport.inference import session
from covidreport.records import PixelSpec
from covidreport.storage.cache_folder import clear_cache, list_entries
from covidreport.storage.runs import discover_runs
from covidreport.store import read_scores, write_run
from tests.cli.bad_runs import cast_to, edit_model
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.forking import run_python
from tests.onnx_models import write_brightness_model


@pytest.fixture
def watched(monkeypatch):
    """Counts of models opened and image files read from now on."""
    seen = {"models": 0, "files": 0}

    def open_session(path, execution, **options):
        seen["models"] += 1
        return original_open(path, execution, **options)

    def read_bytes(path):
        seen["files"] += 1
        return original_read(path)

    original_open, original_read = session.open_session, images.read_bytes
    monkeypatch.setattr(opening, "open_session", open_session)
    monkeypatch.setattr(decode, "read_bytes", read_bytes)
    return seen


@pytest.fixture
def study(tmp_path):
    """Six images and two runs."""
    write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    write_brightness_model(tmp_path / "runs" / "b" / "model.onnx", offsets=(-8.5, 10, -1))
    return tmp_path


def _describe(runs):
    for name in ("a", "b"):
        write_run(runs / name, {"name": name, "input": {"output_name": "logits"}})


def _run(study, **options):
    request = make_request(study / "data" / "manifest.csv", **options)
    return evaluate_folder(study / "runs", request)


def _files(study):
    return {
        path.relative_to(study): path.read_bytes()
        for path in study.glob("runs/*/evaluations/**/*")
        if path.is_file()
    }


def test_what_is_unchanged_is_kept(study, watched):
    """The second time no model is opened, no image is read and no file is written."""
    first = _run(study)
    before = _files(study)
    watched.update(models=0, files=0)
    second = _run(study)
    assert watched == {"models": 0, "files": 0}
    assert all(outcome.reused for outcome in second.values())
    assert {n: o.evaluation for n, o in second.items()} == {
        n: o.evaluation for n, o in first.items()
    }
    assert _files(study) == before


def test_a_new_model_alone_is_run_on_cached_pixels(study, watched):
    """Another model file is evaluated again; its images come from the cache."""
    _run(study)
    write_brightness_model(study / "runs" / "b" / "model.onnx", offsets=(-20, 10, -1))
    watched.update(models=0, files=0)
    outcomes = _run(study)
    assert watched == {"models": 1, "files": 0}
    assert (outcomes["a"].reused, outcomes["b"].reused) == (True, False)
    assert outcomes["b"].evaluation.counts["covid-19"].missed == 2


def test_other_thresholds_need_no_model(study, watched):
    """A lower threshold is applied to the stored scores: brightness 90 is now called."""
    _run(study)
    watched.update(models=0, files=0)
    outcome = _run(study, thresholds={"covid-19": 0.2})["a"]
    assert watched == {"models": 0, "files": 0}
    assert outcome.evaluation.counts["covid-19"].missed == 0
    fresh = _run(study, thresholds={"covid-19": 0.2}, force=True)["a"].evaluation
    assert fresh.counts == outcome.evaluation.counts
    assert fresh.estimates == outcome.evaluation.estimates


@pytest.mark.parametrize(
    "change",
    [
        lambda study: write_flat_dataset(study / "data", [(121, *ROWS[0][1:]), *ROWS[1:]]),
        lambda study: write_flat_dataset(
            study / "data", [(ROWS[0][0], "normal", "validation"), *ROWS[1:]]
        ),
        lambda study: _describe(study / "runs"),
    ],
    ids=["an image", "a label", "the description of the model"],
)
def test_a_change_of_what_scores_depend_on_is_noticed(study, watched, change):
    """Other pixels, other truth or another description: both runs are run again."""
    _run(study)
    change(study)
    watched.update(models=0)
    assert not any(outcome.reused for outcome in _run(study).values())
    assert watched["models"] == 2


def test_another_batch_size_is_another_evaluation(study, watched):
    """Scores may differ in the last bit with the batch, so it is part of the key."""
    _run(study)
    assert not _run(study, batch=3)["a"].reused


def test_force_computes_again_and_ends_with_the_same_scores(study, watched):
    """--force opens the models and gives the same bytes."""
    _run(study)
    before = {path: data for path, data in _files(study).items() if path.suffix == ".parquet"}
    watched.update(models=0)
    _run(study, force=True)
    assert watched["models"] == 2
    assert {p: d for p, d in _files(study).items() if p.suffix == ".parquet"} == before


def test_verify_looks_at_the_bytes(study, watched):
    """A model replaced under its old size and time is noticed, with `verify` and without."""
    _run(study)
    model = study / "runs" / "a" / "model.onnx"
    facts = model.stat()
    write_brightness_model(model, offsets=(-20.0, 10.0, -1.0))
    assert model.stat().st_size == facts.st_size
    os.utime(model, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert not _run(study)["a"].reused
    assert _run(study, verify=True)["a"].reused


def test_an_image_replaced_under_its_old_size_and_time_is_noticed(study):
    """As `cp -p` does it: the change time tells, without `verify`."""
    before = make_request(study / "data" / "manifest.csv")
    image = study / "data" / "000.png"
    facts = image.stat()
    image.write_bytes((study / "data" / "001.png").read_bytes())
    os.utime(image, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert image.stat().st_size == facts.st_size

    after = make_request(study / "data" / "manifest.csv")

    assert after.digests[0] == after.digests[1] != before.digests[0]
    assert after.digests[1:] == before.digests[1:]


def test_an_image_that_changes_while_it_is_evaluated_fails(study):
    """Bytes that are not those of the fingerprint are not scored under its name."""
    request = make_request(study / "data" / "manifest.csv")
    (study / "data" / "000.png").write_bytes((study / "data" / "001.png").read_bytes())
    evaluation = evaluate_folder(study / "runs", request)["a"].evaluation
    assert [failure.reason for failure in evaluation.failures] == [
        "the file changed while it was evaluated"
    ]


def test_failed_images_fail_from_the_cache_as_well(study, watched):
    """A broken file keeps its reason without being opened again."""
    (study / "data" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    first = _run(study)["a"].evaluation
    write_brightness_model(study / "runs" / "b" / "model.onnx", offsets=(-20, 10, -1))
    watched.update(files=0)
    second = _run(study)["b"].evaluation
    assert watched["files"] == 0
    assert second.failures == first.failures


def test_without_the_cache_nothing_is_kept_outside_the_runs(study, watched, cache_of_its_own):
    """--no-cache leaves the cache folder empty and reads the images each time, and three of them
    once more beforehand: those that are scored alone and together."""
    _run(study, use_cache=False)
    assert not list(cache_of_its_own.rglob("*"))
    watched.update(files=0)
    _run(study, use_cache=False, force=True)
    assert watched["files"] == 6 + 3


def test_a_deleted_cache_is_filled_again(study, watched):
    """The cache is safe to delete at any time."""
    first = _run(study)["a"].evaluation
    kinds = {"pixels", "digests", "models", "made-here"}
    assert {entry.kind for entry in list_entries()} == kinds
    assert len(clear_cache()) == 2 + 2 * len("ab")
    watched.update(files=0)
    again = _run(study, force=True)["a"].evaluation
    assert watched["files"] == 6
    assert again.counts == first.counts


def test_models_that_do_not_fit_together_take_turns(study, watched, monkeypatch):
    """In two groups the answers are the same and the images are still read once."""
    together = {name: o.evaluation.counts for name, o in _run(study).items()}
    clear_cache()
    monkeypatch.setattr(record, "group_by_memory", lambda runs, **_: [[run] for run in runs])
    watched.update(files=0)
    apart = {name: o.evaluation.counts for name, o in _run(study, force=True).items()}
    assert apart == together
    assert watched["files"] == 6


def test_without_a_cache_groups_still_decode_each_image_once(study, watched, monkeypatch):
    """The first group leaves its pixels in a folder that is gone in the end."""
    together = {name: o.evaluation.counts for name, o in _run(study).items()}
    clear_cache()
    places = []

    def noted(folder, n, spec):
        places.append(folder)
        return open_scratch(folder, n, spec)

    monkeypatch.setattr(group, "open_scratch", noted)
    monkeypatch.setattr(record, "group_by_memory", lambda runs, **_: [[run] for run in runs])
    watched.update(files=0)
    outcomes = _run(study, force=True, use_cache=False)
    assert {name: o.evaluation.counts for name, o in outcomes.items()} == together
    assert watched["files"] == 6
    assert len(places) == 1
    assert not places[0].exists()


def test_groups_fit_the_budget(study):
    """Two models of equal size with room for one and a half: two groups; a giant stands alone."""
    runs = discover_runs([study / "runs"])
    size = runs[0].model.stat().st_size
    assert [len(group) for group in group_by_memory(runs, 1e12)] == [2]
    assert [len(group) for group in group_by_memory(runs, 1.25 * size * 1.5)] == [1, 1]
    assert [len(group) for group in group_by_memory(runs, 1)] == [1, 1]


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_an_interrupted_evaluation_goes_on_where_it_stopped(study, monkeypatch, kind):
    """After two of three chunks the rest alone is scored, and the bytes are those of one go.

    The scores of a graph that gives doubles are kept as such.
    """
    if kind == "float64":
        for name in "ab":
            edit_model(study / "runs" / name / "model.onnx", cast_to(TensorProto.DOUBLE))
    whole = _run(study, batch=2, jobs=1)["a"].evaluation
    stored = read_scores(study / "runs/a/evaluations/data-validation/scores.parquet")
    assert stored.scores.dtype == kind
    expected = _files(study)
    for path in study.glob("runs/*/evaluations/*/*"):
        path.unlink()

    class StopHereError(KeyboardInterrupt):
        """As Ctrl-C: what is no `Exception` is no run's fault."""

    calls = []
    original = units.score_chunk

    def stopping(chunk, opened, batch):
        calls.append((opened.run.name, chunk.start))
        if len(calls) == 4:
            raise StopHereError
        return original(chunk, opened, batch)

    monkeypatch.setattr(units, "score_chunk", stopping)
    with pytest.raises(StopHereError):
        _run(study, batch=2, jobs=1)
    first = set(calls) - {calls[3]}  # whatever was under way was finished
    calls[:] = [("none", 0)] * 10
    _run(study, batch=2, jobs=1)
    rest = set(calls[10:])
    assert first & rest == set()
    assert len(first | rest) == 6
    scores = {path: data for path, data in expected.items() if path.suffix == ".parquet"}
    after = _files(study)
    assert {path: after[path] for path in scores} == scores
    assert _run(study, batch=2)["a"].evaluation.counts == whole.counts
    assert not list(study.glob("runs/*/evaluations/*/.partial"))


def test_a_killed_evaluation_goes_on_and_ends_with_the_same_bytes(study, tmp_path):
    """SIGKILL in the middle of a chunk: what was scored is there, the rest follows."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from covidreport.evaluate import units
        from tests.evaluate.cases import make_request, evaluate_folder
        original, calls = units.score_chunk, []
        def killing(chunk, opened, batch):
            calls.append(1)
            if len(calls) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(chunk, opened, batch)
        units.score_chunk = killing
        request = make_request(Path(sys.argv[2]), batch=2, jobs=1)
        evaluate_folder(Path(sys.argv[1]), request)
    """
    done = run_python("covidreport", "-c", textwrap.dedent(code), study / "runs", study / "data")
    assert done.returncode == -signal.SIGKILL, done.stderr
    partial = list(study.glob("runs/*/evaluations/*/.partial/checks.u64"))
    assert sum(np.count_nonzero(np.fromfile(path, np.uint64)) for path in partial) == 3
    _run(study, batch=2, jobs=1)
    resumed = {p: d for p, d in _files(study).items() if p.suffix == ".parquet"}
    _run(study, batch=2, jobs=1, force=True)
    assert {p: d for p, d in _files(study).items() if p.suffix == ".parquet"} == resumed


def test_partial_scores_of_another_model_are_not_used(study, monkeypatch):
    """What an interrupted run left is thrown away when the model has changed since."""
    folder = study / "runs" / "a" / "evaluations" / "data-validation"
    from covidreport.evaluate.checkpoint import open_checkpoint

    left = open_checkpoint(folder, "another key", 6, 3, 4)
    left.put(0, np.full((4, 3), 99))
    left.put(4, np.full((2, 3), 99))
    evaluation = _run(study)["a"].evaluation
    assert evaluation.counts["covid-19"].tp == 1


def test_a_broken_evaluation_is_computed_again(study):
    """An evaluation.json that can't be read is no reason to stop, nor to be kept."""
    _run(study)
    file = study / "runs" / "a" / "evaluations" / "data-validation" / "evaluation.json"
    file.write_text("{")
    outcome = _run(study)["a"]
    assert not outcome.reused
    assert json.loads(file.read_text())["run"] == "a"


def test_two_input_sizes_have_two_entries(study):
    """Pixels are cached by what the model wants of them."""
    write_brightness_model(study / "runs" / "c" / "model.onnx", pixels=PixelSpec(16, 16))
    _run(study)
    assert [entry.kind for entry in list_entries()].count("pixels") == 2
