"""Reads what a fit wrote of its epochs: history.csv of a run folder."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Final

from covidreport.errors import StoreError
from covidreport.records import Epoch
from covidreport.storage.files import read_text, stands
from covidreport.storage.folder import HISTORY_FILE

MOST_HISTORY_BYTES: Final = 64 * 2**20


def read_epochs(folder: Path) -> tuple[tuple[Epoch, ...], tuple[str, ...]]:
    """The epochs of a run folder, and why there are none where its history can't be read."""
    if not stands(folder / HISTORY_FILE):
        return (), ()
    try:
        return read_history(folder / HISTORY_FILE), ()
    except StoreError as error:
        return (), (str(error),)


def read_history(path: Path) -> tuple[Epoch, ...]:
    """The epochs of a history.csv; an empty cell is None. StoreError names the line at fault."""
    text = read_text(path, MOST_HISTORY_BYTES)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        columns = list(reader.fieldnames or [])
        if "epoch" not in columns:
            raise StoreError(f"{path}: line 1: no column `epoch`")
        return tuple(_read_epoch(path, reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise StoreError(f"{path}: can't be read ({error})") from error


def _read_epoch(path: Path, line: int, row: dict[str, str]) -> Epoch:
    try:
        values = {
            name: float(cell) if cell else None for name, cell in row.items() if name != "epoch"
        }
        epoch = int(row["epoch"])
    except (TypeError, ValueError) as error:
        raise StoreError(f"{path}: line {line}: {error}") from error
    for name, value in values.items():
        if value is not None and not math.isfinite(value):
            values[name] = None
    return Epoch(epoch, values)
