"""The ranked runs by site, such as by hospital, and what a new site may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.reading import ReadScores
from covidreport.metrics import (
    code_groups,
    decide_label,
    estimate_roc_aucs,
    estimate_subgroups,
    roc_auc_interval,
    sample_units,
)
from covidreport.metrics.proportions import sum_units, with_interval
from covidreport.metrics.sites import find_unusual, pool_sites
from covidreport.metrics.subgroups import FEWEST_CASES
from covidreport.records import (
    Counts,
    EffectiveImages,
    Estimate,
    Evaluation,
    Finding,
    PooledRate,
    Ranking,
    ReportedDataset,
    ReportedRun,
    RunSites,
    Scores,
    SiteFigures,
    SiteRule,
    Sites,
    UnusualSite,
    WithoutSite,
)
from covidreport.report.datasets import explain_incomparable
from covidreport.report.stored import StoredScores, make_once
from covidreport.storage.cache import cached
from covidreport.text import clean, listed
from covidreport.text.thresholds import find_label_rule

METHOD = 1
"""Counted up when the same scores would give other figures."""
DATASET = "dataset"
"""The rule by which each data set is a site."""
_MOST_NAMED = 20
ORDERS = {
    "pooled": "Runs are ordered by their mean sensitivity over sites",
    "worst": "Runs are ordered by the sensitivity at their worst site",
}
"""By the `rank` of a rule."""
Sample = tuple[float, float]
"""Of an effective sample how many count, and of how many."""


class _Measured(Struct, frozen=True):
    """A run at one site: its figures, and of how many independent images each rate is known."""

    figures: SiteFigures
    found: Sample
    cleared: Sample


class _BySite(Struct, frozen=True):
    """One run by the values of an attribute; every attribute that its scores have."""

    sites: dict[str, _Measured]
    not_stated: int
    attributes: tuple[str, ...]


class _Fitted(Struct, frozen=True):
    """A rate over sites, and the sites whose rate the others don't let expect."""

    pooled: PooledRate | None
    unusual: tuple[UnusualSite, ...]


def collect_sites(
    rule: SiteRule | None, rankings: Sequence[Ranking], reported: Sequence[ReportedRun],
    datasets: Sequence[ReportedDataset], read: ReadScores,
) -> tuple[Sites | None, list[Finding]]:  # fmt: skip
    """The first ranking's runs by site, and what must be known where there are none to tell.

    datasets: those of the report, of which each is a site where the rule says so.
    """
    if rule is None or not rankings:
        return None, []
    runs = {each.run.name: each for each in reported}
    ranked = [runs[row.run] for row in rankings[0].rows if row.rank is not None]
    target = rankings[0].target
    by_run = {
        each.run.name: _measure_datasets(each, datasets, target, read)
        if rule.by == DATASET
        else _measure_values(each, rule.by, target, read)
        for each in ranked
    }
    known = {name: found for name, found in by_run.items() if found is not None and found.sites}
    names = tuple(sorted({name for found in known.values() for name in found.sites}))
    if len(names) < 2:
        return None, [_explain_none(rule.by, names, by_run.values())]
    measured = {run: [found.sites.get(name) for name in names] for run, found in known.items()}
    rows = [_describe_run(run, sites) for run, sites in measured.items()]
    ordered = _order(rows, rule)
    if ordered[0].rank is not None:
        ordered[0] = replace(ordered[0], unusual=_find_unusual(measured[ordered[0].run]))
    without = tuple(_leave_out(place, measured) for place in range(len(names)))
    missing = max(found.not_stated for found in known.values())
    sites = Sites(rule, names, tuple(ordered), without, missing)
    return sites, list(find_other_first(sites, rankings[0]))


def find_other_first(sites: Sites, ranking: Ranking) -> tuple[Finding, ...]:
    """That another run is first over sites than by all images, where it is."""
    best = {row.run for row in ranking.rows if row.rank == 1}
    first = [row.run for row in sites.runs if row.rank == 1]
    if not first or best & set(first):
        return ()
    return (
        Finding(
            "warning", "best-run-over-sites", f"Another run is first over sites: "
            f"{listed(first, _MOST_NAMED)}", f"{ORDERS[sites.rule.rank]}, and the ranking counts "
            "the missed cases of all images: a large site decides it.",
            "Choose over sites where the run is meant for other hospitals than these, and say so.",
            tuple(sorted(best)),
        ),
    )  # fmt: skip


