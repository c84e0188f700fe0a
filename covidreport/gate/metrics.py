"""Every metric that a limit can name, by label and name: counts, estimates, score metrics,
subgroups, and what the model costs.

Not offered: the best sensitivity at a specificity and the reverse. Their threshold is picked on the
very images that are gated, which a gate refuses for every threshold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from covidreport.errors import GateError, UsageError
from covidreport.metrics import (
    ALL_METRICS,
    COUNTS,
    SCORE_METRICS,
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
from covidreport.records import Cost, Estimate, Evaluation, GateEvidence, Limit, Subgroup

FAILED: Final = "failed_images"
"""How many images could not be scored: a count over all labels."""
COSTS: Final[Mapping[str, Direction]] = {
    "parameters": "lower",
    "model_mib": "lower",
    "images_per_s": "higher",
    "memory_mib": "lower",
}
"""Of the model and over all labels: as `Cost`, sizes in MiB."""
MEASURED: Final = ("images_per_s", "memory_mib")
"""Costs that depend on the machine."""
COUNT_ALIASES: Final[Mapping[str, str]] = {
    "false_negatives": "missed",
    "false_positives": "false_alarms",
    "true_positives": "tp",
    "true_negatives": "tn",
}
"""Other names by which counts are known. A false negative here is any positive not found."""

TOLERANCE: Final = 1e-9
"""A value that breaks a bound by no more than floating point makes of it does not break it."""

IN_SUBGROUPS: Final = ("sensitivity", "specificity", "missed", "false_alarms", "positives",
                       "negatives")  # fmt: skip
BOUNDS: Final = ("low", "high")
_NAME: Final = re.compile(
    r"(?P<metric>[a-z][a-z0-9_]*)(?P<group>\[(?P<attribute>[^=\[\]]+)=(?P<value>[^\[\]]*)\])?"
    r"(\.(?P<bound>[a-z]+))?"
)


def _known_metrics() -> dict[str, Metric]:
    return {**ALL_METRICS, **SCORE_METRICS}


def _directions() -> dict[str, Direction]:
    of_metrics = {name: metric.direction for name, metric in _known_metrics().items()}
    return {**COUNTS, **of_metrics, FAILED: "lower", **COSTS}


def list_aliases() -> dict[str, str]:
    """Other names of metrics, and what each is called here."""
    of_metrics = {
        alias: name for name, metric in _known_metrics().items() for alias in metric.aliases
    }
    return {**COUNT_ALIASES, **of_metrics}


def is_count(metric: str) -> bool:
    """Whether a metric is a number of images."""
    name = split_bound(metric)[0].split("[")[0]
    return name in COUNTS or name == FAILED


def is_over_labels(metric: str) -> bool:
    """Whether a metric depends on which labels there are."""
    return is_overall(metric) and split_bound(metric)[0] not in (FAILED, *COSTS)


def is_overall(metric: str) -> bool:
    """Whether a metric is one over all labels."""
    name = split_bound(metric)[0]
    kinds = (LabelsMetric, AnswerMetric, ConsistencyMetric)
    return name in (FAILED, *COSTS) or isinstance(_known_metrics().get(name), kinds)


def read_metric(text: str) -> str:
    """The name of a metric as it is kept, an alias resolved.

    Such as `missed`, `sensitivity.low`, `specificity[sex=F]`. UsageError where nothing is called
    that, or it can't be limited.
    """
    match = _NAME.fullmatch(text)
    name = list_aliases().get(match["metric"], match["metric"]) if match else ""
    if match is None or name not in _directions():
        if "_at" in text or "@" in text:
            raise UsageError(
                f"{text}: a metric at the best threshold of the gated images can't be limited; "
                "tune on another split (`covidreport tune`) and limit sensitivity or specificity"
            )
        raise UsageError(_refuse_metric(text, match["metric"] if match else text))
    if match["group"] and name not in IN_SUBGROUPS:
        raise UsageError(f"{text}: subgroups have only {', '.join(IN_SUBGROUPS)}")
    if match["bound"] is None:
        return f"{name}{match['group'] or ''}"
    if match["bound"] not in BOUNDS:
        raise UsageError(f"{text}: an interval has the bounds .low and .high")
    if is_count(name) or name in COSTS:
        kind = "cost" if name in COSTS else "count"
        raise UsageError(f"{text}: a {kind} has no interval; limit it as it is, or limit a rate")
    return f"{name}{match['group'] or ''}.{match['bound']}"


def _refuse_metric(text: str, name: str) -> str:
    known = [*_directions(), *list_aliases()]
    near = get_close_matches(name.lower(), known, n=1)
    resembling = (
        each for each, metric in _known_metrics().items() if name.lower() in metric.resembles
    )
    meant = next(resembling, near[0] if near else "")
    proposed = f". Did you mean {meant}?" if meant else ""
    return f"{text} is no metric; there are: {', '.join(_directions())}{proposed}"


def split_bound(metric: str) -> tuple[str, str | None]:
    """The metric and the bound of its interval: `("sensitivity", "low")`; None for itself."""
    for bound in BOUNDS:
        if metric.endswith(f".{bound}"):
            return metric.removesuffix(f".{bound}"), bound
    return metric, None


def direction_of(metric: str) -> Direction:
    """Which way a metric is better."""
    return _directions()[split_bound(metric)[0].split("[")[0]]


def read_value(
    evidence: GateEvidence, label: str, metric: str
) -> tuple[float | None, Estimate | None]:
    """The metric or bound that a limit names, and the estimate behind it; None where undefined.

    A count is an estimate without an interval.
    """
    name, bound = split_bound(metric)
    if name in COUNTS and label in evidence.counts:
        count = Estimate(list_counts(evidence.counts[label])[name])
        return count.value, count
    estimate = evidence.metrics.get(label, {}).get(name)
    if estimate is None:
        return None, None
    return (estimate.value if bound is None else getattr(estimate, bound)), estimate


def explain_missing(
    estimates: Mapping[str, Mapping[str, Estimate]], label: str, metric: str
) -> str:
    """Why a subgroup's metric is not there: which attributes or values there are; or a cost.
    Else empty."""
    if metric in COSTS:
        return "its evaluation did not record it, or this system does not measure it"
    match = _NAME.fullmatch(metric)
    if match is None or not match["group"]:
        return ""
    values: dict[str, list[str]] = {}
    for name in estimates.get(label, {}):
        known = _NAME.fullmatch(name)
        if known is not None and known["metric"] == match["metric"] and known["group"]:
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


def collect_estimates(evaluation: Evaluation) -> dict[str, dict[str, Estimate]]:
    """Every metric of an evaluation that a limit can name, but for the counts of each label.

    By label (empty: over all labels), then by name.
    """
    estimates: dict[str, dict[str, Estimate]] = {label: {} for label in evaluation.counts}
    estimates[""] = {FAILED: Estimate(len(evaluation.failures)), **_list_costs(evaluation.cost)}
    for one in iter_metrics(evaluation, score_metrics=True):
        if one.key not in COUNTS:
            estimates.setdefault(one.label, {})[one.key] = one.estimate
    score_metrics = evaluation.score_metrics
    if score_metrics is None:
        return estimates
    for attribute, by_label in score_metrics.subgroups.items():
        for label, subgroups in by_label.items():
            for group in subgroups.groups:
                estimates[label].update(_list_group(attribute, group))
    return estimates


def _list_costs(cost: Cost) -> dict[str, Estimate]:
    values = {
        "parameters": cost.parameters,
        "model_mib": None if cost.file_bytes is None else cost.file_bytes / 2**20,
        "images_per_s": cost.images_per_s,
        "memory_mib": None if cost.memory_bytes is None else cost.memory_bytes / 2**20,
    }
    return {name: Estimate(value) for name, value in values.items() if value is not None}


def _list_group(attribute: str, group: Subgroup) -> dict[str, Estimate]:
    suffix = f"[{attribute}={group.value}]"
    rates = {f"sensitivity{suffix}": group.sensitivity, f"specificity{suffix}": group.specificity}
    counts = {
        f"{name}{suffix}": Estimate(getattr(group.counts, name))
        for name in IN_SUBGROUPS
        if name in COUNTS
    }
    return rates | counts


_AT_PREVALENCE = {
    "ppv_at_prevalence": ppv_at_prevalence,
    "npv_at_prevalence": npv_at_prevalence,
}


def check_prevalence(
    limits: Iterable[Limit], prevalence: Mapping[str, float], evidence: GateEvidence, *,
    of_baseline: bool = False,
) -> None:  # fmt: skip
    """Raise GateError where a predictive value that is judged is not at today's prevalence.

    prevalence: by label, as the settings state it. A report takes the predictive values of that
    one; a verdict on others would contradict it.
    """
    for limit in limits:
        name, at = limit.metric.partition(".")[0], prevalence.get(limit.label)
        if name not in _AT_PREVALENCE or at is None or limit.label not in evidence.counts:
            continue
        value = _AT_PREVALENCE[name](evidence.counts[limit.label], at).value
        stored, _ = read_value(evidence, limit.label, name)
        if value is not None and (stored is None or not math.isclose(stored, value)):
            raise GateError(
                "baseline" if of_baseline else "score",
                f"{name} of {limit.label} as stored of {evidence.run} is not at a prevalence of "
                f"{at:g}, which the configuration states: "
                + (
                    "make the baseline again with `covidreport baseline set`"
                    if of_baseline
                    else "`covidreport score --write` computes it again from stored scores"
                ),
            )
