"""The thresholds of a configuration's folds: one for all, or each model's own, tuned alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from covidreport.errors import RunError
from covidreport.evaluate.tuned import ChosenThresholds, keep_thresholds
from covidreport.metrics import align_thresholds
from covidreport.records import Calibration, Estimate, Evaluation, Run, Scores
from covidreport.text.thresholds import TUNING, is_tuned

SHOWN: Final = 0.5
"""What stands in the place of thresholds that were tuned for each fold's model."""
OUTSIDE: Final = "tune on images that are in no fold, or give one with --threshold"
UNKNOWN_IMAGES: Final = "tuning-images-unknown"


def choose_common(evaluations: Sequence[tuple[Run, Evaluation]]) -> ChosenThresholds:
    """The thresholds of all folds: fixed ones, or `SHOWN` in place of each model's own tuned one.

    RunError unless fixed ones are equal, and tuned ones are tuned for the same on other images.
    """
    first = evaluations[0][1]
    for run, each in evaluations:
        which = f"the thresholds of fold {run.fold} ({run.name})"
        if each.origin.exploratory:
            raise RunError(f"{which} were tuned on images of its own fold: {OUTSIDE}")
        if any(finding.code == UNKNOWN_IMAGES for finding in each.findings):
            raise RunError(f"{which} may have been tuned on images of its own fold: {OUTSIDE}")
        if _name_rule(each) != _name_rule(first):
            raise RunError(
                f"{which} come from elsewhere than those of fold {evaluations[0][0].fold}: give "
                "all folds one with --threshold, or tune all for the same target on the same split"
            )
    chosen = keep_thresholds(first)
    if not first.origin.tuned or chosen.tuning is None:
        return replace(chosen, promise=None)
    prints = {each.provenance[TUNING].get("fingerprint") for _, each in evaluations}
    return replace(
        chosen,
        values={
            label: SHOWN if is_tuned(first, label) else value
            for label, value in first.thresholds.items()
        },
        tuning={**chosen.tuning, "fingerprint": prints.pop() if len(prints) == 1 else None},
        promise=None,
    )


def _name_rule(evaluation: Evaluation) -> tuple[object, ...]:
    """Equal for folds whose thresholds come from the same rule: on which images does not count."""
    tuning = evaluation.provenance.get(TUNING)
    fixed = {
        label: value
        for label, value in evaluation.thresholds.items() if not is_tuned(evaluation, label)
    }  # fmt: skip
    return (
        evaluation.thresholds_from,
        fixed,
        None if tuning is None else {**tuning, "fingerprint": ""},
    )


def measure_from_own(scores: Scores, evaluation: Evaluation, chosen: ChosenThresholds) -> Scores:
    """A fold's scores, so moved that they give its answers at the thresholds of all folds."""
    return align_thresholds(
        scores,
        [evaluation.thresholds[label] for label in scores.labels],
        [chosen.values[label] for label in scores.labels],
    )


def drop_calibration(evaluation: Evaluation) -> Evaluation:
    """Without what reads scores as probabilities, which those moved to one threshold are not."""
    metrics = evaluation.score_metrics
    if metrics is None:
        return evaluation
    none = Estimate(None)
    nothing = Calibration(0, none, none, none, none, ())
    labels = {
        label: replace(
            one,
            calibration=nothing,
            net_benefit=(),
            pooled={name: one.pooled[name] for name in ("roc_auc",) if name in one.pooled},
        )
        for label, one in metrics.labels.items()
    }
    return replace(evaluation, score_metrics=replace(metrics, labels=labels))