def _explain_none(by: str, names: Sequence[str], found: Iterable[_BySite | None]) -> Finding:
    """Why there is nothing to compare."""
    found = tuple(found)
    if not found:
        return Finding(
            "warning", "no-sites", "Nothing is said by site: no run is ranked",
            "by site the ranked runs are shown", "The ranking says why each has no rank.",
        )  # fmt: skip
    if by == DATASET:
        what = "these runs were evaluated on one data set: evaluate them on others"
    else:
        known = dict.fromkeys(name for each in found if each for name in each.attributes)
        if by in known:
            what = f"all images are of {clean(names[0])}" if names else "no image states it"
        else:
            stated = listed([clean(name) for name in known], _MOST_NAMED) if known else "none"
            what = f"the attributes of these images are: {stated}"
    return Finding(
        "warning", "no-sites", f"Nothing is said by site: {clean(by)} does not part the images",
        what, "Name an attribute of the manifest with `--site` or `site`, or `dataset`.",
    )  # fmt: skip


def _measure_datasets(
    reported: ReportedRun, datasets: Sequence[ReportedDataset], target: str, read: ReadScores
) -> _BySite:
    """What a run does on each data set that it was evaluated on."""
    found = {}
    for each in datasets:
        evaluation = each.find(reported)
        here = reported.evaluation
        if evaluation is None or here is None or target not in evaluation.counts:
            continue
        if explain_incomparable(here, evaluation, "sensitivity", target):
            continue
        counts, estimates = evaluation.counts[target], evaluation.estimates.get(target, {})
        figures = SiteFigures(
            counts, *(estimates.get(key, Estimate(None)) for key in
                      ("sensitivity", "specificity", "roc_auc"))
        )  # fmt: skip
        parts = make_once(
            "sites", (METHOD, "whole", target, *_rule_facts(evaluation, target)),
            StoredScores(reported.run, evaluation, read),
            _measure_by(evaluation, "", target), _BySite,
        )  # fmt: skip
        whole = None if parts is None else next(iter(parts.sites.values()), None)
        samples = _sample_counts(evaluation, counts)
        if whole is not None:
            samples = whole.found, whole.cleared
        found[each.dataset] = _Measured(figures, *samples)
    return _BySite(found, 0, ())


def _sample_counts(evaluation: Evaluation, counts: Counts) -> tuple[Sample, Sample]:
    """The effective samples of both rates where there are counts alone: images, unless it is known
    as how many they count."""
    answer = evaluation.facts.answer
    effective = None if answer is None else answer.effective
    if effective is None:
        effective = EffectiveImages(counts.positives, counts.negatives)
    return (
        _scale(counts.tp, counts.positives, effective.positives),
        _scale(counts.tn, counts.negatives, effective.negatives),
    )


def _scale(counted: int, among: int, size: int) -> Sample:
    return (counted * size / among if among else 0.0), float(size)


def _measure_values(
    reported: ReportedRun, by: str, target: str, read: ReadScores
) -> _BySite | None:
    """What a run does on the images of each value of an attribute; None without scores."""
    evaluation = reported.evaluation
    if evaluation is None or target not in evaluation.counts:
        return None
    return make_once(
        "sites", (METHOD, by, target, *_rule_facts(evaluation, target)),
        StoredScores(reported.run, evaluation, read), _measure_by(evaluation, by, target), _BySite,
    )  # fmt: skip


def _rule_facts(evaluation: Evaluation, target: str) -> tuple[object, ...]:
    """What decides answers and intervals, beside the scores."""
    plan = evaluation.score_metrics.plan if evaluation.score_metrics else None
    return find_label_rule(evaluation, target), None if plan is None else plan.interval


def _measure_by(evaluation: Evaluation, by: str, target: str) -> Callable[[Scores], _BySite]:
    """What measures scores by an attribute; by the empty name, all of them as one site."""

    def measure(scores: Scores) -> _BySite:
        every = tuple(scores.attributes)
        values = scores.attributes.get(by) if by else ("all",) * len(scores.sample_ids)
        if values is None or target not in scores.labels:
            return _BySite({}, 0, every)
        return _BySite(
            _measure(scores, values, evaluation, target), sum(not one for one in values), every
        )

    return measure


def _measure(
    scores: Scores, values: Sequence[str], evaluation: Evaluation, target: str
) -> dict[str, _Measured]:
    """A run's figures on the images of each stated value."""
    column = scores.labels.index(target)
    truth, failed = scores.truth[:, column], scores.failed
    yes = decide_label(scores, target, find_label_rule(evaluation, target)) & ~failed
    groups = code_groups(scores.groups)
    plan = evaluation.score_metrics.plan if evaluation.score_metrics else None
    found = {}
    for group in estimate_subgroups(truth, yes, failed, values, groups, plan).groups:
        here = np.array([value == group.value for value in values])
        auc = estimate_roc_aucs(
            truth[here], scores.scores[here, column][np.newaxis], failed[here][np.newaxis],
            None if groups is None else groups[here],
        )  # fmt: skip
        area = Estimate(None)
        if auc is not None:
            area = with_interval(Estimate(float(auc.values[0])), roc_auc_interval(auc, 0))
        figures = SiteFigures(group.counts, group.sensitivity, group.specificity, area)
        found[group.value] = _Measured(
            figures, _sample(yes, here & (truth == 1), groups),
            _sample(~yes & ~failed, here & (truth == 0), groups),
        )  # fmt: skip
    return found


