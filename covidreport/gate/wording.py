"""A verdict's sentences: plain text for every output, figures as fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from covidreport.compare.bounds import ALPHA
from covidreport.compare.finding import excludes_zero
from covidreport.gate.figures import TOLERANCE, is_count
from covidreport.records import (
    Comparison,
    Estimate,
    Limit,
    LimitResult,
    NotJudged,
    ScoresFrom,
    Verdict,
)
from covidreport.text import DASH, MINUS, decimal, format_p, list_some, places_beside, plural, whole

SHOWN_CASES = 20
_ORIGINS: Mapping[ScoresFrom, str] = {
    "computed here": "computed here",
    "as stored": "as stored, not computed here",
}


def format_value(value: float | None, places: int = 3) -> str:
    """Three decimals unless more are needed, a count as it is."""
    if value is None or not float(value).is_integer():
        return decimal(value, places)
    counted = abs(value) > 1 or isinstance(value, int)
    return whole(int(value)) if counted else decimal(value, places)


def describe_figure(
    limit: Limit, value: float | None, estimate: Estimate | None, bound: float | None,
    missing: str = "",
) -> str:  # fmt: skip
    """Such as `covid-19 sensitivity is 0.714 (20 of 28, 95 % interval 0.529 to 0.847)`.

    missing: why there is no value, where that is known.
    """
    if value is None:
        text = f"{limit.name} is undefined or missing, which is no pass"
        return f"{text}: {missing}" if missing else text
    text = f"{limit.name} is {format_number(limit, value, bound)}"
    if estimate is None or is_count(limit.metric):
        return text
    evidence = []
    if estimate.numerator is not None and estimate.denominator is not None:
        evidence.append(f"{estimate.numerator:,} of {estimate.denominator:,}")
    if estimate.low is not None and estimate.high is not None:
        low, high = format_value(estimate.low), format_value(estimate.high)
        evidence.append(f"95 % interval {low} to {high}")
    return f"{text} ({', '.join(evidence)})" if evidence else text


def format_number(limit: Limit, value: float | None, bound: float | None = None) -> str:
    """A value of a limit's figure: a count without decimals where it is one.

    bound: what it is read beside; it has the decimals that show on which side of it it lies.
    """
    if value is not None and is_count(limit.metric):
        return whole(int(value)) if float(value).is_integer() else f"{value:,.2f}"
    return format_value(value, _choose_places(limit, value, bound))


def format_bound(limit: Limit, bound: float, value: float | None) -> str:
    """A bound as it was stated, with three decimals at least; one from the baseline as the value.

    value: what it is read beside.
    """
    if not _is_stated(limit, bound):
        if is_count(limit.metric):
            return format_number(limit, bound)
        return format_value(bound, _choose_places(limit, value, bound))
    text = f"{Decimal(f'{bound:.12g}'):,f}".replace("-", MINUS)
    if is_count(limit.metric):
        return text
    whole, _, decimals = text.partition(".")
    return text if not decimals and abs(bound) > 1 else f"{whole}.{decimals:0<3}"


def _is_stated(limit: Limit, bound: float) -> bool:
    return bound in (limit.min, limit.max)


def _choose_places(limit: Limit, value: float | None, bound: float | None) -> int:
    """The fewest decimals, from three, with which value and bound read in their order."""
    if value is None or bound is None or abs(value - bound) <= TOLERANCE:
        return 3
    return places_beside(value, bound, stated=_is_stated(limit, bound))


def describe_allowed(limit: Limit, low: float | None, high: float | None,
                     baseline: float | None, value: float | None = None) -> str:  # fmt: skip
    """Such as `at most 8 is allowed (the baseline's 8)`."""
    parts = []
    if low is not None:
        parts.append(f"at least {format_bound(limit, low, value)} is wanted")
    if high is not None:
        parts.append(f"at most {format_bound(limit, high, value)} is allowed")
    text = " and ".join(parts)
    if limit.max_regression is None:
        return text
    if baseline is None:
        return (f"{text}; " if text else "") + "the baseline's is undefined or missing"
    return f"{text} (the baseline's {format_number(limit, baseline)}{_describe_margin(limit)})"


def _describe_margin(limit: Limit) -> str:
    margin = limit.max_regression
    if not margin:
        return ""
    size = f"{abs(margin) * 100:g} %" if limit.relative else f"{abs(margin):g}"
    return f", {size} of slack" if margin > 0 else f", better by {size}"


def describe_bound(result: LimitResult) -> str:
    """What was allowed, for a cell of a table, such as `≤ 8`; a dash where nothing is known."""
    limit = result.limit
    if limit.evidence:
        return f"loss ≤ {limit.max_regression:g}, shown"
    parts = []
    if result.allowed_min is not None:
        parts.append(f"≥ {format_bound(limit, result.allowed_min, result.value)}")
    if result.allowed_max is not None:
        parts.append(f"≤ {format_bound(limit, result.allowed_max, result.value)}")
    return ", ".join(parts) or DASH


def describe_skipped(skipped: Sequence[NotJudged]) -> str:
    """Which runs needed no verdict, and why, such as `exp15 is the baseline`; may be empty."""
    by_reason: dict[str, list[str]] = {}
    for each in skipped:
        by_reason.setdefault(each.why, []).append(each.run)
    return "; ".join(
        f"{'each of ' if len(runs) > 1 else ''}{list_some(runs, SHOWN_CASES)} {why}"
        for why, runs in by_reason.items()
    )


def describe_origin(
    scores: ScoresFrom, baseline: ScoresFrom | None = None, thresholds_here: bool | None = None
) -> str:
    """Whether scores were computed here, or are what run folders claim; tuned thresholds too."""
    parts = ["scores " + _ORIGINS[scores]]
    if baseline is not None and baseline != scores:
        parts.append("the baseline's scores " + _ORIGINS[baseline])
    if thresholds_here is False:
        parts.append("thresholds as stored, not tuned here")
    return "; ".join(parts)


def describe_origins(verdicts: Sequence[Verdict]) -> str:
    """Whose scores the verdicts rest on, of all runs in a line."""
    stored = [each.run for each in verdicts if each.scores_from == "as stored"]
    judged = sum(each.scores_from is not None for each in verdicts)
    if not judged:
        return ""
    if not stored:
        return f"Scores {_ORIGINS['computed here']}."
    rest = " those of the others computed here." if len(stored) < judged else ""
    named = list_some(stored, SHOWN_CASES)
    return f"Scores {_ORIGINS['as stored']}, of {named};{rest}".rstrip(";") + ("" if rest else ".")


def describe_paired(verdict: Verdict) -> str:
    """What the paired test says of the run and the baseline; empty where nothing was compared."""
    if verdict.baseline is None:
        return ""
    if not verdict.comparisons:
        reason = verdict.not_compared or "there are no images to compare them on"
        return f"Not compared case by case: {reason}."
    gap = verdict.smallest_gap
    told = {each.metric: each for each in verdict.comparisons}
    sentences = []
    if gap is not None and "sensitivity" in told:
        sentences.append(
            f"On the same {plural(gap.positives, 'positive')} as {verdict.baseline.run}: "
            f"{plural(len(verdict.newly_missed), 'case')} newly missed, "
            f"{len(verdict.newly_found):,} newly found; {describe_test(told['sensitivity'])}."
        )
        sentences.append(_describe_gap(verdict))
    if "specificity" in told:
        sentences.append(f"Of the negatives: {describe_test(told['specificity'])}.")
    return " ".join(each for each in sentences if each)


def describe_test(comparison: Comparison) -> str:
    """Such as `difference in specificity −0.060 (95 % interval …), p < 0.001 by …`."""
    test = "the exact McNemar test"
    if comparison.test != "mcnemar-exact":
        test = "the sign-flip test over patients"
    text = f"difference in {comparison.metric} {format_value(comparison.difference)}"
    if comparison.low is not None and comparison.high is not None:
        low, high = format_value(comparison.low), format_value(comparison.high)
        text += f" (95 % interval {low} to {high})"
    text += f", {format_p(comparison.p_value)} by {test}"
    if excludes_zero(comparison) and (comparison.p_value or 0.0) > ALPHA:
        text += "; the interval, Tango's, excludes 0 since it does not come from that exact test"
    return text


def _describe_gap(verdict: Verdict) -> str:
    gap = verdict.smallest_gap
    if gap is None:
        return ""
    text = f"No gap under {plural(gap.cases, 'case')} can be told from chance here"
    if gap.positives_needed is not None and gap.gap is not None:
        text += (
            f"; for the gap of {gap.gap} at hand it would take about {gap.positives_needed:,} "
            "positives"
        )
    return f"{text}."


def describe_cases(verdict: Verdict) -> list[str]:
    """The newly missed and the newly found cases, a line each; none where there are none."""
    lines = []
    for title, cases in (
        ("Newly missed", verdict.newly_missed), ("Newly found", verdict.newly_found),
    ):  # fmt: skip
        if cases:
            lines.append(f"{title}: {list_some(cases, SHOWN_CASES)}")
    return lines
