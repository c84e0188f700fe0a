"""What a run folder says of itself is a claim: forged evidence decides no verdict of `ci`."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.records import Counts
from covidreport.storage.cache_folder import clear_cache
from covidreport.store import (
    read_evaluation,
    read_scores,
    write_evaluation,
    write_failure,
    write_scores,
)
from tests.cli.command import write_model, write_project

NAME = "data-validation"
HERE, STORED = "scores computed here", "scores as stored, not computed here"


@pytest.fixture
def study(tmp_path, covidreport, monkeypatch):
    """Of three cases the baseline misses one, `good` none and `bad` all."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path, base=100, good=85, bad=200)
    assert covidreport("evaluate", "runs").code == 0
    assert covidreport("baseline", "set", "runs/base").code == 0
    return tmp_path


def _place(study, name):
    return study / "runs" / name / "evaluations" / NAME


def _forge(study, name):
    """Put good's scores beside the model of `name`, with an evaluation that vouches for them."""
    ours, theirs = read_evaluation(_place(study, name)), read_evaluation(_place(study, "good"))
    shutil.copy(_place(study, "good") / "scores.parquet", _place(study, name) / "scores.parquet")
    write_evaluation(
        study / "runs" / name,
        replace(theirs, run=name, provenance=ours.provenance, timing=ours.timing),
    )


def _judged(done):
    """Exit code, outcome, missed cases, and whose scores."""
    (verdict,) = json.loads(done.out)["verdicts"]
    missed = None if verdict["counts"] is None else verdict["counts"]["fn"]
    return done.code, verdict["outcome"], missed, verdict["scores_from"]


TRUTH = (1, "fail", 3, "computed here")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_another_run_s_scores_beside_a_bad_model(covidreport, study, elsewhere):
    """It misses all, whoever computed the copied scores: here, or elsewhere."""
    _forge(study, "bad")
    if elsewhere:
        clear_cache()
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


def test_scores_that_were_edited_with_an_evaluation_that_agrees(covidreport, study):
    """Logits of the missed cases turned round, and counts to match."""
    place = _place(study, "bad")
    scores = read_scores(place / "scores.parquet")
    values = np.where(scores.truth == 1, np.float32(9), np.float32(-9))
    write_scores(place / "scores.parquet", replace(scores, scores=values))
    counts = {label: Counts(tn=4, fp=0, fn=0, tp=3) for label in scores.labels}
    write_evaluation(study / "runs" / "bad", replace(read_evaluation(place), counts=counts))
    assert covidreport("score", "runs/bad", "--write").code == 0  # all figures agree
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


def test_an_evaluation_that_was_edited(covidreport, study):
    """Counts and figures come from the scores; `gate` refuses what contradicts itself."""
    stored = read_evaluation(_place(study, "bad"))
    good = read_evaluation(_place(study, "good"))
    write_evaluation(
        study / "runs" / "bad",
        replace(
            stored, counts=good.counts, estimates=good.estimates, score_metrics=good.score_metrics
        ),
    )
    done = covidreport("gate", "runs/bad", "--json")
    assert done.code == 3
    assert "other counts than its evaluation states" in done.out
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


@pytest.mark.parametrize(
    ("label", "figure"), [("covid-19", "sensitivity"), ("covid-19", "roc_auc"), ("", "micro_f1")]
)
def test_a_figure_that_was_edited_beside_true_counts(covidreport, study, label, figure):
    """Also of a figure over all labels, and of one that counts don't give."""
    stored = read_evaluation(_place(study, "bad"))
    figures = {**stored.estimates[label]}
    figures[figure] = replace(figures[figure], value=0.99)
    write_evaluation(
        study / "runs" / "bad", replace(stored, estimates={**stored.estimates, label: figures})
    )
    done = covidreport("gate", "runs/bad", "--json")
    assert done.code == 3
    assert f"another {label} {figure}".replace("  ", " ") in done.out
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


def test_a_figure_that_is_called_as_a_count(covidreport, study):
    """`missed` among the estimates does not stand in for the counted one."""
    stored = read_evaluation(_place(study, "bad"))
    named = {**stored.estimates["covid-19"]}
    named["missed"] = replace(named["sensitivity"], value=0.0)
    write_evaluation(
        study / "runs" / "bad", replace(stored, estimates={**stored.estimates, "covid-19": named})
    )
    assert covidreport("gate", "runs/bad", "--limit", "missed<=0", "--json").code == 1


