"""Reads what other thresholds would have given from the stored scores of a report's runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.compare.reading import ReadScores, digest_scores
from covidreport.errors import StoreError
from covidreport.metrics import (
    carry_thresholds,
    code_groups,
    list_points,
    smooth_calibration,
    to_logits,
)
from covidreport.metrics.outline import outline_points
from covidreport.records import (
    Evaluation,
    ExcludedRun,
    LabelCurve,
    ReportedRun,
    Run,
    Scores,
    ThresholdCurves,
)
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores

METHOD = 5
"""Counted up when the same scores would give other curves."""
STEPS = (
    *(i / 1000 for i in range(1, 10)),
    *(i / 100 for i in range(1, 100)),
    *(i / 1000 for i in range(991, 1000)),
)
"""The thresholds that a reader can look at: finer where confident models differ."""


def collect_curves(
    reported: Sequence[ReportedRun], read: ReadScores = read_scores
) -> ThresholdCurves | None:
    """The curves of each run that has scores; None where none has.

    A run whose scores are gone or say something else than its evaluation is left out with the
    reason.
    """
    evaluated = [
        (each.run, each.evaluation)
        for each in reported
        if each.evaluation is not None and each.evaluation.has_scores
    ]
    if not evaluated:
        return None
    thresholds = list_thresholds(evaluation for _, evaluation in evaluated)
    runs: dict[str, dict[str, LabelCurve]] = {}
    excluded: list[ExcludedRun] = []
    for run, evaluation in evaluated:
        try:
            runs[run.name] = _read_curves(run, evaluation, thresholds, read)
        except StoreError as error:
            excluded.append(ExcludedRun(run.name, str(error)))
    return ThresholdCurves(thresholds, runs, tuple(excluded))


def list_thresholds(evaluations: Iterable[Evaluation]) -> dict[str, tuple[float, ...]]:
    """The steps and what was evaluated at, rising, by label."""
    found: dict[str, set[float]] = {}
    for evaluation in evaluations:
        for label in evaluation.labels:
            at = found.setdefault(label, set(STEPS))
            if label in evaluation.thresholds:
                at.add(evaluation.thresholds[label])
    return {label: tuple(sorted(at)) for label, at in found.items()}


def _read_curves(
    run: Run,
    evaluation: Evaluation,
    thresholds: Mapping[str, tuple[float, ...]],
    read: ReadScores,
) -> dict[str, LabelCurve]:
    """The curves of one run by label, counted once from the same bytes."""
    path = evaluation_folder(run.folder, evaluation.key) / SCORES_FILE
    if not path.is_file():
        raise StoreError("its stored scores are gone: run `covidreport evaluate` again")

    def count() -> dict[str, LabelCurve]:
        scores = _check(read(path), evaluation)
        failed = scores.failed
        labels = [label for label in evaluation.labels if label in scores.labels]
        return {label: _count(scores, failed, label, thresholds[label]) for label in labels}

    facts = [METHOD, digest_scores(path, read), evaluation.n_images, evaluation.labels, thresholds]
    return cached("curves", facts, count, dict[str, LabelCurve])


def _check(scores: Scores, evaluation: Evaluation) -> Scores:
    if len(scores.sample_ids) != evaluation.n_images:
        raise StoreError("its stored scores are of other images: run `covidreport evaluate` again")
    failed = scores.failed
    if not np.isfinite(scores.scores[~failed]).all():
        raise StoreError("has scores that are not finite")
    return scores


def _count(
    scores: Scores, failed: NDArray[np.bool_], label: str, thresholds: Sequence[float]
) -> LabelCurve:
    column = scores.labels.index(label)
    truth = scores.truth[:, column]
    points = list_points(truth, scores.scores[:, column], failed)
    limits = carry_thresholds(thresholds, scores.activation, scores.scores.dtype)
    called = np.searchsorted(-points.values, -limits, side="left")  # one at it is negative
    corners = outline_points(points)
    values = np.where(failed, 0, scores.scores[:, column])
    logits = to_logits(values, scores.activation)
    patients = code_groups(scores.groups)
    outline = zip(
        points.found[corners].tolist(), points.false_alarms[corners].tolist(), strict=True
    )
    return LabelCurve(
        positives=points.positives,
        negatives=points.negatives,
        failed_positive=int(np.count_nonzero((truth == 1) & failed)),
        failed_negative=int(np.count_nonzero((truth == 0) & failed)),
        outline=tuple(outline),
        found=tuple(points.found[called].tolist()),
        false_alarms=tuple(points.false_alarms[called].tolist()),
        calibration=smooth_calibration(truth, logits, failed, patients),
    )
