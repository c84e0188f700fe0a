"""What must be known of folds, and of configurations that were evaluated over all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from covidreport.audit.evidence import DataEvidence
from covidreport.metrics import (
    code_groups,
    count_curve,
    decide_label,
    list_undefined,
    measure_fold_spread,
    number_folds,
    roc_auc,
)
from covidreport.records import Dataset, Evaluation, Finding, ReportData, Scores
from covidreport.text import decimal, format_p, label_name, listed, plural
from covidreport.text.thresholds import find_label_rule, is_tuned

ALPHA: Final = 0.01
"""The check runs on every configuration, so healthy ones must pass."""
MOST_NAMED: Final = 5


def audit_partition(dataset: Dataset) -> tuple[Finding, ...]:
    """Patients in two folds, and images in none, of a data set whose images are in folds."""
    if dataset.folds is None:
        return ()
    found = []
    of: defaultdict[str, set[str]] = defaultdict(set)
    for group, fold in zip(dataset.groups or (), dataset.folds, strict=False):
        if fold:
            of[group].add(fold)
    shared = {group for group, folds in of.items() if len(folds) > 1}
    if shared:
        found.append(
            Finding(
                "error",
                "patients-across-folds",
                f"{plural(len(shared), 'patient')} {'has' if len(shared) == 1 else 'have'} images "
                "in several folds: models were trained on patients that they are evaluated on",
                f"of {plural(len(of), 'patient')} in folds",
                "Draw folds by patient (`covidreport split --folds`) and train again; until then "
                "the figures are too good.",
                tuple(
                    sample
                    for sample, group in zip(dataset.ids, dataset.groups or (), strict=False)
                    if group in shared
                ),
            )
        )
    blank = [sample for sample, fold in zip(dataset.ids, dataset.folds, strict=True) if not fold]
    if blank and len(blank) < len(dataset):
        found.append(
            Finding(
                "warning",
                "images-in-no-fold",
                f"Of {plural(len(dataset), 'image')} {len(blank):,} in no fold: cross-validated "
                "configurations are not evaluated on them",
                "their cell in the column `fold` is empty",
                "Give them a fold, or leave them out of the split.",
                tuple(blank),
            )
        )
    return tuple(found)


def audit_data_folds(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Patients in two folds."""
    found = audit_partition(evidence.dataset)
    return tuple(each for each in found if each.severity == "error")  # blank in other splits


def audit_folds(evaluation: Evaluation, scores: Scores, target: str) -> tuple[Finding, ...]:
    """What must be known of a configuration's answers over all its folds; none for other runs."""
    folds = evaluation.facts.folds
    if not folds or scores.folds is None or target not in scores.labels:
        return ()
    return (
        _describe_models(evaluation, scores, target), *_find_spread(evaluation, scores, target)
    )  # fmt: skip


def audit_other_folds(data: ReportData) -> tuple[Finding, ...]:
    """A note where configurations of one ranking were trained on different folds."""
    found = []
    runs = {one.run.name: one.evaluation for one in data.runs if one.evaluation is not None}
    for ranking in data.rankings:
        parts = {
            row.run: frozenset(fold.fingerprint for fold in runs[row.run].facts.folds)
            for row in ranking.rows if row.run in runs and runs[row.run].facts.folds
        }  # fmt: skip
        if len(set(parts.values())) > 1:
            found.append(
                Finding(
                    "note",
                    "other-folds",
                    "Not all cross-validated configurations of a ranking have the same folds",
                    f"{len(set(parts.values()))} partitions of the same images among "
                    f"{listed(sorted(parts))}",
                    "Counts and tests are of the same images and hold; part of a difference may "
                    "be that of the folds. Train all on the same folds to compare recipes.",
                    tuple(sorted(parts)),
                )
            )
    return tuple(found)


