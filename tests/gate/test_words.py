"""What a verdict says in words and holds in its fields, where nothing else asks for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covidreport.gate.limit_wording import describe_allowed
from covidreport.gate.limits import read_limit
from covidreport.gate.outcomes import WORSE_SPECIFICITY, needs_explanation
from covidreport.gate.wording import summarise
from covidreport.records import Finding
from tests.gate.runs import TARGET, judge, write_run_missing


@pytest.fixture
def verdict(tmp_path):
    """Two of ten positives missed, where 0.7 of them are to be found."""
    run = write_run_missing(tmp_path / "run", 2)
    return judge(run, None, read_limit("sensitivity>=0.7", TARGET))


def test_a_limit_s_result_holds_the_figure_with_its_interval(verdict):
    """Eight of ten."""
    found = next(each for each in verdict.results if each.limit.metric == "sensitivity")
    assert (found.estimate.numerator, found.estimate.denominator) == (8, 10)
    assert found.estimate.low < 0.8 < found.estimate.high


def test_limits_that_are_kept_are_counted(verdict):
    """In the one line on a run."""
    kept = len(verdict.results)
    assert f"{kept} limits kept" in summarise(verdict)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("missed<=baseline+2", "(the baseline's 4, 2 of slack)"),
        ("missed<=baseline-2", "(the baseline's 4, better by 2)"),
        ("missed<=baseline", "(the baseline's 4)"),
    ],
)
def test_the_slack_of_a_limit_is_told_by_its_side(text, words):
    """More may be missed than by the baseline, or fewer have to be."""
    assert describe_allowed(read_limit(text, TARGET), None, 6, 4).endswith(words)


def test_a_pass_with_a_worse_specificity_needs_more_than_a_row(verdict):
    """And with another finding it does not."""
    finding = Finding("warning", "other", "x", "y", "z")
    assert not needs_explanation(replace(verdict, findings=(finding,)))
    worse = replace(finding, code=WORSE_SPECIFICITY)
    assert needs_explanation(replace(verdict, findings=(worse,)))
