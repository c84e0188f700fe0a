"""One run's answers to changed pictures, beside those to the same pictures as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.reading import ReadScores
from covidreport.errors import RunError
from covidreport.metrics import (
    PairedAnswers,
    PairedMetric,
    code_groups,
    compare_answers,
    decide_label,
)
from covidreport.records import (
    AS_IS,
    DisturbedRun,
    DisturbedTruth,
    Evaluation,
    Provenance,
    Run,
    Scores,
    part_row,
)
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text.thresholds import find_label_rule


def is_changed_of(changed: Evaluation, usual: Evaluation) -> bool:
    """Whether an evaluation of changed pictures is of the same split, model and machine."""
    ours, theirs = changed.facts, usual.facts
    return (
        ours.changed is not None
        and (changed.dataset, changed.split) == (usual.dataset, usual.split)
        and ours.model_sha256 is not None
        and ours.model_sha256 == theirs.model_sha256
        and _name_provider(ours) == _name_provider(theirs)
    )


def _name_provider(facts: Provenance) -> dict[str, Any]:
    """What ran the model and how, but for the word by which it was asked for."""
    return {
        name: value
        for name, value in (facts.provider or {}).items()
        if name not in ("asked", "disturbance")
    }


def read_changed(
    run: Run, usual: Evaluation, changed: Evaluation, target: str, read: ReadScores = read_scores
) -> DisturbedRun:
    """`compare_changed` of stored scores. Raises StoreError where they can't be read."""
    scores = read(evaluation_folder(run.folder, changed.key) / SCORES_FILE)
    return compare_changed(usual, scores, target)


def state_margin(run: DisturbedRun, margin: float | None) -> DisturbedRun:
    """The same by another margin than the usual one, where one is stated."""
    return run if margin is None else replace(run, margin=margin)


def compare_changed(
    usual: Evaluation, scores: Scores, target: str, among: Collection[str] | None = None
) -> DisturbedRun:
    """What each change does to a run's answers, by the rule of its usual evaluation.

    scores: of the changed pictures; among: the changes that are looked at, of all unless stated.
    Differences are changed less unchanged, with the paired
    interval of `estimate_difference` and McNemar's exact test (over patients where these have
    several images), by Holm over all changes of this run and this truth. RunError where no picture
    stands there as it is, or a change lacks some.
    """
    rows = find_rows(scores)
    if among is not None:
        rows = {tag: of for tag, of in rows.items() if tag in (AS_IS.name, *among)}
    first = rows.get(AS_IS.name)
    if not first:
        raise RunError("its evaluation of changed pictures has none as it is")
    ragged = [tag for tag, of in rows.items() if of.keys() != first.keys()]
    if ragged:
        raise RunError(f"its evaluation of changed pictures lacks some of {ragged[0]}")
    answers = _gather(usual, scores, target, rows)
    return DisturbedRun(
        usual.run, _compare(answers, "sensitivity"), _compare(answers, "specificity")
    )


def find_rows(scores: Scores) -> dict[str, dict[str, int]]:
    """The row of each image, by change: the pictures as they are among them."""
    rows: dict[str, dict[str, int]] = {}
    for row, name in enumerate(scores.sample_ids):
        sample, tag = part_row(name)
        rows.setdefault(tag, {})[sample] = row
    return rows


def _gather(
    usual: Evaluation, scores: Scores, target: str, rows: Mapping[str, Mapping[str, int]]
) -> PairedAnswers:
    """The answers as those of so many runs: one for each change, to the same images."""
    samples = list(rows[AS_IS.name])
    places = np.array([[of[sample] for sample in samples] for of in rows.values()], np.intp)
    yes = decide_label(scores, target, find_label_rule(usual, target))
    truth = scores.truth[places[0], scores.labels.index(target)]
    groups = None if scores.groups is None else [scores.groups[row] for row in places[0]]
    return PairedAnswers(
        tuple(rows), truth, yes[places], scores.failed[places], code_groups(groups)
    )


def _compare(answers: PairedAnswers, metric: PairedMetric) -> DisturbedTruth:
    wrong, _ = answers.find_wrong(metric)
    found, _ = compare_answers(answers, metric, AS_IS.name, correction="holm")
    return DisturbedTruth(wrong.shape[1], _count(wrong, answers.names), found)


def _count(wrong: NDArray[np.bool_], names: Sequence[str]) -> int:
    return int(wrong[names.index(AS_IS.name)].sum())
