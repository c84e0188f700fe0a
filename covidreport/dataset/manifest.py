"""A manifest's table -> `Dataset`: every column and row is checked, all faults told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.dataset.columns import ManifestTable
from covidreport.dataset.faults import Faults
from covidreport.dataset.kinds import refuse_kinds
from covidreport.dataset.paths import find_store, read_paths
from covidreport.dataset.readings import find_name_fault, read_columns
from covidreport.dataset.truth import describe_values, looks_like_label, name_values, read_truth
from covidreport.dataset.weights import WEIGHT, read_weights
from covidreport.metrics.readings import is_reading
from covidreport.records import Dataset, Texts

PATH, ID, SPLIT, PATIENT, FOLD = "path", "id", "split", "patient_id", "fold"
Needed = Callable[[Collection[str]], Collection[str]]
"""Given the splits that there are, those that are asked for."""
RESERVED = (PATH, ID, SPLIT, PATIENT, FOLD, WEIGHT)


def guess_columns(
    table: ManifestTable, group: str | None = None, uncertain: Sequence[str] = ()
) -> tuple[str, ...]:
    """Columns that look like labels: nothing but 0, 1, blanks and uncertain marks, at least one 1.

    `path`, `id`, `split`, `patient_id`, `fold`, `weight` and the group column never are. An
    attribute of 0 and 1, such as `has_tube`, is taken for a label: name the labels where that
    matters.
    """
    values = name_values(uncertain)
    return tuple(
        name
        for name, cells in table.columns.items()
        if name not in RESERVED
        and name != group
        and not is_reading(name)
        and looks_like_label(cells, values)
    )


def build_dataset(
    table: ManifestTable,
    labels: Sequence[str] | None,
    group: str | None,
    name: str,
    uncertain: Sequence[str] = (),
    needed: Needed | None = None,
) -> Dataset:
    """The data set that a manifest states. Raises DatasetError with all its faults.

    uncertain: marks in label columns whose truth is then unknown, as that of a blank cell.
    needed: given the splits that there are, those whose files have to exist; None is all images.
    Paths are relative to the manifest's folder, or to the root that `[manifest]` names, and stay
    below it by name; a symbolic link there may lead elsewhere, since archives are often farms of
    links. What a column `view` or `modality` states is read as a DICOM header is: what is no
    frontal radiograph is refused unless it is asked for.
    """
    faults = Faults(table)
    values = name_values(uncertain)
    columns = guess_columns(table, group, uncertain) if labels is None else tuple(labels)
    _check_columns(table, columns, group, faults, guessed=labels is None)
    if PATH not in table.columns:
        faults.raise_any()
    root = table.reading.root or table.source.parent
    if store := find_store(table.columns[PATH]):
        root = store
    splits = _clean(map(str.lower, table.columns[SPLIT])) if SPLIT in table.columns else None
    idle = _list_idle(table.n_rows, splits, needed)
    missing_fails = table.reading.missing_fails
    paths = read_paths(
        table.columns[PATH], root, faults, range(table.n_rows) if missing_fails else idle
    )
    ids = _read_ids(table, paths, faults)
    refuse_kinds(table, idle, faults.add)
    truth = np.empty((table.n_rows, len(columns)), np.int8)
    for index, label in enumerate(columns):
        cells = table.columns.get(label)
        if cells is None:
            continue
        truth[:, index], wrong = read_truth(cells, values)
        for row in wrong:
            cell = cells[row]
            faults.add(row, f"{label} is {cell!r}, not {describe_values(uncertain, cell)}")
    readings = _list_readings(table, columns, values, faults)
    weighted = WEIGHT in table.columns and table.reading.weighted
    weights = _read_weights(table.columns[WEIGHT], faults) if weighted else None
    faults.raise_any()
    group_column = group or (PATIENT if PATIENT in table.columns else None)
    used = {PATH, ID, SPLIT, FOLD, group_column, *columns, *([WEIGHT] if weighted else [])}
    names = Texts.of(paths)
    return Dataset(
        name=name,
        root=root,
        source=table.source,
        labels=columns,
        ids=names if ids is paths else Texts.of(ids),
        paths=names,
        truth=truth,
        splits=splits,
        groups=(
            Texts.of(_read_patients(table.columns[group_column], ids)) if group_column else None
        ),
        folds=_clean(table.columns[FOLD]) if FOLD in table.columns else None,
        weights=weights,
        attributes={
            column: _clean(cells)
            for column, cells in {**table.columns, **readings}.items()
            if column not in used
        },
        left_out=table.reading.left_out,
    )


def _read_weights(cells: Sequence[str], faults: Faults) -> NDArray[np.float64]:
    weights, wrong = read_weights(cells)
    for row, what in wrong:
        faults.add(row, what)
    return weights


def _list_readings(
    table: ManifestTable, labels: Sequence[str], values: Mapping[str, int], faults: Faults
) -> dict[str, list[str]]:
    """The columns of readers in 1, 0 and blanks."""
    known = {*labels, *(name for name in table.columns if name not in RESERVED)}
    for name in filter(is_reading, table.columns):
        if said := find_name_fault(name, known):
            faults.add(None, said)
    readings, wrong = read_columns(table.columns, labels, values)
    for row, what in wrong:
        faults.add(row, what)
    return readings


def build_images(table: ManifestTable, name: str) -> Dataset:
    """The images that a manifest names, without labels: its columns of truth are not looked at.

    Raises DatasetError as `build_dataset` does of paths and ids.
    """
    faults = Faults(table)
    if PATH not in table.columns:
        faults.add(None, f"no column {PATH!r}; there are: {', '.join(table.columns)}")
    elif table.n_rows == 0 and not table.faults:
        faults.add(None, "no images: there is nothing below the header")
    faults.raise_any()
    root = table.source.parent
    paths = read_paths(table.columns[PATH], root, faults)
    ids = _read_ids(table, paths, faults)
    faults.raise_any()
    truth = np.empty((table.n_rows, 0), np.int8)
    return Dataset(name, root, table.source, (), ids, paths, truth)


def _check_columns(
    table: ManifestTable,
    labels: Sequence[str],
    group: str | None,
    faults: Faults,
    *,
    guessed: bool,
) -> None:
    there = ", ".join(table.columns)
    if PATH not in table.columns:
        hint = "; cells are parted by commas, semicolons or tabs" if len(table.columns) == 1 else ""
        faults.add(None, f"no column {PATH!r}; there are: {there}{hint}")
    if not labels and guessed:
        faults.add(None, f"no column of 0 and 1 to take as a label; there are: {there}")
    elif not labels:
        faults.add(None, "no label was asked for")
    for label in sorted({label for label in labels if list(labels).count(label) > 1}):
        faults.add(None, f"label {label!r} is asked for twice")
    for label in labels:
        if label not in table.columns:
            faults.add(None, f"no column for the label {label!r}; there are: {there}")
        elif label in (PATH, ID, SPLIT, FOLD, WEIGHT, group):
            faults.add(None, f"column {label!r} can't be a label: it has another meaning")
    if group is not None and group not in table.columns:
        faults.add(None, f"no column {group!r} to group by; there are: {there}")
    if table.n_rows == 0 and not table.faults:
        faults.add(None, "no images: there is nothing below the header")


def _list_idle(n_rows: int, splits: Sequence[str] | None, needed: Needed | None) -> Collection[int]:
    """The rows whose files nobody needs."""
    if needed is None:
        return ()
    if splits is None:
        return () if needed(()) else range(n_rows)
    chosen = needed(set(filter(None, splits)))
    return {row for row, split in enumerate(splits) if split not in chosen}


def _read_ids(table: ManifestTable, paths: tuple[str, ...], faults: Faults) -> tuple[str, ...]:
    if ID not in table.columns:
        return paths
    ids = tuple(map(str.strip, table.columns[ID]))
    blank = {row for row, cell in enumerate(ids) if not cell}
    for row in blank:
        faults.add(row, "id is empty")
    faults.add_repeated(ids, "id", blank)
    return ids


def _read_patients(cells: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
    """Patients by row. A gap in a column makes a program write its numbers with `.0`, so that one
    patient has two names where tables meet; where both stand in a column they are one.
    """
    stated = _clean(cells)
    whole = {name: name.split(".")[0] for name in set(stated) if re.fullmatch(r"\d+\.0+", name)}
    both = {name: number for name, number in whole.items() if number in set(stated)}
    return name_patients([both.get(name, name) for name in stated] if both else stated, ids)


def _clean(cells: Iterable[str]) -> tuple[str, ...]:
    """Stripped cells; equal ones share one string, as most of a column's are equal."""
    stripped = list(map(str.strip, cells))
    shared: dict[str, str] = {}
    return tuple(map(shared.setdefault, stripped, stripped))


def name_patients(stated: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
    """Patients. An image whose patient is not stated is a patient of its own.

    Such a patient is called `?` and the image's id, with as many `?` as it takes to be no stated
    patient's name.
    """
    if all(stated):
        return tuple(stated)
    mark = "?"
    while any(group.startswith(mark) for group in stated):
        mark += "?"
    return tuple(group or mark + image for group, image in zip(stated, ids, strict=True))


def is_unstated(patient: str, image: str) -> bool:
    """Whether `name_patients` made up this patient of an image."""
    return patient.endswith(image) and set(patient.removesuffix(image)) == {"?"}
