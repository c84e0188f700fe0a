"""Every figure that a limit can name, by label and name: counts, estimates, details, subgroups.

Not offered: the best sensitivity at a specificity and the reverse. Their threshold is picked on the
very images that are gated, which a gate refuses for every threshold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from covidreport.errors import GateError, UsageError
from covidreport.metrics import (
    ALL_METRICS,
    COUNTS,
    DETAIL_METRICS,
    AnswerMetric,
    ConsistencyMetric,
    Direction,
    LabelsMetric,
    Metric,
    iter_metrics,
    list_counts,
    npv_at_prevalence,
    ppv_at_prevalence,
)
from covidreport.records import Counts, Estimate, Evaluation, Limit, Subgroup

Figures = Mapping[str, Mapping[str, Estimate]]
"""By label (empty: over all labels), then by name; a count is an estimate without an interval."""

FAILED: Final = "failed_images"
"""How many images could not be scored: a count over all labels."""
COUNT_ALIASES: Final[Mapping[str, str]] = {
    "false_negatives": "missed",
    "false_positives": "false_alarms",
    "true_positives": "tp",
    "true_negatives": "tn",
}
"""Other names by which counts are known. A false negative here is any positive not found."""

TOLERANCE: Final = 1e-9
"""A figure that breaks a bound by no more than floating point makes of it does not break it."""

IN_SUBGROUPS: Final = ("sensitivity", "specificity", "missed", "false_alarms", "positives",
                       "negatives")  # fmt: skip
BOUNDS: Final = ("low", "high")
_NAME: Final = re.compile(
    r"(?P<figure>[a-z][a-z0-9_]*)(?P<group>\[(?P<attribute>[^=\[\]]+)=(?P<value>[^\[\]]*)\])?"
    r"(\.(?P<bound>[a-z]+))?"
)


def _known_metrics() -> dict[str, Metric]:
    return {**ALL_METRICS, **DETAIL_METRICS}


def _directions() -> dict[str, Direction]:
    of_metrics = {name: metric.direction for name, metric in _known_metrics().items()}
    return {**COUNTS, **of_metrics, FAILED: "lower"}


def list_aliases() -> dict[str, str]:
    """Other names of figures, and what each is called here."""
    of_metrics = {
        alias: name for name, metric in _known_metrics().items() for alias in metric.aliases
    }
    return {**COUNT_ALIASES, **of_metrics}


def is_count(metric: str) -> bool:
    """Whether a figure is a number of images."""
    figure = split_bound(metric)[0].split("[")[0]
    return figure in COUNTS or figure == FAILED


def is_overall(metric: str) -> bool:
    """Whether a figure is one over all labels."""
    figure = split_bound(metric)[0]
    kinds = (LabelsMetric, AnswerMetric, ConsistencyMetric)
    return figure == FAILED or isinstance(_known_metrics().get(figure), kinds)


def read_metric(text: str) -> str:
    """The name of a figure as it is kept, an alias resolved.

    Such as `missed`, `sensitivity.low`, `specificity[sex=F]`. UsageError where nothing is called
    that, or it can't be limited.
    """
    match = _NAME.fullmatch(text)
    figure = list_aliases().get(match["figure"], match["figure"]) if match else ""
    if match is None or figure not in _directions():
        if "_at" in text or "@" in text:
            raise UsageError(
                f"{text}: a figure at the best threshold of the gated images can't be limited; "
                "tune on another split (`covidreport tune`) and limit sensitivity or specificity"
            )
        raise UsageError(_refuse_figure(text, match["figure"] if match else text))
    if match["group"] and figure not in IN_SUBGROUPS:
        raise UsageError(f"{text}: subgroups have only {', '.join(IN_SUBGROUPS)}")
    if match["bound"] is None:
        return f"{figure}{match['group'] or ''}"
    if match["bound"] not in BOUNDS:
        raise UsageError(f"{text}: an interval has the bounds .low and .high")
    if is_count(figure):
        raise UsageError(f"{text}: a count has no interval; limit it as it is, or limit a rate")
    return f"{figure}{match['group'] or ''}.{match['bound']}"


def _refuse_figure(text: str, figure: str) -> str:
    known = [*_directions(), *list_aliases()]
    near = get_close_matches(figure.lower(), known, n=1)
    resembling = (
        name for name, metric in _known_metrics().items() if figure.lower() in metric.resembles
    )
    meant = next(resembling, near[0] if near else "")
    proposed = f". Did you mean {meant}?" if meant else ""
    return f"{text} is no figure; there are: {', '.join(_directions())}{proposed}"


def split_bound(metric: str) -> tuple[str, str | None]:
    """The figure and the bound of its interval: `("sensitivity", "low")`; None for the figure."""
    for bound in BOUNDS:
        if metric.endswith(f".{bound}"):
            return metric.removesuffix(f".{bound}"), bound
    return metric, None


def direction_of(metric: str) -> Direction:
    """Which way a figure is better."""
    return _directions()[split_bound(metric)[0].split("[")[0]]


def read_value(figures: Figures, label: str, metric: str) -> tuple[float | None, Estimate | None]:
    """The figure or bound that a limit names, and the estimate behind it; None where undefined."""
    name, bound = split_bound(metric)
    estimate = figures.get(label, {}).get(name)
    if estimate is None:
        return None, None
    return (estimate.value if bound is None else getattr(estimate, bound)), estimate


def explain_missing(figures: Figures, label: str, metric: str) -> str:
    """Why a subgroup's figure is not there: which attributes or values there are. Else empty."""
    match = _NAME.fullmatch(metric)
    if match is None or not match["group"]:
        return ""
    values: dict[str, list[str]] = {}
    for name in figures.get(label, {}):
        known = _NAME.fullmatch(name)
        if known is not None and known["figure"] == match["figure"] and known["group"]:
            values.setdefault(known["attribute"], []).append(known["value"])
    attribute = match["attribute"]
    if not values:
        return "these images were evaluated without attributes"
    if attribute not in values:
        return (
            f"{attribute} is no attribute of these images, whose attributes are {', '.join(values)}"
        )
    if match["value"] not in values[attribute]:
        return (
            f"no image has {attribute}={match['value']}; the values of {attribute} are "
            f"{', '.join(values[attribute])}"
        )
    return ""


