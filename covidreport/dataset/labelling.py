"""What published tables say that an image shows: 0/1 columns, a column of classes, readers."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.dataset.layout import ManifestSettings
from covidreport.dataset.truth import VALUES, describe_values, looks_like_label, normalise_cell
from covidreport.metrics.readings import is_reading
from covidreport.records import UNKNOWN

_BECOMES = {"ignore": UNKNOWN, "positive": 1, "negative": 0}
Codes = NDArray[np.int8]


class FoundLabels(Struct):
    """Codes by label, int8 `(N,)`: 1, 0 or `UNKNOWN`; used: the columns that they are of."""

    codes: dict[str, Codes] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    faults: list[tuple[int, str]] = field(default_factory=list)
    """Rows and what is wrong with their cells."""


def read_labels(
    columns: Mapping[str, Sequence[str]],
    taken: Collection[str],
    words: ManifestSettings,
    labels: Sequence[str] | None,
    uncertain: Sequence[str] = (),
) -> FoundLabels:
    """The labels of a table, in lower case, or as `labels` spells them; those alone, if given.

    taken: columns that have another meaning. Labels that are asked for and not there are left to
    the caller. uncertain: marks whose truth is unknown.
    """
    marks = _read_marks(words, uncertain)
    blank = 0 if words.blank == "negative" else UNKNOWN
    names = {name.strip().casefold(): label for name, label in words.rename.items()}
    if words.classes is not None and words.classes in columns:
        found = _read_classes(columns[words.classes], words, names, marks, blank)
        found.used.add(words.classes)
    else:
        values = mean_cells(words, uncertain, blank)
        wanted = None if labels is None else {label.strip().casefold() for label in labels}
        found = _read_columns(columns, taken, names, values, wanted, words)
    for label, others in words.implies.items():
        said = found.codes.get(label.strip().casefold())
        for other in map(_fold, others):
            if said is not None:
                known = found.codes.get(other, said)
                # where nobody knows the one, a no of the other may be none
                known = np.where((said == UNKNOWN) & (known == 0), UNKNOWN, known)
                found.codes[other] = np.where(said == 1, 1, known).astype(np.int8)
    if labels is None:
        found.codes = {label: each for label, each in found.codes.items() if (each == 1).any()}
        return found
    spelt = {label.strip().casefold(): label for label in labels}
    found.codes = {spelt[each]: found.codes[each] for each in spelt if each in found.codes}
    return found


def _read_marks(words: ManifestSettings, uncertain: Sequence[str]) -> dict[str, int]:
    marks = {normalise_cell(mark): UNKNOWN for mark in uncertain}
    return marks | {normalise_cell(mark): _BECOMES[what] for mark, what in words.uncertain.items()}


def mean_cells(words: ManifestSettings, uncertain: Sequence[str], blank: int) -> dict[str, int]:
    """What a cell of 0, 1 and marks means; blank: what one that says nothing does."""
    return {**VALUES, "": blank, "null": blank, **_read_marks(words, uncertain)}


def _fold(name: str) -> str:
    return name.strip().casefold()


def _read_columns(
    columns: Mapping[str, Sequence[str]], taken: Collection[str], names: Mapping[str, str],
    values: Mapping[str, int], wanted: set[str] | None, words: ManifestSettings,
) -> FoundLabels:  # fmt: skip
    """Columns of 0 and 1. Without labels to look for: those that were renamed, or look like one."""
    found = FoundLabels()
    implying = {_fold(label) for label in words.implies}
    for name, cells in columns.items():
        label = _fold(names.get(_fold(name), name))
        guessed = _fold(name) in names or (
            name not in taken and not is_reading(name) and looks_like_label(cells, values)
        )  # fmt: skip
        if not (guessed if wanted is None else label in wanted or label in implying):
            continue
        codes = {cell: values.get(normalise_cell(cell)) for cell in set(cells)}
        wrong = {cell for cell, code in codes.items() if code is None}
        marks = (*words.uncertain,)
        found.faults += [
            (row, f"{name} is {cell!r}, not {describe_values(marks, cell)}")
            for row, cell in enumerate(cells)
            if cell in wrong
        ]
        read = np.array([codes[cell] or 0 if cell in wrong else codes[cell] for cell in cells])
        read = read.astype(np.int8)
        found.used.add(name)
        other = found.codes.get(label)
        found.codes[label] = read if other is None else _any([read, other])
    return found


def _any(rows: Sequence[Codes]) -> Codes:
    """Positive where one is; unknown where none is and one is unknown. `(N,)` of several `(N,)`."""
    table = np.stack(rows)
    unknown = np.where((table == UNKNOWN).any(axis=0), UNKNOWN, 0)
    return np.where((table == 1).any(axis=0), 1, unknown).astype(np.int8)


def _read_classes(
    cells: Sequence[str], words: ManifestSettings, names: Mapping[str, str],
    marks: Mapping[str, int], blank: int,
) -> FoundLabels:  # fmt: skip
    """A column of words, each a class or a mark; several in a cell where `between` parts them."""
    found = FoundLabels()
    parsed: dict[str, list[str]] = {}
    for cell in set(cells):
        try:
            parsed[cell] = [each for each in map(_fold, _part(cell, words.between)) if each]
        except (ValueError, SyntaxError, RecursionError):
            parsed[cell] = []
            fault = f"{words.classes} is {cell[:60]!r}, which begins like a list and is none"
            found.faults += [(row, fault) for row, each in enumerate(cells) if each == cell]
    there = {word for each in parsed.values() for word in each}
    alone = {word for word in there if normalise_cell(word) in marks and word not in names}
    labels = sorted({_fold(names.get(word, word)) for word in there - alone})
    at = {label: k for k, label in enumerate(labels)}
    rows: dict[str, Codes] = {}
    for cell, each in parsed.items():
        row = np.full(len(labels), 0 if each else blank, np.int8)
        if any(marks[normalise_cell(word)] == UNKNOWN for word in each if word in alone):
            row[:] = UNKNOWN
        said: dict[int, list[int]] = {}
        for word in each:
            if word not in alone:
                code = marks.get(normalise_cell(word), 1)
                said.setdefault(at[_fold(names.get(word, word))], []).append(code)
        for k, codes in said.items():
            row[k] = 1 if 1 in codes else UNKNOWN if UNKNOWN in codes else row[k]
        rows[cell] = row
    table = np.array([rows[cell] for cell in cells], np.int8).reshape(len(cells), len(labels))
    found.codes = {label: table[:, k].copy() for label, k in at.items()}
    return found


def _part(cell: str, between: str | None) -> list[str]:
    """The classes in a cell; a list as Python or JSON writes it is known by its bracket."""
    text = cell.strip()
    if text.startswith("["):
        listed = ast.literal_eval(text)
        return [str(each) for each in listed]
    return text.split(between) if between else [text]


class MergedRows(Struct, frozen=True):
    """A row an image. at: the first row of each."""

    columns: dict[str, list[str]]
    attributes: dict[str, list[str]]
    codes: dict[str, Codes]
    at: list[int]
    faults: list[tuple[int, str]]


def merge_rows(
    columns: Mapping[str, Sequence[str]],
    attributes: Mapping[str, Sequence[str]],
    codes: Mapping[str, Codes],
    rule: Literal["any", "majority"],
) -> MergedRows:
    """Several rows of an image as one: a label by rule; of readers who are as many, unknown.

    What an image's rows say differently of patient, split and the like is a fault. An attribute in
    which the rows of one image differ is one of rows (a reader, a box), and of no image.
    """
    groups: dict[str, list[int]] = {}
    for row, path in enumerate(columns["path"]):
        groups.setdefault(path, []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    faults = [
        (rows[0], f"{name} of {columns['path'][rows[0]]} is {said[0]!r} and {said[1]!r}")
        for name, cells in columns.items()
        for rows in several
        if len(said := list(dict.fromkeys(cells[row] for row in rows))) > 1
    ]
    at = [rows[0] for rows in groups.values()]
    alike = {
        name: [cells[row] for row in at]
        for name, cells in attributes.items()
        if all(cells[row] == cells[rows[0]] for rows in several for row in rows)
    }
    for name in filter(is_reading, attributes):
        merged_cells = [_merge_readings(attributes[name], rows) for rows in groups.values()]
        faults += [
            (row, f"{name} of {columns['path'][row]} is both 0 and 1")
            for row, each in zip(at, merged_cells, strict=True)
            if each is None
        ]
        alike[name] = [each or "" for each in merged_cells]
    merged = {}
    for label, each in codes.items():
        merged[label] = np.array([_vote(each[rows], rule) for rows in groups.values()], np.int8)
    return MergedRows(
        {name: [cells[row] for row in at] for name, cells in columns.items()},
        alike, merged, at, faults,
    )  # fmt: skip


def _merge_readings(cells: Sequence[str], rows: Sequence[int]) -> str | None:
    """One reader's reading of an image among its rows; None where they contradict each other."""
    said = {cells[row] for row in rows} - {""}
    return None if len(said) > 1 else next(iter(said), "")


def _vote(votes: Codes, rule: Literal["any", "majority"]) -> int:
    yes, no = int((votes == 1).sum()), int((votes == 0).sum())
    if rule == "any":
        return 1 if yes else 0 if no == len(votes) else UNKNOWN
    return UNKNOWN if yes == no else int(yes > no)
