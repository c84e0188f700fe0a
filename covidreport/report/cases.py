"""The cases of a report: who missed which image, and the false alarms that runs were sure of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers, answers_facts, read_answers
from covidreport.compare.reading import ReadScores
from covidreport.metrics import find_label_errors, to_logits, to_probabilities
from covidreport.metrics.agreement import MOST_SPLIT, pick_split
from covidreport.metrics.readings import take_readings
from covidreport.records import (
    UNKNOWN,
    Case,
    CaseAnswer,
    CaseTable,
    DoubtfulLabel,
    Evaluation,
    Ranking,
    ReportedRun,
    SplitCase,
)
from covidreport.report.maps import Positive, collect_maps
from covidreport.storage.cache import cached
from covidreport.store import (
    SCORES_FILE,
    THUMBNAILS_FOLDER,
    evaluation_folder,
    name_thumbnail,
    read_scores,
    read_thumbnail,
)
from covidreport.text import choose_salt, digest_case
from covidreport.text.thresholds import is_trained_on

METHOD = 7
"""Counted up when other cases would be chosen from the same scores, or shown otherwise."""
MOST_CELLS = 12_000
"""Answers (runs times cases) that a page draws without tiring; fewer cases are shown beyond."""
FEWEST_CASES = 60
"""Positives that are shown however many runs there are."""
FALSE_ALARMS = 24
LABEL_ERRORS = 30
"""Images that look mislabelled, at most."""
_TRUTHS = {1: True, 0: False, UNKNOWN: None}
MOST_PICTURES = 72
"""Of positives; every false alarm that is shown has its own."""


class _Found(Struct, frozen=True):
    """The table without pictures, and by the name of each case those of its picture's file."""

    table: CaseTable
    picture_names: Mapping[str, tuple[str, ...]]
    positives: Mapping[str, Positive]
    """All of them, by the names of their pictures' files."""


def collect_cases(
    ranking: Ranking,
    reported: Sequence[ReportedRun],
    read: ReadScores = read_scores,
    *,
    show_ids: bool = False,
) -> CaseTable | None:
    """The cases of a ranking's ranked runs; None where none of them has scores that can be read."""
    stored = {
        each.run.name: (each.evaluation, each.run.folder) for each in reported if each.evaluation
    }
    ranked = [stored[row.run] for row in ranking.rows if row.rank is not None]
    if not any(evaluation.has_scores for evaluation, _ in ranked):
        return None
    folders = [evaluation_folder(folder, evaluation.key) for evaluation, folder in ranked]
    files = [
        (evaluation, folder / SCORES_FILE)
        for (evaluation, _), folder in zip(ranked, folders, strict=True)
    ]
    # Whatever a run was trained to say of an image tells nothing of its label.
    trained = any(
        is_trained_on(each.run, each.evaluation.split) for each in reported if each.evaluation
    )
    facts = {
        "method": METHOD,
        "limits": [MOST_CELLS, FEWEST_CASES, FALSE_ALARMS, LABEL_ERRORS, MOST_SPLIT],
        "trained": trained,
        "salt": None if show_ids else choose_salt(ranking.fingerprint),
        **answers_facts(ranking, files, read),
    }

    def find() -> _Found | None:
        return _read_cases(ranking, files, read, show_ids=show_ids, trained=trained)

    # reading the scores takes longer than all else of a report that is rendered again
    found = cached("cases", facts, find, _Found)
    if found is None:
        return None
    beside = [(evaluation, folder) for (evaluation, _), folder in zip(ranked, folders, strict=True)]
    maps, excluded = collect_maps(beside, found.table.runs, ranking.target, found.positives)
    pictures = _read_pictures(found, folders)
    return replace(found.table, pictures=pictures, maps=maps, maps_excluded=excluded)