def collect_figures(evaluation: Evaluation) -> Figures:
    """Every figure of an evaluation that a limit can name."""
    figures: dict[str, dict[str, Estimate]] = {
        label: dict(_count_figures(counts)) for label, counts in evaluation.counts.items()
    }
    figures[""] = {FAILED: Estimate(len(evaluation.failures))}
    for one in iter_metrics(evaluation, details=True):
        if one.key not in COUNTS:
            figures.setdefault(one.label, {})[one.key] = one.estimate
    details = evaluation.details
    if details is None:
        return figures
    for attribute, by_label in details.subgroups.items():
        for label, subgroups in by_label.items():
            for group in subgroups.groups:
                figures[label].update(_group_figures(attribute, group))
    return figures


def _count_figures(counts: Counts) -> Iterator[tuple[str, Estimate]]:
    for name, count in list_counts(counts).items():
        yield name, Estimate(count)


def _group_figures(attribute: str, group: Subgroup) -> dict[str, Estimate]:
    place = f"[{attribute}={group.value}]"
    rates = {f"sensitivity{place}": group.sensitivity, f"specificity{place}": group.specificity}
    counts = {
        f"{name}{place}": Estimate(getattr(group.counts, name))
        for name in IN_SUBGROUPS
        if name in COUNTS
    }
    return rates | counts


_AT_PREVALENCE = {
    "ppv_at_prevalence": ppv_at_prevalence,
    "npv_at_prevalence": npv_at_prevalence,
}


def check_prevalence(
    limits: Iterable[Limit], prevalence: Mapping[str, float], evaluation: Evaluation,
    figures: Figures, *, of_baseline: bool = False,
) -> None:  # fmt: skip
    """Raise GateError where a predictive value that is judged is not at today's prevalence.

    prevalence: by label, as the settings state it. A report takes the predictive values of that
    one; a verdict on others would contradict it.
    """
    for limit in limits:
        name, at = limit.metric.partition(".")[0], prevalence.get(limit.label)
        if name not in _AT_PREVALENCE or at is None or limit.label not in evaluation.counts:
            continue
        value = _AT_PREVALENCE[name](evaluation.counts[limit.label], at).value
        estimate = figures.get(limit.label, {}).get(name)
        stored = None if estimate is None else estimate.value
        if value is not None and (stored is None or not math.isclose(stored, value)):
            raise GateError(
                "baseline" if of_baseline else "score",
                f"{name} of {limit.label} as stored of {evaluation.run} is not at a prevalence of "
                f"{at:g}, which the configuration states: "
                + (
                    "make the baseline again with `covidreport baseline set`"
                    if of_baseline
                    else "`covidreport score --write` computes it again from stored scores"
                ),
            )
