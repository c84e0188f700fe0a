"""What this machine made is recorded in its cache, by the bytes of files."""

from __future__ import annotations

import shutil

import pytest
from msgspec.structs import replace

from covidreport.storage.cache_folder import clear_cache
from covidreport.storage.made_here import MadeHere
from covidreport.storage.runs import read_evaluations, read_run
from covidreport.store import write_evaluation
from tests.evaluate.scored import write_scored_run


@pytest.fixture
def made(tmp_path):
    """A run whose evaluation was noted, by another process."""
    run = write_scored_run(tmp_path / "run", "validation", [0.9, 0.2], [0.1])
    (run.folder / "model.onnx").write_bytes(b"model")
    run = read_run(run.folder)
    (evaluation,), _ = read_evaluations(run)
    evaluation = replace(evaluation, provenance={**evaluation.provenance, "key": "k"})
    write_evaluation(run.folder, evaluation)
    MadeHere().note_evaluation(run, evaluation)
    return run, evaluation


def _place(run, evaluation):
    return run.folder / "evaluations" / evaluation.key


def test_what_was_noted_is_known_to_the_next_process(made):
    """Also of a copy of the folder, under another name; not once the cache is cleared."""
    run, evaluation = made
    assert MadeHere().has_evaluation(run, evaluation)
    shutil.copytree(run.folder, run.folder.parent / "copy")
    copy = read_run(run.folder.parent / "copy")
    assert MadeHere().has_evaluation(copy, evaluation)
    clear_cache()
    assert not MadeHere().has_evaluation(run, evaluation)


@pytest.mark.parametrize("name", ["scores.parquet", "evaluation.json"])
def test_a_byte_that_changes_makes_it_unknown(made, name):
    """Of either file; so does a file that is gone, or a pipe in its place."""
    run, evaluation = made
    file = _place(run, evaluation) / name
    file.write_bytes(file.read_bytes() + b" ")
    assert not MadeHere().has_evaluation(run, evaluation)
    file.unlink()
    assert not MadeHere().has_evaluation(run, evaluation)


def test_what_decides_answers_belongs_to_it(made):
    """The evaluation's key, what run.json says of the input, and that there is a model."""
    run, evaluation = made
    other = replace(evaluation, provenance={"key": "another"})
    assert not MadeHere().has_evaluation(run, other)
    described = replace(run, settings={**run.settings, "input": {"activation": "sigmoid"}})
    assert not MadeHere().has_evaluation(described, evaluation)
    assert not MadeHere().has_evaluation(replace(run, model=None), evaluation)


def test_files_written_anew_stay_what_they_were(made):
    """Made here before, made here after; and the reverse."""
    run, evaluation = made
    for known in (True, False):
        if not known:
            clear_cache()
        with MadeHere().rewriting(run, evaluation):
            evaluation = replace(evaluation, timing={"finished": str(known)})
            write_evaluation(run.folder, evaluation)
        assert MadeHere().has_evaluation(run, evaluation) == known


@pytest.mark.parametrize("use_cache", [True, False])
def test_without_a_cache_one_process_knows_what_it_did(made, monkeypatch, use_cache):
    """Where the cache is off, or may not be written to; nothing raises."""
    run, evaluation = made
    clear_cache()
    if use_cache:
        monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    here = MadeHere()
    here.note_evaluation(run, evaluation, use_cache=use_cache)
    here.note_checkpoint("token", use_cache=use_cache)
    assert here.has_evaluation(run, evaluation)
    assert here.has_checkpoint("token")
    assert not MadeHere().has_evaluation(run, evaluation)
    assert not MadeHere().has_checkpoint("token")


def test_a_record_that_was_damaged_is_none(made, cache_of_its_own):
    """Cut off by a power failure."""
    run, evaluation = made
    for file in (cache_of_its_own / "made-here").glob("*/data"):
        file.write_bytes(b"")
    assert not MadeHere().has_evaluation(run, evaluation)