def _sample(
    right: NDArray[np.bool_], among: NDArray[np.bool_], groups: NDArray[np.intp] | None
) -> Sample:
    """The effective sample of a rate; patients whose images show no variance count as one."""
    n = int(np.count_nonzero(among))
    counted = right & among
    if groups is None or not n:
        return float(np.count_nonzero(counted)), float(n)
    sample = sample_units(sum_units(counted, groups), sum_units(among, groups))
    size = float(np.nan_to_num(sample.size, nan=1.0))
    return float(sample.proportion) * size, size


def _describe_run(run: str, sites: Sequence[_Measured | None]) -> RunSites:
    """One run's row, not ranked yet."""
    figures = tuple(None if each is None else each.figures for each in sites)
    enough = [
        (each.sensitivity.value or 0.0, place)
        for place, each in enumerate(figures)
        if each is not None and each.counts.positives >= FEWEST_CASES
    ]
    return RunSites(
        run, figures, _fit([each.found for each in sites if each]).pooled,
        _fit([each.cleared for each in sites if each]).pooled,
        min(enough)[1] if enough else None, None,
    )  # fmt: skip


def _fit(samples: Sequence[Sample], *, search: bool = False) -> _Fitted:
    """A rate over sites, once for the same counts."""

    def compute() -> _Fitted:
        counted, among = [each[0] for each in samples], [each[1] for each in samples]
        unusual = tuple(find_unusual(counted, among)) if search else ()
        return _Fitted(pool_sites(counted, among), unusual)

    return cached("sites", [METHOD, "over", search, *samples], compute, _Fitted)


def _find_unusual(sites: Sequence[_Measured | None]) -> dict[str, tuple[UnusualSite, ...]]:
    """The sites that differ, by metric; places are those among all sites."""
    places = [place for place, each in enumerate(sites) if each is not None]
    kept = [each for each in sites if each is not None]
    of = {"sensitivity": [each.found for each in kept],
          "specificity": [each.cleared for each in kept]}  # fmt: skip
    return {
        metric: tuple(
            replace(each, place=places[each.place]) for each in _fit(samples, search=True).unusual
        )
        for metric, samples in of.items()
    }


def _order(rows: Sequence[RunSites], rule: SiteRule) -> list[RunSites]:
    """In the order that was asked for, equal runs by name; those with a site or a figure less than
    others follow without a rank."""
    able = [row for row in rows if None not in row.figures and _key(row, rule) is not None]
    keys = sorted((key for row in able if (key := _key(row, rule)) is not None), reverse=True)
    ranked = [replace(row, rank=1 + keys.index(key)) for row in able if (key := _key(row, rule))]
    ranked.sort(key=lambda row: (row.rank or 0, row.run))
    names = {row.run for row in ranked}
    return [*ranked, *(row for row in rows if row.run not in names)]


def _key(row: RunSites, rule: SiteRule) -> tuple[float, float] | None:
    """The larger the better: sensitivity, then specificity over sites; None where it lacks them."""
    if row.specificity is None or row.sensitivity is None:
        return None
    if rule.rank == "pooled":
        return row.sensitivity.mean, row.specificity.mean
    worst = None if row.worst is None else row.figures[row.worst]
    if worst is None or worst.sensitivity.value is None:
        return None
    return worst.sensitivity.value, row.specificity.mean


def _leave_out(left: int, measured: dict[str, list[_Measured | None]]) -> WithoutSite:
    """Which runs are first without a site, by missed cases and then false alarms."""
    sums = {}
    for run, sites in measured.items():
        counts = [each.figures.counts for i, each in enumerate(sites) if i != left and each]
        if len(counts) == len(sites) - 1:
            missed, alarms = (sum(each) for each in zip(
                *((one.missed, one.false_alarms) for one in counts), strict=True
            ))  # fmt: skip
            sums[run] = missed, alarms, sum(one.positives for one in counts)
    if not sums:
        return WithoutSite((), 0, 0)
    best = min(missed_alarms[:2] for missed_alarms in sums.values())
    first = tuple(run for run, each in sums.items() if each[:2] == best)
    return WithoutSite(first, best[0], sums[first[0]][2])
