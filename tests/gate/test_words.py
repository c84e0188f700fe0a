"""What a verdict says in words and holds in its fields, where nothing else asks for it."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import GateError
from covidreport.gate.limit_wording import describe_allowed, describe_loss
from covidreport.gate.limits import read_limit
from covidreport.gate.outcomes import WORSE_SPECIFICITY, needs_explanation
from covidreport.gate.stored import read_side
from covidreport.gate.wording import describe_test, say_odds, summarise
from covidreport.metrics import estimate_difference, judge_non_inferiority
from covidreport.metrics.differences import NonInferiority
from covidreport.metrics.intervals import Interval
from covidreport.records import Comparison, Finding, Limit
from covidreport.storage.chosen import ImageQuery
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


def test_what_evidence_says_has_the_difference_and_its_interval():
    """Two more of 28 missed, and a margin of 0.1: too few cases."""
    limit = Limit("sensitivity", TARGET, max_regression=0.1, evidence=True)
    value, interval = estimate_difference(0, 2, np.array([0] * 26 + [-1] * 2), np.ones(28, int))
    judged = judge_non_inferiority(value, interval, 0.1)
    said = describe_loss(limit, "base", judged, 28, 90)
    assert said.startswith("28 positives can't exclude a loss of more than 0.1 in covid-19 sens")
    assert "the difference is -0.071" in said.replace("\N{MINUS SIGN}", "-")
    assert "95 % interval" in said
    assert "it would take about 90 positives" in said
    nothing = NonInferiority("the data cannot say", 0.1, None, Interval(None, None, None))
    assert "difference" not in describe_loss(limit, "base", nothing, 28, None)


def test_a_test_is_told_with_its_interval_where_there_is_one():
    """As a gate's comment has it."""
    pair = Comparison(
        "a", "b", "sensitivity", -0.0714, -0.2264, 0.0582, p_value=0.5, test="mcnemar-exact"
    )
    said = describe_test(pair).replace("\N{MINUS SIGN}", "-")
    assert said == (
        "difference in sensitivity -0.071 (95 % interval -0.226 to 0.058), p = 0.50 by the exact "
        "McNemar test"
    )
    alone = describe_test(replace(pair, low=None, high=None))
    assert "interval" not in alone
    assert describe_test(replace(pair, test="sign-flip over groups")).endswith(
        "the sign-flip test over patients"
    )


def test_a_run_without_the_label_can_not_be_judged(tmp_path):
    run = write_run_missing(tmp_path / "run", 2)
    with pytest.raises(GateError, match="was not evaluated for flu: its labels are covid-19"):
        read_side(run, "flu", ImageQuery(split="validation"))


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.406, "about 4 in 10 times"), (0.97, "more than 9 in 10 times"), (0.085, "about 1 in 12"),
     (0.05, "about 1 in 20"), (0.021, "about 1 in 50"), (0.0101, "about 1 in 100"),
     (0.004, "less than 1 in 100"), (0.996, "more than 99 in 100")],
)  # fmt: skip
def test_odds_are_said_without_more_digits_than_they_have(chance, words):
    assert say_odds(chance).startswith(words)