def _read_cases(
    ranking: Ranking,
    files: Sequence[tuple[Evaluation, Path]],
    read: ReadScores,
    *,
    show_ids: bool,
    trained: bool,
) -> _Found | None:
    """None where no scores can be read; trained: whether a run was trained on these images."""
    answers = read_answers(files, ranking.target, read)
    if answers.images is None:
        return None
    thresholds = {each.run: each.thresholds.get(ranking.target) for each, _ in files}
    prints = [ranking.fingerprint, *(each.fingerprint for each, _ in files)]
    cases = _Cases(answers, tuple(dict.fromkeys(prints)), show_ids=show_ids)
    positives = _order_positives(answers)
    alarms, alarms_in_all = _pick_alarms(answers, cases.file_name)
    doubtful = None if trained else _find_label_errors(answers)
    listed = (doubtful or [])[:LABEL_ERRORS]
    readings = take_readings(answers.images.readings, ranking.target)
    split, n_split = (
        pick_split(np.stack([*readings.values()]), cases.file_name) if readings else ((), 0)
    )
    shown = max(FEWEST_CASES, MOST_CELLS // len(answers.names))
    table = CaseTable(
        runs=answers.names,
        thresholds=tuple(thresholds[name] for name in answers.names),
        positives=tuple(cases.make(row) for row in positives[:shown]),
        positives_omitted=max(0, len(positives) - shown),
        false_alarms=tuple(cases.make(row) for row in alarms),
        false_alarms_omitted=alarms_in_all - len(alarms),
        excluded=answers.excluded,
        ids_shown=show_ids,
        label_errors=None
        if doubtful is None
        else tuple(DoubtfulLabel(cases.make(row), bool(answers.truth[row] == 1)) for row in listed),
        label_errors_omitted=len(doubtful or ()) - len(listed),
        split=tuple(cases.describe_split(row, readings) for row in split),
        split_omitted=n_split - len(split),
    )
    rows = [*positives[:shown], *alarms, *listed, *split]
    return _Found(
        table,
        {cases.name(row): cases.list_file_names(row) for row in rows},
        {name: cases.answer(row) for row in positives for name in cases.list_file_names(row)},
    )


def _read_pictures(found: _Found, folders: Sequence[Path]) -> dict[str, bytes]:
    """By case, the first picture that any run's folder has of it, of those that are shown."""
    table = found.table
    folders = [folder for folder in folders if (folder / THUMBNAILS_FOLDER).is_dir()]
    missed = [case for case in table.positives if set(case.answers) != {"yes"}]
    pictures = {}
    doubtful = (each.case for each in table.label_errors or ())
    split = (each.case for each in table.split)
    for case in (*missed[:MOST_PICTURES], *table.false_alarms, *doubtful, *split):
        names = found.picture_names[case.name]
        each = (read_thumbnail(folder, name) for folder in folders for name in names)
        picture = next((data for data in each if data is not None), None)
        if picture is not None:
            pictures[case.name] = picture
    return pictures


def _order_positives(answers: AlignedAnswers) -> list[int]:
    """The positives: those that most runs missed first; among equals those of the same runs.

    Of as many runs, what the best missed stands before what only others did, and so on down the
    ranking, so that equal patterns stand side by side.
    """
    rows = np.flatnonzero(answers.truth == 1)
    missed = ~answers.answers[:, rows] | answers.failed[:, rows]
    keys = [rows, *(~missed)[::-1], -missed.sum(axis=0)]  # lexsort: the last key goes first
    return [int(rows[place]) for place in np.lexsort(keys)]


def _pick_alarms(answers: AlignedAnswers, name: Callable[[int], str]) -> tuple[list[int], int]:
    """The first `FALSE_ALARMS` negatives that some run called positive, and how many there are.

    First the one with the highest score that a run which called it positive gave; of equal ones
    that of more runs, then by the name of the picture's file: `evaluate/thumbnails.py` picks the
    pictures of each run in this order.
    """
    raised = answers.answers & ~answers.failed
    rows = np.flatnonzero((answers.truth == 0) & raised.any(axis=0))
    highest = np.zeros(rows.size)
    for scores, activation, by in zip(answers.scores, answers.activations, raised, strict=True):
        given = np.where(by[rows], to_probabilities(scores[rows], activation), 0.0)
        highest = np.maximum(highest, given)
    runs = raised[:, rows].sum(axis=0)
    least = np.sort(highest)[-FALSE_ALARMS:][:1]
    able = [int(place) for place in np.flatnonzero(highest >= least)] if rows.size else []
    able.sort(key=lambda place: (-highest[place], -runs[place], name(int(rows[place]))))
    return [int(rows[place]) for place in able[:FALSE_ALARMS]], rows.size


def _find_label_errors(answers: AlignedAnswers) -> list[int]:
    """The images that look mislabelled, by what all runs say that tell the classes apart."""
    logits = map(to_logits, answers.scores, answers.activations)
    truth = np.where(answers.failed.any(axis=0), np.int8(UNKNOWN), answers.truth)
    return [int(row) for row in find_label_errors(truth, logits)]


class _Cases:
    """Makes the record of an image from the row that it has in the aligned answers."""

    def __init__(
        self, answers: AlignedAnswers, fingerprints: Sequence[str | None], *, show_ids: bool
    ) -> None:
        assert answers.images is not None
        self._answers = answers
        self._images = answers.images
        self._fingerprints = fingerprints
        self._salt = choose_salt(fingerprints[0])
        self._show_ids = show_ids

    def file_name(self, row: int) -> str:
        """What the image's thumbnail is called in the folders of runs."""
        return self.list_file_names(row)[0]

    def list_file_names(self, row: int) -> tuple[str, ...]:
        """The same by each fingerprint: runs of other labels call it otherwise."""
        sample = self._images.sample_ids[row]
        return tuple(name_thumbnail(sample, each) for each in self._fingerprints)

    def name(self, row: int) -> str:
        """What the report calls the image."""
        identity = self._images.sample_ids[row]
        return identity if self._show_ids else digest_case(identity, self._salt)

    def answer(self, row: int) -> Positive:
        """What each run said of the image, in a letter."""
        answers, failed = self._answers.answers[:, row], self._answers.failed[:, row]
        said = np.where(failed, "f", np.where(answers, "y", "n"))
        return Positive(self.name(row), "".join(said))

    def make(self, row: int) -> Case:
        """The image's record."""
        answers, images = self._answers, self._images
        failed: NDArray[np.bool_] = answers.failed[:, row]
        said: list[CaseAnswer] = [
            "failed" if lost else "yes" if yes else "no"
            for yes, lost in zip(answers.answers[:, row], failed, strict=True)
        ]
        scores = tuple(
            None if lost else float(to_probabilities(answers.scores[place, row], activation))
            for place, (activation, lost) in enumerate(
                zip(answers.activations, failed, strict=True)
            )
        )
        return Case(
            name=self.name(row),
            group=self._name_group(row),
            attributes={
                name: cells[row] for name, cells in images.attributes.items() if cells[row]
            },
            answers=tuple(said),
            scores=scores,
        )

    def describe_split(self, row: int, readings: Mapping[str, NDArray[np.int8]]) -> SplitCase:
        """The image's record with the readers who call it positive, and those who don't."""
        yes, no = (
            tuple(name for name, each in readings.items() if each[row] == code) for code in (1, 0)
        )
        return SplitCase(self.make(row), yes, no, _TRUTHS[int(self._answers.truth[row])])

    def _name_group(self, row: int) -> str | None:
        groups = self._images.groups
        if groups is None:
            return None
        if self._show_ids:
            return groups[row]
        return digest_case(f"patient {groups[row]}", self._salt)