def test_a_second_evaluation_in_a_folder_of_another_name(covidreport, study):
    """The newer one, which says that it is the wanted one, is not taken for it."""
    forged = json.loads((_place(study, "good") / "evaluation.json").read_text())
    forged["timing"]["finished"] = "2099-01-01T00:00:00.000+00:00"
    forged["provenance"] = read_evaluation(_place(study, "bad")).provenance
    forged["has_scores"] = False
    place = study / "runs" / "bad" / "evaluations" / "zzz"
    place.mkdir()
    (place / "evaluation.json").write_text(json.dumps(forged))
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH
    assert covidreport("gate", "runs/bad").code in (1, 3)


@pytest.mark.parametrize("mark", ["imported.json", "published.json", "failure.json"])
def test_a_mark_that_says_where_figures_come_from(covidreport, study, mark):
    """A model that is there is run, whatever stands beside it."""
    _forge(study, "bad")
    for place in (study / "runs" / "bad", _place(study, "bad")):
        (place / mark).write_text('{"schema": "covidreport.imported/1"}\n')
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


def test_a_failure_that_is_planted_hides_nothing(covidreport, study):
    """The attempt is made again."""
    from covidreport.records import Failure

    write_failure(study / "runs" / "bad", NAME, Failure("bad", "load", "planted"))
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


def test_unfinished_scores_that_are_planted(covidreport, study, monkeypatch):
    """A folder of partial scores, whole and under the right key, was not begun here."""
    from covidreport.evaluate.checkpoint import open_checkpoint
    from covidreport.images.cache import decoder_versions

    _forge(study, "bad")
    key = read_evaluation(_place(study, "bad")).provenance["key"]
    key = f"{key} {sorted(decoder_versions().items())}"  # as the loop has it
    scores = read_scores(_place(study, "good") / "scores.parquet").scores
    n, k = scores.shape
    for words in (("ci", "runs/bad"), ("evaluate", "runs/bad", "--force")):
        left = open_checkpoint(_place(study, "bad"), key, n, k, 32)
        left.put(0, scores)
        del left
        covidreport(*words)
        assert read_evaluation(_place(study, "bad")).counts["covid-19"].missed == 3
    left = open_checkpoint(_place(study, "bad"), key, n, k, 32)
    left.put(0, scores)
    del left
    (_place(study, "bad") / "evaluation.json").unlink()
    assert covidreport("evaluate", "runs/bad").code == 0  # goes on from what it found
    done = covidreport("gate", "runs/bad", "--json")
    assert _judged(done)[3] == "as stored"
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH


def test_a_folder_of_evaluations_without_a_model(covidreport, study):
    """It could not be judged, also where its scores were computed here, with a model."""
    (study / "runs" / "good" / "model.onnx").unlink()
    done = covidreport("ci", "runs/good", "--json")
    assert _judged(done) == (3, "error", None, None)
    assert "holds no model to compute them with" in done.out
    assert "--trust-stored" in done.out


def test_stored_scores_are_judged_where_they_are_trusted_and_it_is_said(covidreport, study):
    """In the verdict, the comment, and the report."""
    (study / "runs" / "good" / "model.onnx").unlink()
    done = covidreport("ci", "runs/good", "--trust-stored", "--json")
    assert _judged(done) == (0, "pass", 0, "as stored")
    for name in ("verdict.json", "comment.md", "junit.xml", "report.html"):
        assert STORED in (study / "verdict" / name).read_text().lower(), name
    covidreport("ci", "runs/bad")
    assert STORED not in (study / "verdict" / "report.html").read_text().lower()


def test_a_report_marks_runs_whose_scores_were_not_computed_here(covidreport, study):
    """Each by name, in a finding and in the provenance; not those that were."""
    _forge(study, "bad")
    text = covidreport("render", "runs", "--format", "markdown", "--output", "-").out
    assert "Scores as stored, not computed here: bad" in text
    clear_cache()
    text = covidreport("render", "runs", "--format", "markdown", "--output", "-").out
    assert "Scores as stored, not computed here: bad, base, good" in text


