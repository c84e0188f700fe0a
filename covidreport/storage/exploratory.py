"""Takes out what does not hold, such as intervals where thresholds were chosen on the images."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from covidreport.records import Estimate, Evaluation, ScoreMetrics, Subgroups, TunedThresholds
from covidreport.text.thresholds import MARK, is_exploratory


def drop_bounds(tuned: TunedThresholds, trained_on: bool = False) -> TunedThresholds:
    """The thresholds without bounds on new images where none holds, and with the reason.

    A bound takes images for independent and new to the model: it holds neither where patients have
    several of them nor where the model was trained on them, and the interval of no rate does.
    """
    why = tuned.unbounded
    if trained_on:
        why = f"the run was trained on {tuned.split}"
    elif not why and (tuned.n_groups or tuned.n_images) < tuned.n_images:
        why = f"{tuned.n_images:,} images are of {tuned.n_groups:,} patients"
    if not why:
        return tuned
    fits = {
        label: replace(
            fit,
            bound=None,
            guaranteed_threshold=None,
            cases_needed=None,
            sensitivity=_drop_interval(fit.sensitivity),
            specificity=_drop_interval(fit.specificity),
        )
        for label, fit in tuned.fits.items()
    }
    return replace(tuned, fits=fits, unbounded=why)


def drop_intervals(evaluation: Evaluation) -> Evaluation:
    """The evaluation without intervals of what its thresholds decide, where these were chosen on
    its own images; they would say how sure a value is that was looked for. Others as they are."""
    labels = [label for label in evaluation.labels if is_exploratory(evaluation, label)]
    if not labels:
        return evaluation
    from covidreport.metrics import iter_metrics  # which few evaluations need

    estimates: dict[str, dict[str, Estimate]] = {label: {} for label in evaluation.estimates}
    for each in iter_metrics(evaluation):
        depends = each.metric is None or each.metric.at_threshold
        marked = depends and each.label in ("", *labels)
        estimates[each.label][each.key] = mark_estimate(each.estimate) if marked else each.estimate
    return replace(
        evaluation,
        estimates=estimates,
        score_metrics=None
        if evaluation.score_metrics is None
        else _mark_score_metrics(evaluation.score_metrics, labels),
    )


def _mark_score_metrics(score_metrics: ScoreMetrics, labels: Sequence[str]) -> ScoreMetrics:
    of_labels = {
        label: replace(
            one,
            positive_likelihood_ratio=mark_estimate(one.positive_likelihood_ratio),
            negative_likelihood_ratio=mark_estimate(one.negative_likelihood_ratio),
            ppv=mark_estimate(one.ppv),
            npv=mark_estimate(one.npv),
        )
        if label in labels
        else one
        for label, one in score_metrics.labels.items()
    }
    subgroups = {
        name: {
            label: _mark_subgroups(each) if label in labels else each
            for label, each in by_label.items()
        }
        for name, by_label in score_metrics.subgroups.items()
    }
    consistency = replace(
        score_metrics.consistency,
        nothing=mark_estimate(score_metrics.consistency.nothing),
        contradiction=mark_estimate(score_metrics.consistency.contradiction),
    )
    return replace(score_metrics, labels=of_labels, subgroups=subgroups, consistency=consistency)


def _mark_subgroups(found: Subgroups) -> Subgroups:
    every = [*found.groups, *([found.not_stated] if found.not_stated else [])]
    marked = [
        replace(
            each,
            sensitivity=mark_estimate(each.sensitivity),
            specificity=mark_estimate(each.specificity),
        )
        for each in every
    ]
    last = marked.pop() if found.not_stated else None
    return replace(found, groups=tuple(marked), not_stated=last)


def mark_estimate(estimate: Estimate) -> Estimate:
    """The figure marked as exploratory, without an interval; what is undefined stays as it is."""
    if estimate.value is None and estimate.low is None:
        return estimate
    return replace(estimate, low=None, high=None, method=MARK)


def _drop_interval(rate: Estimate) -> Estimate:
    return replace(rate, low=None, high=None, method=None)
