"""Every command knows a model by all of its files: weights in a second file decide as well."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from covidreport.storage.model import identify_model
from covidreport.store import read_evaluation, read_scores
from tests.cli.command import write_model, write_project
from tests.onnx_models import move_weights_out

KEY = "data-validation"


@pytest.fixture
def study(tmp_path, covidreport, monkeypatch):
    """Two runs of two files each, evaluated: both miss one of three."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path, base=100, new=100)
    for name in ("base", "new"):
        move_weights_out(tmp_path / "runs" / name / "model.onnx")
    done = covidreport("evaluate")
    assert done.code == 0, done.err
    assert covidreport("baseline", "set", "runs/base", "--known", "runs").code == 0
    return tmp_path


def _replace_weights(study, name="new", limit=300):
    """Weights that call nothing covid-19, of the same size and time of change; the graph stays."""
    place = study / "runs" / name / "model.onnx.data"
    facts, graph = place.stat(), (study / "runs" / name / "model.onnx").read_bytes()
    other = write_model(study / "other" / name, limit)
    shutil.copy(move_weights_out(other), place)
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert place.stat().st_size == facts.st_size
    assert (study / "runs" / name / "model.onnx").read_bytes() == graph
    return place


def _stored(study, name="new"):
    return read_evaluation(study / "runs" / name / "evaluations" / KEY)


def _missed(study, name="new"):
    return _stored(study, name).counts["covid-19"].missed


def test_replaced_weights_are_evaluated_again(covidreport, study):
    """Size and time of change tell nothing; the scores are those of the new weights."""
    assert "2 of 2 runs are unchanged" in covidreport("evaluate").err
    _replace_weights(study)
    done = covidreport("evaluate")
    assert (done.code, "1 of 2 runs is unchanged" in done.err) == (0, True)
    assert (_missed(study, "base"), _missed(study)) == (1, 3)
    recorded = _stored(study).provenance["model"]
    assert recorded["sha256"] == identify_model(study / "runs/new/model.onnx").sha256
    assert set(recorded["files"]) == {"model.onnx", "model.onnx.data"}


def test_a_gate_refuses_replaced_weights_until_they_are_evaluated(covidreport, study):
    """What it advises works at once: no command sends its user back."""
    assert covidreport("gate", "runs/new").code == 0
    _replace_weights(study)
    done = covidreport("gate", "runs/new")
    assert done.code == 3
    assert "run `covidreport evaluate" in " ".join(done.out.split())
    assert covidreport("evaluate", "runs/new").code == 0
    assert covidreport("gate", "runs/new").code == 1


def test_ci_judges_replaced_weights_by_their_own_answers(covidreport, study):
    """3 of 3 missed fail, although the run was known and its stored scores were good."""
    assert json.loads(covidreport("ci", "runs", "--json").out)["verdicts"] == []
    _replace_weights(study)
    done = covidreport("ci", "runs", "--json")
    (verdict,) = json.loads(done.out)["verdicts"]
    assert (done.code, verdict["run"], verdict["outcome"]) == (1, "new", "fail")
    assert verdict["counts"]["fn"] == 3


def _remove(place):
    place.unlink()


def _cut(place):
    place.write_bytes(place.read_bytes()[:-1])


def _point(place):
    place.write_text("version https://git-lfs.github.com/spec/v1\n")


def _lead_out(place):
    outside = place.parent.parent.parent / "outside"
    place.rename(outside)
    place.symlink_to(outside)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_remove, "is not there"),
        (_cut, "it is cut off"),
        (_point, "is a pointer of Git LFS"),
        (_lead_out, "leaves the run folder"),
    ],
)
def test_a_run_whose_files_are_not_all_there_fails_and_is_never_unchanged(
    covidreport, study, spoil, said
):
    """The other run is kept; evaluate, gate, ci, predict and --occlude all say what is wrong."""
    spoil(study / "runs" / "new" / "model.onnx.data")
    done = covidreport("evaluate")
    assert done.code == 3
    assert "1 of 2 runs is unchanged" in done.err
    assert said in done.err
    for words in (
        ("gate", "runs/new"),
        ("ci", "runs"),
        ("predict", "runs/new/model.onnx", "data", "--output", "answers.csv"),
        ("evaluate", "runs/new", "--occlude", "centre"),
    ):
        done = covidreport(*words)
        assert done.code == 3, words
        assert said in " ".join((done.out + done.err).split()), words
    assert not (study / "answers.csv").exists()
    assert covidreport("evaluate", "runs/base").code == 0
    assert _missed(study, "base") == 1


def test_thresholds_that_were_tuned_for_other_weights_are_not_applied(covidreport, study):
    """The graph is the same file; the answers are another model's."""
    assert covidreport("evaluate", "--split", "train").code == 0
    tune = ("tune", "--split", "train", "--target-sensitivity", "0.9", "--label", "covid-19")
    covidreport(*tune)
    assert covidreport("evaluate", "--thresholds", "tuned").code == 0
    _replace_weights(study)
    done = covidreport("evaluate", "--thresholds", "tuned")
    assert done.code == 3
    assert "run new was not evaluated" in done.err


def test_list_counts_all_files_of_a_model(covidreport, study):
    """A model of 344 MB is no model of 1.0 MB."""
    place = study / "runs" / "new" / "model.onnx.data"
    with place.open("ab") as file:
        file.truncate(344_000_000)
    assert "328 MiB" in covidreport("list").out


def test_a_model_that_is_not_as_it_was_exported_is_a_finding(covidreport, study):
    """One flipped bit in the weights: scores stay finite, and run.json tells all the same."""
    model = study / "runs" / "base" / "model.onnx"
    weights = study / "runs" / "base" / "model.onnx.data"
    run = {"schema": "covidreport.run/1", "export": {"sha256": identify_model(model).sha256}}
    (model.parent / "run.json").write_text(json.dumps(run))
    assert covidreport("evaluate", "--force").code == 0
    assert not [f for f in _stored(study, "base").findings if f.code == "model-not-as-exported"]
    data = bytearray(weights.read_bytes())
    data[3] ^= 1
    weights.write_bytes(bytes(data))
    done = covidreport("evaluate")
    assert done.code == 0
    assert "The model of base is not the one that was exported" in done.err
    scores = read_scores(study / "runs" / "base" / "evaluations" / KEY / "scores.parquet")
    assert np.isfinite(scores.scores).all()


def test_a_model_of_one_file_keeps_its_stored_evaluation(covidreport, study):
    """The digest is the sha256 of its bytes, as it has always been."""
    path = write_model(study / "runs" / "one", 100)
    assert covidreport("evaluate", "runs/one").code == 0
    recorded = _stored(study, "one").provenance["model"]
    assert recorded["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "files" not in recorded