def test_evaluations_that_are_a_link_to_another_run_s(covidreport, study):
    """Nothing is taken from there, and nothing is written there."""
    shutil.rmtree(study / "runs" / "bad" / "evaluations")
    (study / "runs" / "bad" / "evaluations").symlink_to(study / "runs" / "good" / "evaluations")
    before = (_place(study, "good") / "evaluation.json").read_bytes()
    done = covidreport("ci", "runs/bad", "--json")
    assert _judged(done) == (3, "error", None, None)
    assert "which is another run" in done.out
    assert (_place(study, "good") / "evaluation.json").read_bytes() == before
    assert not list(_place(study, "good").glob("failure.json"))


@pytest.mark.parametrize("name", ["scores.parquet", "evaluation.json", ""])
def test_files_that_are_links_to_another_run_s(covidreport, study, name):
    """Written through, they would have been the good run's: it is judged by its own."""
    place = _place(study, "bad")
    shutil.rmtree(place) if not name else (place / name).unlink()
    (place / name if name else place).symlink_to(
        _place(study, "good") / name if name else _place(study, "good")
    )
    before = {file.name: file.read_bytes() for file in _place(study, "good").iterdir()}
    clear_cache()
    done = covidreport("ci", "runs/bad", "runs/good", "--json")
    assert done.code == 3
    outcomes = {each["run"]: each["outcome"] for each in json.loads(done.out)["verdicts"]}
    assert outcomes == {"bad": "error", "good": "pass"}
    assert read_evaluation(_place(study, "good")).counts["covid-19"].missed == 0
    assert set(before) <= {file.name for file in _place(study, "good").iterdir()}


def test_a_known_run_is_known_by_all_digits_of_its_digest(covidreport, study):
    """Of the first 64 bits alone two models could be made to agree; older files have no more."""
    assert covidreport("baseline", "set", "runs/base", "--known", "runs").code == 0
    file = study / "baseline.json"
    document = json.loads(file.read_text())
    digest = document["known"]["bad"]
    assert len(digest) == 64
    for noted, judged in ((digest[:16], False), (digest[:16] + "0" * 48, True), ("", True)):
        document["known"]["bad"] = noted
        file.write_text(json.dumps(document))
        done = covidreport("ci", "runs")
        assert (done.code == 1) == judged
        assert ("No run had to be judged: each of bad, base, good is as it was" in done.out) != (
            judged
        )


def test_a_baseline_s_folder_is_no_better_than_others(covidreport, study):
    """Forged scores of a baseline that misses all would let a worse run pass."""
    _forge(study, "bad")  # says that it misses none
    write_model(study / "runs" / "good", 115)  # misses two, one more than the baseline
    scores = read_scores(_place(study, "base") / "scores.parquet")
    place = _place(study, "base")
    worse = np.where(scores.truth == 1, np.float32(-9), np.float32(-9))
    write_scores(place / "scores.parquet", replace(scores, scores=worse))
    write_evaluation(study / "runs" / "base", read_evaluation(place))  # states their digest
    covidreport("score", "runs/base", "--write")
    assert read_evaluation(place).counts["covid-19"].missed == 3
    done = covidreport("ci", "runs/good", "--baseline", "runs/base", "--json")
    assert _judged(done) == (1, "fail", 2, "computed here")
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["baseline"]["counts"]["fn"] == 1
    assert verdict["baseline"]["scores_from"] == "computed here"


def test_a_baseline_without_a_model_is_none(covidreport, study):
    """Nor is it the best of a folder."""
    (study / "runs" / "good" / "model.onnx").unlink()
    done = covidreport("ci", "runs/bad", "--baseline", "runs/good", "--json")
    assert _judged(done) == (3, "error", None, None)
    done = covidreport("ci", "runs/bad", "--baseline", "runs", "--json")
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["baseline"]["run"] == "base"


def test_what_this_machine_computed_is_not_computed_again(covidreport, study):
    """The files stay as they are; `gate` says whose scores they are."""
    before = (_place(study, "bad") / "evaluation.json").stat().st_mtime_ns
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH
    assert (_place(study, "bad") / "evaluation.json").stat().st_mtime_ns == before
    done = covidreport("gate", "runs/bad")
    assert HERE in done.out
    clear_cache()
    done = covidreport("gate", "runs/bad")
    assert STORED in done.out
    assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH
    assert (_place(study, "bad") / "evaluation.json").stat().st_mtime_ns > before


