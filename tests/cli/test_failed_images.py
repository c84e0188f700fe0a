"""Where too few images could be read, nothing is said: exit code 3, and the figures stand."""

from __future__ import annotations

import pytest

from covidreport.store import read_evaluation
from covidreport.text.failed import explain_failed
from tests.cli.command import read_verdict, write_study
from tests.datasets import write_flat_dataset

ROWS = [*[(120, "covid-19", "validation")] * 10, *[(20, "normal", "validation")] * 30]


@pytest.fixture
def study(tmp_path):
    """Forty images and two runs; the first so many files are cut off where a test wants it."""
    write_study(tmp_path, base=100, new=85)
    write_flat_dataset(tmp_path / "data", ROWS)
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    return tmp_path


def _cut(study, n):
    for row in range(n):
        image = study / "data" / f"{row:03}.png"
        image.write_bytes(image.read_bytes()[:40])


@pytest.mark.parametrize(("n", "code"), [(0, 0), (2, 0), (3, 3), (40, 3)])
def test_evaluate_and_audit_end_with_3_where_too_many_failed(covidreport, study, n, code):
    """Two of forty are the 5 % that may fail; the evaluation is stored and shown all the same."""
    _cut(study, n)
    done = covidreport("evaluate")
    assert done.code == code, done.err
    assert "ranked by missed covid-19" in done.out
    stored = read_evaluation(study / "runs" / "new" / "evaluations" / "data-validation")
    assert stored.counts["covid-19"].missed == min(n, 10)
    if code:
        said = "not one of 40 images" if n == 40 else "3 of 40 images could not be read or scored"
        assert f"error: {said}" in done.err
        assert "nothing can be said of base, new" in done.err
    assert covidreport("audit", "data/manifest.csv").code == code
    assert covidreport("evaluate").code == code  # kept as it was, and judged alike


def test_ci_and_gate_do_not_judge_them(covidreport, study):
    """Neither a pass nor a fail, whatever the counts are: the reason stands in the verdict."""
    _cut(study, 3)
    for words in (("ci", "runs/new"), ("gate", "runs/new", "--output-dir", "verdict")):
        done = covidreport(*words, "--limit", "missed<=0")
        assert done.code == 3, done.err
        _, verdict = read_verdict(study / "verdict")
        assert verdict["outcome"] == "error"
        assert "3 of 40 images could not be read or scored" in verdict["error"]["reason"]
        done = covidreport(*words, "--limit", "missed<=0", "--max-failed-share", "0.1")
        assert done.code == 1, done.err
        assert read_verdict(study / "verdict")[1]["counts"]["failed_positive"] == 3


def test_the_share_is_an_option_and_a_setting(covidreport, study):
    """The option goes before the setting; where all failed no share helps."""
    _cut(study, 3)
    assert covidreport("evaluate", "--max-failed-share", "0.1").code == 0
    settings = study / "covidreport.toml"
    settings.write_text(f"{settings.read_text()}max_failed_share = 0.1\n")
    assert covidreport("evaluate").code == 0
    assert covidreport("evaluate", "--max-failed-share", "0").code == 3
    assert covidreport("evaluate", "--max-failed-share", "1.5").code == 2
    _cut(study, 40)
    assert covidreport("evaluate", "--max-failed-share", "1").code == 3
    settings.write_text("max_failed_share = 2\n")
    done = covidreport("evaluate")
    assert (done.code, "`max_failed_share` is 2" in done.err) == (2, True)


def test_the_share_is_counted_by_hand():
    """At the limit is not over it; no images at all are nobody's fault."""
    assert explain_failed(5, 100, 0.05) is None
    assert "6 of 100" in str(explain_failed(6, 100, 0.05))
    assert explain_failed(0, 0, 0.05) is None
    assert explain_failed(0, 1, 0.0) is None
    assert "not one of 1" in str(explain_failed(1, 1, 1.0))
