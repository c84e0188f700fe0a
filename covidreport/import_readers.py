"""Run folders of what radiologists said of the same images: one a reader, of one label.

A rating becomes a score from 0 to 1 by the ends of its scale, and the threshold lies between the
lowest rating that calls an image positive and the next one below it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import DatasetError, UsageError
from covidreport.import_scores import (
    ImportRequest,
    ScoresTable,
    import_scores,
    match_scores,
    read_scores_table,
)
from covidreport.records import CALLED, READERS, Evaluation, Finding
from covidreport.storage.files import fits_name
from covidreport.text import exact


class Readings(Struct, frozen=True):
    """What a table of readings is: its columns, its scale `(lowest, highest)`, and from which
    rating on an image is called positive; None for the first above the middle."""

    scale: tuple[float, float]
    call: float | None = None
    reader: str = "reader"
    rating: str = "rating"


class _Parted(Struct, frozen=True):
    """The rows of each reader as scores, and the threshold."""

    tables: Mapping[str, ScoresTable]
    threshold: float
    call: float


def part_readers(file: Path, readings: Readings, label: str) -> _Parted:
    """A table of scores for each reader of a file, and the threshold that their calls come to.

    DatasetError where a column is missing, or with each rating that is no number on the scale and
    each reader whose name is none for a folder; UsageError where no call fits the scale.
    """
    low, high = readings.scale
    table = read_scores_table(file)
    missing = [name for name in (readings.reader, readings.rating) if name not in table.columns]
    if missing:
        raise DatasetError(str(file), [f"line 1: there is no column {name}" for name in missing])
    faults: list[str] = []
    rows: dict[str, list[Mapping[str, Any]]] = {}
    positions: dict[str, list[str]] = {}
    ratings: set[float] = set()
    for position, row in zip(table.positions, table.rows, strict=True):
        name = str(row[readings.reader] or "").strip()
        rating = _read_rating(row[readings.rating])
        if not fits_name(name):
            faults.append(f"{position}: the reader {name!r} is no name for a folder")
        elif rating is not None and not low <= rating <= high:
            faults.append(
                f"{position}: the rating {row[readings.rating]!r} is no number from {exact(low)} "
                f"to {exact(high)}"
            )
        else:
            ratings |= set() if rating is None else {rating}
            score = "" if rating is None else (rating - low) / (high - low)
            rows.setdefault(name, []).append({**row, f"score.{label}": score})
            positions.setdefault(name, []).append(position)
    if not rows and not faults:
        faults = ["there is no row of readings below the header"]
    if faults:
        raise DatasetError(str(file), faults)
    call = _find_call(readings, ratings)
    below = max((each for each in ratings if each < call), default=low)
    columns = (*table.columns, f"score.{label}")
    tables = {name: ScoresTable(columns, rows[name], positions[name]) for name in sorted(rows)}
    return _Parted(tables, ((below + call) / 2 - low) / (high - low), call)


def _read_rating(value: object) -> float | None:
    """A number; None for a blank cell, NaN for what is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def _find_call(readings: Readings, ratings: set[float]) -> float:
    low, high = readings.scale
    if readings.call is not None:
        if not low < readings.call <= high:
            raise UsageError(
                f"--call {exact(readings.call)}: a rating above {exact(low)} and up to "
                f"{exact(high)} is wanted"
            )
        return readings.call
    middle = (low + high) / 2
    return min((each for each in ratings if each > middle), default=high)


def import_readers(
    request: ImportRequest, readings: Readings, label: str, taken: Sequence[str] = ()
) -> tuple[Evaluation, ...]:
    """A run folder for each reader below `request.output`; the evaluations of their readings.

    request: for all readers; its run is not looked at. taken: names that other runs have.
    UsageError where a reader is called as another run; DatasetError as `part_readers`. Nothing is
    written before every reader's rows have been read.
    """
    parted = part_readers(request.file, readings, label)
    namesakes = [name for name in parted.tables if name in taken]
    if namesakes:
        raise UsageError(
            f"{namesakes[0]}: a run is called so already; rename the reader in {request.file}"
        )
    low, high = (exact(end) for end in readings.scale)
    requests = [
        replace(
            request,
            run=name,
            table=table,
            activation="sigmoid",
            thresholds={label: parted.threshold},
            thresholds_from=CALLED,
            description=f"Reader: ratings from {low} to {high}, positive from {exact(parted.call)}",
            settings={"group": READERS},
            note=_describe(name, request.file, (low, high, exact(parted.call))),
        )
        for name, table in parted.tables.items()
    ]
    for each in requests:
        match_scores(each)
    return tuple(import_scores(each) for each in requests)


def _describe(name: str, file: Path, scale: tuple[str, str, str]) -> Finding:
    low, high, call = scale
    return Finding(
        "note",
        "readings-of-a-person",
        f"{name} is a reader, and no model",
        f"the ratings from {low} to {high} were read from {file.name}; {call} and more counts as "
        "positive",
        "Say in the paper what the reader saw, and whether the truth was known to the reader.",
        (name,),
    )
