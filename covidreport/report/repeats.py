"""Finds the runs of a report that differ only in their seed, and compares methods over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from covidreport.metrics import compare_configurations, describe_spread, group_repeats, holm
from covidreport.records import (
    ConfigurationComparison,
    Evaluation,
    Ranking,
    RepeatedConfiguration,
    Repeats,
    ReportedRun,
    Run,
    SeedComparison,
)
from covidreport.storage.cache import cached

FIGURES = ("sensitivity", "specificity", "roc_auc")
COMPARED = "missed"
METHOD = 1
"""Counted up when the same figures would be compared otherwise."""
_PLACES = frozenset({"source", "name"})
"""Where the images lie and what their set is called makes no other method of a run."""


def collect_repeats(
    reported: Sequence[ReportedRun], rankings: Sequence[Ranking], target: str
) -> tuple[Repeats, ...]:
    """What was run with several seeds, for each ranking in which anything was.

    Runs that are shown and not ranked belong to their method: a seed that ends in a constant answer
    is part of its luck.
    """
    runs = {item.run.name: item for item in reported}
    found = []
    for place, ranking in enumerate(rankings):
        members: dict[str, tuple[Run, Evaluation]] = {}
        for row in ranking.rows:
            item = runs.get(row.run)
            if row.counted and item is not None and item.evaluation is not None:
                members[row.run] = (item.run, item.evaluation)
        repeats = _find_repeats(place, members, target)
        if repeats is not None:
            found.append(repeats)
    return tuple(found)


def describe_method(run: Run) -> dict[str, Any]:
    """What makes a run the method that it is: hyper-parameters, start and data, and the seed."""
    if run.configuration is not None:  # stated: what else its runs say decides nothing
        return {"configuration": run.configuration, "seed": run.seed}
    data = {key: value for key, value in run.part("data").items() if key not in _PLACES}
    return {
        "hyperparameters": {k: v for k, v in run.hyperparameters.items() if k != "seed"},
        "started_from": run.settings.get("started_from"),
        "data": data or None,
        "seed": run.settings.get("seed", run.hyperparameters.get("seed")),
    }


def _find_repeats(
    place: int, members: Mapping[str, tuple[Run, Evaluation]], target: str
) -> Repeats | None:
    groups = group_repeats({name: describe_method(run) for name, (run, _) in members.items()})
    if not groups:
        return None
    apart = keep_differing([flatten_settings(group.settings) for group in groups])
    methods = []
    missed: list[list[float]] = []
    for group, settings in zip(groups, apart, strict=True):
        evaluations = [members[run][1] for run in group.runs]
        missed.append([float(each.counts[target].missed) for each in evaluations])
        figures = {COMPARED: describe_spread(missed[-1])} | {
            name: describe_spread([_value(each, target, name) for each in evaluations])
            for name in FIGURES
        }
        methods.append(
            RepeatedConfiguration(group.runs, group.seeds, settings, group.copies, figures)
        )
    return Repeats(place, tuple(methods), _compare(missed))


def _compare(missed: Sequence[Sequence[float]]) -> tuple[ConfigurationComparison, ...]:
    pairs = list(combinations(range(len(missed)), 2))
    if not pairs:
        return ()

    def compare() -> list[SeedComparison]:
        return [compare_configurations(missed[i], missed[j]) for i, j in pairs]

    # Not for the tests, which are quick, but for SciPy, which is slow to load.
    found = cached("repeats", [METHOD, missed], compare, list[SeedComparison])
    adjusted = holm([each.p_value for each in found])
    return tuple(
        ConfigurationComparison(i, j, COMPARED, each, float(p))
        for (i, j), each, p in zip(pairs, found, adjusted, strict=True)
    )


def _value(evaluation: Evaluation, target: str, metric: str) -> float | None:
    estimate = evaluation.estimates.get(target, {}).get(metric)
    return None if estimate is None else estimate.value


def flatten_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of all sections by their own names."""
    flat: dict[str, Any] = {}
    for section, value in settings.items():
        if isinstance(value, Mapping):
            for key, item in value.items():
                flat[key if key not in flat else f"{section} {key}"] = item
        elif value is not None:
            flat[section] = value
    return flat


def keep_differing(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each method's settings those in which methods differ; the architecture of a lone one."""
    if len(settings) == 1:
        return [{key: settings[0][key] for key in ("architecture", "loss") if key in settings[0]}]
    keys = dict.fromkeys(key for each in settings for key in each)
    apart = [key for key in keys if any(each.get(key) != settings[0].get(key) for each in settings)]
    return [{key: each.get(key) for key in apart} for each in settings]
