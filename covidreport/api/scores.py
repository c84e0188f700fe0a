"""Scores that are at hand as arrays, ranked and compared without run folders."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covidreport.compare import Plan, check_baseline, rank_and_compare
from covidreport.compare.ranking import RankedSet
from covidreport.errors import UsageError
from covidreport.evaluate.thresholds import DEFAULT_THRESHOLD
from covidreport.metrics import compute_metrics
from covidreport.metrics.plan import MetricOptions
from covidreport.records import Activation, Evaluation, Run, Scores
from covidreport.settings.record import DEFAULT_FLOOR
from covidreport.store import SCORES_FILE, evaluation_folder, write_scores

DATASET = "scores"
SPLIT = "all"


def compare_scores(
    y_true: ArrayLike,
    y_score: Mapping[str, ArrayLike],
    *,
    threshold: float = DEFAULT_THRESHOLD,
    activation: Activation = "sigmoid",
    groups: Sequence[str] | None = None,
    target: str = "positive",
    specificity_floor: float = DEFAULT_FLOOR,
    plan: Plan | None = None,
) -> RankedSet:
    """Models ranked by missed positives and compared in pairs, from their scores of the same cases.

    y_true: 0 or 1, `(N,)`. y_score: each model's scores by its name, `(N,)`, in the order of the
    cases. threshold: a probability, above which a case is called positive. activation: `sigmoid`
    for probabilities, `logit` for logits. groups: the patient of each case, where one has several.
    plan: a baseline to compare with, or a margin of non-inferiority; else all pairs are compared.

    The metrics are those of `covidreport evaluate` and the comparisons those of its report:
    exact paired tests, corrected for all pairs. Nothing is read from run folders, and no settings.
    Raises UsageError where lengths differ, a truth is neither 0 nor 1, a score is not finite or no
    probability, or fewer than one model is given.
    """
    truth = np.asarray(y_true)
    if truth.ndim != 1 or not truth.size or not np.isin(truth, (0, 1)).all():
        raise UsageError("y_true: one 0 or 1 for each case is wanted")
    if groups is not None and len(groups) != len(truth):
        raise UsageError(f"groups: one for each of the {len(truth)} cases is wanted")
    if not 0 < threshold < 1:
        raise UsageError(f"threshold={threshold:g}: a probability between 0 and 1 is wanted")
    if not y_score:
        raise UsageError("y_score: the scores of one model at least are wanted")
    scores = {
        name: Scores(
            sample_ids=tuple(f"case {i + 1}" for i in range(len(truth))),
            labels=(target,),
            truth=truth.astype(np.int8)[:, None],
            scores=_read_scores(name, values, len(truth), activation)[:, None],
            activation=activation,
            reasons=(None,) * len(truth),
            groups=None if groups is None else tuple(map(str, groups)),
        )
        for name, values in y_score.items()
    }
    plan = plan or Plan()
    with TemporaryDirectory(prefix="covidreport-") as folder:
        # stored, since what compares runs reads their stored scores, and knows them by their bytes
        evaluated = [
            (run, _store(run, each, threshold))
            for run, each in (
                (Run(name, Path(folder) / str(i), None), scores[name])
                for i, name in enumerate(scores)
            )
        ]
        check_baseline(plan, [run for run, _ in evaluated])
        (ranked,) = rank_and_compare(evaluated, target, specificity_floor, plan)
    return ranked


def _read_scores(
    name: str, values: ArrayLike, n: int, activation: Activation
) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    if found.shape != (n,):
        raise UsageError(f"y_score of {name}: its shape is {found.shape}, ({n},) is wanted")
    if not np.isfinite(found).all():
        raise UsageError(f"y_score of {name}: a score is not finite")
    if activation != "logit" and ((found < 0) | (found > 1)).any():
        raise UsageError(f"y_score of {name}: a score is no probability; say activation='logit'")
    return found


def _store(run: Run, scores: Scores, threshold: float) -> Evaluation:
    """The evaluation of a run's scores, which are written where such scores stand."""
    plan = MetricOptions().plan(scores.labels, scores.labels[0])
    described = compute_metrics(scores, [threshold], plan)
    cases = repr((scores.truth.tolist(), scores.groups)).encode()
    evaluation = Evaluation(
        run=run.name,
        dataset=DATASET,
        split=SPLIT,
        variant=None,
        fingerprint=hashlib.sha256(cases).hexdigest(),
        labels=scores.labels,
        n_images=len(scores.sample_ids),
        n_groups=None if scores.groups is None else len(set(scores.groups)),
        thresholds={scores.labels[0]: threshold},
        thresholds_from="option",
        counts=described.counts,
        estimates=described.estimates,
        score_metrics=described.score_metrics,
        findings=(),
        failures=(),
        provenance={},
        timing={},
    )
    write_scores(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE, scores)
    return evaluation
