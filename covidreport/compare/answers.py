"""From stored scores to the answers of several runs on the same images, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.compare.reading import ReadScores
from covidreport.errors import StoreError
from covidreport.metrics import count_labels, decide_label, find_not_finite
from covidreport.records import Activation, Evaluation, ExcludedRun, Failure, Ranking, Scores
from covidreport.store import digest_file, read_scores
from covidreport.text.thresholds import find_label_rule


class AlignedAnswers(Struct, frozen=True, eq=False):
    """What R runs said of N images for one label.

    names `(R,)`; truth int8 `(N,)`; scores float32, answers and failed bool `(R, N)`; groups
    integers `(N,)`, None where no patient has several images or none is known. excluded: runs whose
    scores can't stand beside the others, each with the reason. activations `(R,)`: what each run's
    scores are. images: the stored scores of the first run, in whose order images stand. folds
    `(R,)`: by which fold's model each image was answered, None where one model answered all.
    """

    names: tuple[str, ...]
    truth: NDArray[np.int8]
    scores: NDArray[np.floating]
    answers: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    groups: NDArray[np.integer[Any]] | None
    excluded: tuple[ExcludedRun, ...] = ()
    activations: tuple[Activation, ...] = ()
    images: Scores | None = None
    folds: tuple[tuple[str, ...] | None, ...] = ()

    def take(self, names: Sequence[str]) -> AlignedAnswers:
        """The same of these runs alone, in this order, of those that are among them."""
        rows = [self.names.index(name) for name in names if name in self.names]
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            scores=self.scores[rows],
            answers=self.answers[rows],
            failed=self.failed[rows],
            excluded=tuple(each for each in self.excluded if each.run in names),
            activations=tuple(self.activations[row] for row in rows),
            folds=tuple(self.folds[row] for row in rows) if self.folds else (),
        )

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """`(N,)`."""
        return () if self.images is None else self.images.sample_ids


class _Column(Struct, frozen=True, eq=False):
    """One run's part: what it said of the target, by its own order of images."""

    name: str
    scores: Scores
    target: int
    answers: NDArray[np.bool_]
    failed: NDArray[np.bool_]


def read_answers(
    files: Sequence[tuple[Evaluation, Path]], target: str, read: ReadScores = read_scores
) -> AlignedAnswers:
    """The answers of the runs for `target` at the thresholds of their evaluations.

    files: evaluations of the same images and the files of their scores. The first run whose scores
    can be used says in which order images stand. Never raises for a run: one whose file is missing
    or broken, or says something else than its evaluation, is excluded with the reason.
    """
    excluded: list[ExcludedRun] = []
    columns: list[_Column] = []
    orders: list[NDArray[np.intp]] = []
    for evaluation, path in files:
        found = attempt(
            evaluation.run, "score", partial(_align, evaluation, path, target, read, columns)
        )
        if isinstance(found, Failure):
            excluded.append(ExcludedRun(evaluation.run, found.explanation))
            continue
        columns.append(found[0])
        orders.append(found[1])
    if not columns:
        nothing = np.zeros((0, 0), dtype=np.bool_)
        empty = np.zeros((0, 0), dtype=np.float32)
        none = np.zeros(0, dtype=np.int8)
        return AlignedAnswers((), none, empty, nothing, nothing, None, tuple(excluded))
    first = columns[0]
    pairs = list(zip(columns, orders, strict=True))
    return AlignedAnswers(
        names=tuple(column.name for column in columns),
        truth=first.scores.truth[:, first.target],
        scores=np.stack([each.scores.scores[order, each.target] for each, order in pairs]),
        answers=np.stack([each.answers[order] for each, order in pairs]),
        failed=np.stack([each.failed[order] for each, order in pairs]),
        groups=_number_groups(first.scores.groups),
        excluded=tuple(excluded),
        activations=tuple(column.scores.activation for column in columns),
        images=first.scores,
        folds=tuple(_order_folds(each.scores, order) for each, order in pairs),
    )


def _order_folds(scores: Scores, order: NDArray[np.intp]) -> tuple[str, ...] | None:
    return None if scores.folds is None else tuple(scores.folds[row] for row in order.tolist())


def answers_facts(ranking: Ranking, files: Sequence[tuple[Evaluation, Path]]) -> dict[str, object]:
    """All that decides what `read_answers` gives: the scores' bytes, thresholds, counts, order."""
    return {
        "target": ranking.target,
        "images": [ranking.dataset, ranking.split, ranking.fingerprint],
        "runs": [
            (
                evaluation.run,
                evaluation.key,
                evaluation.has_scores,
                find_label_rule(evaluation, ranking.target) if evaluation.has_scores else None,
                astuple(evaluation.counts[ranking.target]),
                digest_file(path) if path.is_file() else None,
            )
            for evaluation, path in files
        ],
    }


def _align(
    evaluation: Evaluation, path: Path, target: str, read: ReadScores, columns: Sequence[_Column]
) -> tuple[_Column, NDArray[np.intp]]:
    """One run's part, and where each image of the first part stands in it."""
    column = _read_column(evaluation, path, target, read)
    return column, _order_images(column, columns[0] if columns else column)


def _read_column(evaluation: Evaluation, path: Path, target: str, read: ReadScores) -> _Column:
    if not evaluation.has_scores:
        raise StoreError("holds counts and no scores")
    if not path.is_file():
        raise StoreError("its stored scores are gone: run `covidreport evaluate` again")
    scores = read(path)
    if target not in scores.labels or find_not_finite(scores) is not None:
        raise StoreError(f"its stored scores can't be used for {target}")
    column = scores.labels.index(target)
    failed = scores.failed
    answers = decide_label(scores, target, find_label_rule(evaluation, target))
    truth = scores.truth[:, column, np.newaxis]
    (counts,) = count_labels(truth, answers[:, np.newaxis], failed)
    if counts != evaluation.counts[target]:
        raise StoreError(
            "its stored scores give other counts than its evaluation states: run "
            "`covidreport evaluate` again"
        )
    return _Column(evaluation.run, scores, column, answers, failed)


def _order_images(column: _Column, first: _Column) -> NDArray[np.intp]:
    """Where each image of `first` stands in `column`; StoreError where images or truth differ."""
    theirs, ours = first.scores, column.scores
    if ours.sample_ids == theirs.sample_ids:
        order = np.arange(len(ours.sample_ids))
    else:
        at = {sample: row for row, sample in enumerate(ours.sample_ids)}
        if len(at) != len(theirs.sample_ids) or not at.keys() >= set(theirs.sample_ids):
            raise StoreError(f"its stored scores are of other images than those of {first.name}")
        order = np.array([at[sample] for sample in theirs.sample_ids], dtype=np.intp)
    truth = ours.truth[order, column.target]
    if not np.array_equal(truth, theirs.truth[:, first.target]):
        raise StoreError(f"its stored scores have another truth than those of {first.name}")
    return order


def _number_groups(groups: Sequence[str] | None) -> NDArray[np.intp] | None:
    """The patients as numbers; None where each has one image, and images are independent."""
    if groups is None:
        return None
    names, codes = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    return codes.astype(np.intp) if names.size < codes.size else None
