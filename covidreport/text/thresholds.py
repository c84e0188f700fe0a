"""What an evaluation's thresholds are, where they come from, and what that forbids to be said."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import (
    ARGMAX,
    CALLED,
    Comparable,
    DecisionRule,
    Evaluation,
    LabelRule,
    Run,
    Tuning,
)
from covidreport.text.numbers import DASH

TUNING = "tuning"
"""The entry of an evaluation's provenance that says where tuned thresholds come from."""
PROMISE = "promised"
"""The entry that says what `tune` promised of new images for each tuned label of this run."""
SET_BY = "thresholds_set"
"""The entry of an evaluation's timing with the command that set its thresholds, and when; missing
where the one that computed its scores did."""
TUNED_BY = "thresholds_tuned"
"""The entry with the command of `tune` whose thresholds these are, and when."""
MARK = "exploratory"
"""The method of a metric whose threshold was chosen on its own images, and what stands in place of
its interval: none holds there."""
CHOSEN_HERE = "threshold chosen on these images"
TRAINING_SPLITS = frozenset({"train", "training"})
"""What a split is called that models were trained on, where a run does not say so itself."""


def is_argmax(evaluation: Comparable) -> bool:
    """Whether the label that scores highest is the answer, and there are no thresholds."""
    return evaluation.origin.rule == ARGMAX


def decides_itself(evaluation: Comparable) -> bool:
    """Whether its answers are its own, whatever threshold others have: argmax, or a reader's."""
    return evaluation.origin.rule in (ARGMAX, CALLED)


def find_rule(evaluation: Comparable, labels: Sequence[str]) -> DecisionRule:
    """What makes answers of scores of these labels, in this order: KeyError for one without a
    threshold."""
    if is_argmax(evaluation):
        return ARGMAX
    return [evaluation.thresholds[label] for label in labels]


def find_label_rule(evaluation: Comparable, label: str) -> LabelRule:
    """The same of one label."""
    return ARGMAX if is_argmax(evaluation) else evaluation.thresholds[label]


def is_tuned(evaluation: Comparable, label: str) -> bool:
    """Whether this label's threshold is one that was tuned for the run."""
    targets = None if evaluation.tuning is None else evaluation.tuning.targets
    return evaluation.origin.tuned and (targets is None or label in targets)


def is_exploratory(evaluation: Evaluation, label: str) -> bool:
    """Whether this label's threshold was tuned on the images that the evaluation is of."""
    return evaluation.origin.exploratory and is_tuned(evaluation, label)


def was_tuned_on(evaluation: Evaluation, other: Evaluation) -> bool:
    """Whether thresholds of one evaluation were tuned on the images of another.

    By fingerprint, and by the names of data set and split: images that were added or mended since
    make no other split of it. Where only the split is known, by that.
    """
    split = evaluation.origin.split
    tuning = evaluation.tuning or Tuning()
    if split is None:
        return False
    if tuning.fingerprint is not None and tuning.fingerprint == other.fingerprint:
        return True
    return (tuning.dataset or other.dataset, tuning.split or split) == (other.dataset, other.split)


def is_trained_on(run: Run, split: str) -> bool:
    """Whether a model was trained on a split: by its run.json, or by the name of the split."""
    return split.lower() in TRAINING_SPLITS | run.fitted_on


def list_trained(evaluated: Sequence[tuple[Run, Evaluation]]) -> frozenset[str]:
    """The runs that were trained on the split that they are evaluated on."""
    return frozenset(each.run for run, each in evaluated if is_trained_on(run, each.split))


def describe_origin(evaluation: Evaluation, label: str) -> str:
    """Where a label's threshold comes from: `default`, `tuned on validation`, …"""
    if is_exploratory(evaluation, label):
        return f"{MARK}: {CHOSEN_HERE}"
    if is_tuned(evaluation, label) or not evaluation.origin.tuned:
        return evaluation.thresholds_from
    return "not tuned"


def describe_threshold(evaluation: Evaluation, label: str) -> str:
    """Such as `0.5 (default)` or `0.093 (tuned on validation)`, or `argmax`; empty without one."""
    value = evaluation.thresholds.get(label)
    origin = describe_origin(evaluation, label)
    return origin if value is None else f"{format_threshold(value)} ({origin})"


def show_threshold(evaluation: Comparable, label: str) -> str:
    """Such as `0.5`, or `argmax`; a dash where there is none."""
    value = evaluation.thresholds.get(label)
    if value is None:
        return ARGMAX if is_argmax(evaluation) else DASH
    return format_threshold(value)


def common_threshold(evaluations: Sequence[Evaluation], label: str) -> str | None:
    """The threshold of all runs in words, where it is the same and of one origin; else None."""
    found = {describe_threshold(evaluation, label) for evaluation in evaluations}
    return next(iter(found)) if len(found) == 1 else None


def format_threshold(value: float) -> str:
    """A threshold with all of its digits: `0.5`, `0.093`; never rounded onto a score."""
    short = f"{value:.6g}"
    return short if float(short) == value else repr(float(value))
