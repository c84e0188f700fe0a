"""A verdict that hangs on a score within 1e-5 of its threshold says so; others say nothing."""

from __future__ import annotations

import re

from msgspec.structs import replace

from covidreport.gate.baseline import read_run_baseline
from covidreport.gate.evidence import write_baseline
from covidreport.gate.limits import read_limit
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.runs import read_run
from covidreport.store import read_evaluation, write_evaluation
from tests.evaluate.scored import write_scored_run
from tests.gate.runs import TARGET, judge, outcomes

UP, DOWN = 0.500004, 0.499996


def _write(folder, first, others=0.8):
    """Ten positives, of which the first has this score, and twenty negatives that are cleared."""
    return write_scored_run(
        folder, "validation", [first, *[others] * 9], [0.1] * 20, prefix="same images"
    )


def _hanging(verdict):
    return [each for each in verdict.findings if each.code == "hangs-on-last-digits"]


def test_a_pass_that_one_near_score_makes_says_so(tmp_path):
    """None is missed, by 4e-6: on the other side one would be, and one is over the limit."""
    run = _write(tmp_path / "a", UP)
    verdict = judge(run, None, read_limit("missed<=0", TARGET))
    assert verdict.outcome == "pass"
    (finding,) = _hanging(verdict)
    assert finding.severity == "warning"
    assert "1 covid-19, 1 normal of a" in finding.evidence  # normal has the reverse scores
    assert "covid-19 missed pass, or fail" in finding.evidence


def test_a_fail_that_one_near_score_makes_says_so(tmp_path):
    """One is missed by 4e-6 and none is allowed."""
    verdict = judge(_write(tmp_path / "a", DOWN), None, read_limit("missed<=0", TARGET))
    assert verdict.outcome == "fail"
    assert len(_hanging(verdict)) == 1


def test_a_near_score_that_changes_no_outcome_says_nothing(tmp_path):
    """One of ten may be missed: on either side the limit is kept."""
    verdict = judge(_write(tmp_path / "a", UP), None, read_limit("missed<=1", TARGET))
    assert verdict.outcome == "pass"
    assert _hanging(verdict) == []


def test_far_scores_say_nothing(tmp_path):
    """A thousandth beside the threshold is an answer."""
    verdict = judge(_write(tmp_path / "a", 0.501), None, read_limit("missed<=0", TARGET))
    assert _hanging(verdict) == []


def test_rates_and_their_bounds_hang_as_counts_do(tmp_path):
    """10 of 10 is a sensitivity of 1, whose Wilson bound is 0.722; 9 of 10 has 0.596."""
    run = _write(tmp_path / "a", UP)
    limits = [read_limit(text, TARGET) for text in ("sensitivity.low>=0.7", "sensitivity>=0.9")]
    verdict = judge(run, None, *limits)
    (finding,) = _hanging(verdict)
    assert "sensitivity.low" in finding.evidence
    assert "sensitivity pass" not in finding.evidence


def test_the_baseline_may_be_what_it_hangs_on(tmp_path):
    """Both miss one, the baseline by 4e-6 alone: had it found that one, the run would fail."""
    base = _write(tmp_path / "base", DOWN)
    run = _write(tmp_path / "a", 0.2)
    verdict = judge(run, base.folder, read_limit("missed<=baseline", TARGET))
    assert outcomes(verdict)["covid-19 missed"] == "pass"
    (finding,) = _hanging(verdict)
    assert "of base" in finding.evidence


def test_beside_a_file_the_runs_own_scores_are_moved(tmp_path):
    """A baseline.json holds no scores; the run that misses one more by 4e-6 hangs all the same."""
    base = _write(tmp_path / "base", 0.8)
    file = tmp_path / "baseline.json"
    write_baseline(file, read_run_baseline(base, TARGET, ImageQuery()).evidence)
    verdict = judge(_write(tmp_path / "a", UP), file, read_limit("missed<=baseline", TARGET))
    assert len(_hanging(verdict)) == 1


def test_evaluations_that_did_not_count_near_scores_are_looked_at(tmp_path):
    """An older file has no such counts: the stored scores are read."""
    run = _write(tmp_path / "a", UP)
    evaluation = read_evaluation(run.folder / "evaluations" / "cxr-validation")
    labels = {
        label: replace(each, near=None) for label, each in evaluation.score_metrics.labels.items()
    }
    assert evaluation.score_metrics is not None
    older = replace(evaluation, score_metrics=replace(evaluation.score_metrics, labels=labels))
    write_evaluation(run.folder, older)
    assert len(_hanging(judge(read_run(run.folder), None, read_limit("missed<=0", TARGET)))) == 1


def test_only_labels_with_near_scores_are_named(tmp_path):
    """The near image is near for both labels; where no other is, none of 0 is counted."""
    run = _write(tmp_path / "a", UP)
    (finding,) = _hanging(judge(run, None, read_limit("missed<=0", TARGET)))
    assert not re.search(r"\b0 (covid-19|normal)", finding.evidence)
