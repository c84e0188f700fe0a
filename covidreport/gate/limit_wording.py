"""The sentences of limits: what was measured, what is allowed, and what the data exclude."""

from __future__ import annotations

from decimal import Decimal

from covidreport.gate.metrics import TOLERANCE, is_count
from covidreport.metrics import NonInferiority
from covidreport.records import Comparison, Estimate, Limit, LimitResult
from covidreport.text import DASH, MINUS, decimal, format_p, places_beside, whole


def format_value(value: float | None, places: int = 3) -> str:
    """Three decimals unless more are needed, a count as it is."""
    if value is None or not float(value).is_integer():
        return decimal(value, places)
    counted = abs(value) > 1 or isinstance(value, int)
    return whole(int(value)) if counted else decimal(value, places)


def describe_value(
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
    """A value of a limit's metric: a count without decimals where it is one.

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


def describe_limit(limit: Limit) -> str:
    """What is asked, such as `≥ 0.700` or `against the baseline`, in words that stay while metrics
    move: what the baseline has, and what noise allows, is no part of it.
    """
    if limit.evidence:
        return f"loss ≤ {limit.max_regression:g}, shown"
    parts = []
    if limit.min is not None:
        parts.append(f"≥ {format_bound(limit, limit.min, None)}")
    if limit.max is not None:
        parts.append(f"≤ {format_bound(limit, limit.max, None)}")
    if limit.has_own_allowance:
        parts.append("against the baseline, within noise")
    elif limit.max_regression is not None:
        parts.append(f"against the baseline{_describe_margin(limit)}")
    return ", ".join(parts) or DASH


def describe_loss(
    limit: Limit, baseline: str, judged: NonInferiority | None, cases: int, needed: int | None,
    significant: Comparison | None = None,
) -> str:  # fmt: skip
    """Whether the data exclude a loss of more than the margin; judged is None of counts alone.

    cases: the positives, or the negatives, that there are. needed: about how many it would take.
    significant: a loss that fails the run though the data may not show that it is over the margin.
    """
    loss = f"a loss of more than {limit.max_regression:g} in {limit.name} compared with {baseline}"
    if judged is None:
        return f"Counts alone can't exclude {loss}: that takes the answers to single images."
    which = "positives" if limit.metric == "sensitivity" else "negatives"
    text = {
        "yes": f"The data exclude {loss}",
        "no": f"The data show {loss}",
        "the data cannot say": f"{cases:,} {which} can't exclude {loss}",
    }[judged.answer]
    if significant is not None:
        text = f"{limit.name} is significantly less than {baseline}'s"
        text += f" ({format_p(significant.p_value)})"
    if judged.difference is not None and judged.interval.low is not None:
        text += (
            f": the difference is {format_value(judged.difference)} (95 % interval "
            f"{format_value(judged.interval.low)} to {format_value(judged.interval.high)}, "
            f"{judged.interval.method})"
        )
    if needed is not None and significant is None:
        text += f"; it would take about {needed:,} {which}, if all stays as it looks"
    return f"{text}."
