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
from covidreport.compare.reading import CachingReader, ReadScores, digest_scores
from covidreport.errors import StoreError
from covidreport.metrics import count_labels, decide_label, find_not_finite
from covidreport.records import Activation, Evaluation, ExcludedRun, Failure, Ranking, Scores
from covidreport.store import read_scores
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
        if tuple(names) == self.names and {e.run for e in self.excluded} <= set(names):
            return self
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
    def sample_ids(self) -> Sequence[str]:
        """`(N,)`."""
        return () if self.images is None else self.images.sample_ids


class _Row(Struct, frozen=True, eq=False):
    """What one run said of the target, image by image in the order of the first."""

    scores: NDArray[np.floating]
    answers: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    activation: Activation
    folds: tuple[str, ...] | None


class _First(Struct, frozen=True, eq=False):
    """The run that says in which order images stand."""

    name: str
    images: Scores
    truth: NDArray[np.int8]


def read_answers(
    files: Sequence[tuple[Evaluation, Path]], target: str, read: ReadScores = read_scores
) -> AlignedAnswers:
    """The answers of the runs for `target` at the thresholds of their evaluations.

    files: evaluations of the same images and the files of their scores. The first run whose scores
    can be used says in which order images stand. Never raises for a run: one whose file is missing
    or broken, or says something else than its evaluation, is excluded with the reason.
    """
    if not isinstance(read, CachingReader):
        return _align_runs(files, target, read)
    facts = target, _list_facts(files, target, read), [path for _, path in files]
    return read.make_once(facts, partial(_align_runs, files, target, read))


def _align_runs(
    files: Sequence[tuple[Evaluation, Path]], target: str, read: ReadScores
) -> AlignedAnswers:
    excluded: list[ExcludedRun] = []
    names: list[str] = []
    activations: list[Activation] = []
    folds: list[tuple[str, ...] | None] = []
    first: _First | None = None
    scores: NDArray[np.floating] = np.empty((0, 0), np.float32)
    answers, failed = np.empty((2, 0, 0), np.bool_)
    for evaluation, path in files:
        found = attempt(
            evaluation.run, "score", partial(_align, evaluation, path, target, read, first)
        )
        if isinstance(found, Failure):
            excluded.append(ExcludedRun(evaluation.run, found.explanation))
            continue
        run, first = found
        row = len(names)
        if not row:
            shape = len(files), first.truth.size
            scores = np.empty(shape, run.scores.dtype)
            answers, failed = np.empty((2, *shape), np.bool_)
        scores = scores.astype(np.result_type(scores, run.scores), copy=False)
        scores[row], answers[row], failed[row] = run.scores, run.answers, run.failed
        names.append(evaluation.run)
        activations.append(run.activation)
        folds.append(run.folds)
    many = len(names)
    if first is None:
        none = np.zeros(0, dtype=np.int8)
        return AlignedAnswers((), none, scores, answers, failed, None, tuple(excluded))
    return AlignedAnswers(
        names=tuple(names),
        truth=first.truth,
        scores=scores[:many],
        answers=answers[:many],
        failed=failed[:many],
        groups=_number_groups(first.images.groups),
        excluded=tuple(excluded),
        activations=tuple(activations),
        images=first.images,
        folds=tuple(folds),
    )


def _order_folds(scores: Scores, order: NDArray[np.intp] | slice) -> tuple[str, ...] | None:
    if scores.folds is None or isinstance(order, slice):
        return scores.folds
    return tuple(scores.folds[row] for row in order.tolist())


def answers_facts(
    ranking: Ranking, files: Sequence[tuple[Evaluation, Path]], read: ReadScores
) -> dict[str, object]:
    """All that decides what `read_answers` gives: the scores' bytes, thresholds, counts, order."""
    return {
        "target": ranking.target,
        "images": [ranking.dataset, ranking.split, ranking.fingerprint],
        "runs": _list_facts(files, ranking.target, read),
    }


def _list_facts(
    files: Sequence[tuple[Evaluation, Path]], target: str, read: ReadScores
) -> list[tuple[object, ...]]:
    return [
        (
            evaluation.run,
            evaluation.key,
            evaluation.has_scores,
            find_label_rule(evaluation, target) if evaluation.has_scores else None,
            astuple(evaluation.counts[target]),
            digest_scores(path, read) if path.is_file() else None,
        )
        for evaluation, path in files
    ]


def _align(
    evaluation: Evaluation, path: Path, target: str, read: ReadScores, first: _First | None
) -> tuple[_Row, _First]:
    """One run's part, in the order of the first; without one it is the first."""
    scores, truth, answers = _read_checked(evaluation, path, target, read)
    first = first or _First(evaluation.run, scores, truth)
    order = _order_images(scores, truth, first)
    row = _Row(
        scores=scores.scores[order, scores.labels.index(target)],
        answers=answers[order],
        failed=scores.failed[order],
        activation=scores.activation,
        folds=_order_folds(scores, order),
    )
    return row, first


def _read_checked(
    evaluation: Evaluation, path: Path, target: str, read: ReadScores
) -> tuple[Scores, NDArray[np.int8], NDArray[np.bool_]]:
    """Stored scores with the truth and the run's answers for the target, `(N,)` each."""
    if not evaluation.has_scores:
        raise StoreError("holds counts and no scores")
    if not path.is_file():
        raise StoreError("its stored scores are gone: run `covidreport evaluate` again")
    scores = read(path)
    if target not in scores.labels or find_not_finite(scores) is not None:
        raise StoreError(f"its stored scores can't be used for {target}")
    answers = decide_label(scores, target, find_label_rule(evaluation, target))
    truth = scores.truth[:, scores.labels.index(target)]
    (counts,) = count_labels(truth[:, np.newaxis], answers[:, np.newaxis], scores.failed)
    if counts != evaluation.counts[target]:
        raise StoreError(
            "its stored scores give other counts than its evaluation states: run "
            "`covidreport evaluate` again"
        )
    return scores, truth, answers


def _order_images(
    scores: Scores, truth: NDArray[np.int8], first: _First
) -> NDArray[np.intp] | slice:
    """Where each image of `first` stands in `scores`; StoreError where images or truth differ."""
    order: NDArray[np.intp] | slice = slice(None)
    if scores.sample_ids != first.images.sample_ids:
        at = {sample: row for row, sample in enumerate(scores.sample_ids)}
        if len(at) != len(first.truth) or not at.keys() >= set(first.images.sample_ids):
            raise StoreError(f"its stored scores are of other images than those of {first.name}")
        order = np.array([at[sample] for sample in first.images.sample_ids], dtype=np.intp)
    if not np.array_equal(truth[order], first.truth):
        raise StoreError(f"its stored scores have another truth than those of {first.name}")
    return order


def _number_groups(groups: Sequence[str] | None) -> NDArray[np.intp] | None:
    """The patients as numbers; None where each has one image, and images are independent."""
    if groups is None:
        return None
    # not `np.unique`, whose array has room for the longest name in every place
    numbers = {name: number for number, name in enumerate(sorted(set(groups)))}
    if len(numbers) == len(groups):
        return None
    return np.fromiter(map(numbers.__getitem__, groups), np.intp, len(groups))