def test_without_a_cache_all_is_computed(covidreport, study, monkeypatch):
    """Each time, and the verdict says that it was."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    clear_cache()
    for _ in range(2):
        before = (_place(study, "bad") / "evaluation.json").stat().st_mtime_ns
        assert _judged(covidreport("ci", "runs/bad", "--json")) == TRUTH
        assert (_place(study, "bad") / "evaluation.json").stat().st_mtime_ns > before


def test_thresholds_that_were_not_tuned_here_are_used_and_told(covidreport, study):
    """An own thresholds.json is not told of."""
    data = study / "data" / "manifest.csv"
    rows = data.read_text().splitlines()
    assert covidreport("evaluate", "runs", "--split", "train").code == 0
    assert rows
    done = covidreport(
        "tune", "runs/good", "--split", "train", "--label", "covid-19",
        "--target-sensitivity", "0.9",
    )  # fmt: skip
    assert done.code == 0, done.err
    words = ("ci", "runs/good", "--thresholds", "tuned", "--limit", "missed<=3", "--json")
    (study / "baseline.json").unlink()
    (verdict,) = json.loads(covidreport(*words).out)["verdicts"]
    assert verdict["thresholds_written_here"] is True
    file = study / "runs" / "good" / "thresholds.json"
    file.write_text(file.read_text().replace('"n_images": 1', '"n_images": 2'))
    (verdict,) = json.loads(covidreport(*words).out)["verdicts"]
    assert verdict["thresholds_written_here"] is False
    assert "thresholds as stored, not tuned here" in verdict["sentence"]
    assert "thresholds as stored, not tuned here" in (study / "verdict" / "comment.md").read_text()


def test_a_run_that_is_its_own_baseline_is_not_judged(covidreport, study):
    """The model was replaced by a bad one: no worse than itself. Among others it is named."""
    write_model(study / "runs" / "base", 200)
    for place in ("runs/base", "base"):
        done = covidreport("ci", "runs/base", "--baseline", place, "--json")
        assert _judged(done) == (3, "error", None, None)
        assert "it is its own baseline" in done.out
    write_model(study / "runs" / "base", 100)
    done = covidreport("ci", "runs/base", "runs/good", "--baseline", "runs/base")
    assert done.code == 0
    assert "1 of 2 runs is the baseline, or as it was when it was set" in done.err
    assert "(base is the baseline)" in done.err
    assert "Not judged: base is the baseline." in (study / "verdict" / "comment.md").read_text()
    done = covidreport("gate", "runs/base", "--baseline", "runs/base")
    assert "base is its own baseline" in done.out


def test_a_model_of_the_baseline_s_bytes_is_told(covidreport, study):
    """Under another name, and with a baseline.json."""
    shutil.copy(study / "runs" / "base" / "model.onnx", study / "runs" / "bad" / "model.onnx")
    done = covidreport("ci", "runs/bad")
    assert done.code == 0
    assert "The model of bad has the same bytes as that of its baseline base" in done.out


def test_the_comment_begins_with_what_decides_the_verdict(covidreport, study, monkeypatch):
    """A bad model that the change itself lists as known: nothing is judged, and that is said."""
    import subprocess

    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
        subprocess.run(["git", *identity, *words], check=True, capture_output=True)

    git("init", "-qb", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("checkout", "-qb", "change")
    assert covidreport("baseline", "set", "runs/base", "--known", "runs").code == 0
    done = covidreport("ci", "runs", "--base", "main", "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert document["verdicts"] == []
    (notice,) = document["notices"]
    assert notice["code"] == "differs-from-base"
    assert {each["run"]: each["why"] for each in document["not_judged"]} == dict.fromkeys(
        ("bad", "base", "good"), "is as it was when the baseline was set"
    )
    comment = (study / "verdict" / "comment.md").read_text().splitlines()
    assert "differs from the base branch main: baseline.json" in comment[1].replace("\\", "")
    assert "bad, base, good is as it was" in "\n".join(comment)
    assert covidreport("ci", "runs", "--base=-x").code == 2