def _describe_models(evaluation: Evaluation, scores: Scores, target: str) -> Finding:
    """Whose figures these are, and why the ROC AUC is not that of all images at once."""
    models = len(evaluation.facts.folds)
    column = scores.labels.index(target)
    mean = evaluation.estimates.get(target, {}).get("roc_auc")
    truth, values = scores.truth[:, column], scores.scores[:, column]
    pooled = roc_auc(count_curve(truth, values, scores.failed)).value
    said = []
    if mean is not None and mean.value is not None and pooled is not None:
        said.append(
            f"its ROC AUC of {decimal(mean.value, 3)} is the mean over folds, weighted by their "
            f"positives. Pooled, of all images at once, it is {decimal(pooled, 3)}, which ranks "
            "scores of different models, that need not share a scale"
        )
        said += _describe_calibration(evaluation, target)
        said.append(
            "average precision, the Brier score, curves and what is said at a stated specificity "
            "are of all images at once"
        )
    own = [fold.thresholds.get(target) for fold in evaluation.facts.folds]
    known = [each for each in own if each is not None]
    if is_tuned(evaluation, target) and known:
        said.append(
            f"each model has its own tuned threshold, {min(known):.3g} to {max(known):.3g}, from "
            f"which its scores are measured: it stands at {evaluation.thresholds[target]:g}"
        )
    undefined = list_undefined(scores, column)
    if undefined:
        said.append(
            f"left out of that mean, since it lacks {label_name(target)} or images without it: "
            f"fold {listed(undefined)}"
        )
    return Finding(
        "note",
        "cross-validated",
        f"{evaluation.run} is {models} models, one a fold: each image is answered by the model "
        "that was trained without its fold",
        "; ".join(said) or "each image counts once",
        "Intervals and tests are of these models: models that are trained again by the same "
        "recipe differ by more.",
        (evaluation.run,),
    )


def _describe_calibration(evaluation: Evaluation, target: str) -> list[str]:
    """Intercept, slope and ECE over folds, those of all images at once, and why they differ."""
    metrics = evaluation.score_metrics
    one = None if metrics is None else metrics.labels.get(target)
    if one is None or "ece" not in one.pooled:
        return []
    found = {
        "calibration intercept": (one.calibration.intercept, "calibration_intercept"),
        "slope": (one.calibration.slope, "calibration_slope"),
        "ECE": (one.calibration.ece, "ece"),
    }
    figures = listed(
        [
            f"{name} {decimal(estimate.value)} ({decimal(one.pooled[key])})"
            for name, (estimate, key) in found.items()
        ]
    )
    words = (
        f"so are its {figures}; in brackets those of all images at once. There a model whose "
        "scores lie above another's makes all seem too extreme. Few images a fold make a larger "
        "ECE by chance"
    )
    if one.calibration.slope.value is None:
        words += (
            ". The dash: in one fold at least scores part the classes, and a mean of the others "
            "would leave the better models out"
        )
    return [words]


def _find_spread(evaluation: Evaluation, scores: Scores, target: str) -> tuple[Finding, ...]:
    """A finding where some folds miss more than chance explains."""
    answers = decide_label(scores, target, find_label_rule(evaluation, target))
    positive = scores.truth[:, scores.labels.index(target)] == 1
    groups = code_groups(scores.groups)
    names = sorted(set(np.array(scores.folds)[positive].tolist()))
    spread = measure_fold_spread(
        ~answers[positive],
        number_folds(np.array(scores.folds)[positive].tolist()),
        None if groups is None else groups[positive],
    )
    if spread.p_value is None or spread.p_value > ALPHA:
        return ()
    return (
        Finding(
            "warning",
            "folds-differ",
            f"The models of {evaluation.run} miss {label_name(target)} more often in some folds "
            "than chance explains",
            f"missed {_list_missed(names, spread.missed, spread.positives)}; "
            f"{format_p(spread.p_value)} (chi-square over folds, by permutation of "
            f"{'images' if groups is None else 'patients'})",
            "Look at how these folds differ, or whether the training of one failed: one figure "
            "for all folds hides it.",
            (evaluation.run,),
        ),
    )


def _list_missed(names: Sequence[str], missed: Sequence[int], of: Sequence[int]) -> str:
    return listed(
        [f"{m} of {n} in fold {name}" for name, m, n in zip(names, missed, of, strict=True)]
    )
