"""Whether the best run is more than lucky."""

from __future__ import annotations

import pytest

from covidreport.audit import differences
from covidreport.metrics import bound_mcnemar
from covidreport.records import Finding
from tests.audit.cases import find_in_study, list_experiments, make_counts
from tests.metrics.study import make_evaluation, make_report, make_run, read_study


def test_the_studys_best_run_cannot_be_told_from_the_next_ones():
    """All but experiments 8 and 16, whose gaps to 8 missed are 16 and 18 cases."""
    finding = find_in_study("best-run-not-distinguishable")
    assert finding.subjects[0] == "exp15-vgg16-bce-frozen"
    assert list_experiments(finding) == sorted(
        (number for number in read_study() if number not in {"8", "9", "10", "16"}), key=int
    )
    assert "misses 8 of 28 COVID-19 images" in finding.what
    assert "13 of the 15 other ranked runs (10 to 19 missed)" in finding.what
    assert "120 pairs of 16 ranked runs" in finding.evidence
    # gap 11, with the two larger gaps of exp15, and some of others, tested before it
    assert bound_mcnemar(11) == pytest.approx(0.000977, abs=1e-6)
    said = "19 missed (exp12-resnet18-focal): adjusted p at least 0.10, unadjusted may be < 0.001"
    assert said in finding.evidence


def _compare_best(*missed: int) -> tuple[Finding, ...]:
    runs = [
        make_run(make_evaluation(f"run-{place:02}", make_counts(each, 100 + place)))
        for place, each in enumerate(missed)
    ]
    return differences.audit_best_run(make_report(runs))


@pytest.mark.parametrize(("others", "gap"), [(1, 6), (17, 13)])
def test_the_detectable_difference_is_significant_and_one_case_less_is_not(others, gap):
    """6 cases between two runs; 13 where the best was picked among 18 (153 pairs)."""
    assert _compare_best(2, *[2 + gap] * others) == ()
    (finding,) = _compare_best(2, *[2 + gap - 1] * others)
    assert len(finding.subjects) == 1 + others


def test_equal_runs_never_differ_significantly():
    """Both share the first rank."""
    (finding,) = _compare_best(5, 5)
    assert "adjusted p 1.00, unadjusted 1.00" in finding.evidence
    assert "the other ranked run (5 missed)" in finding.what


def test_one_ranked_run_has_nobody_to_be_compared_with():
    """The unranked are not compared."""
    assert _compare_best(5) == ()
    assert _compare_best(5, 28) == ()
