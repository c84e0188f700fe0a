"""What several readers said that an image shows: columns `reader:NAME:LABEL` of 1, 0 and blanks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from covidreport.dataset.labelling import Codes
from covidreport.dataset.truth import describe_values, normalise_cell
from covidreport.metrics.readings import READING, is_reading, part_reading

_TEXTS = ("", "0", "1")
"""By a code plus one."""


def name_reading(reader: str, label: str) -> str:
    """What the column of a reader's readings is called."""
    return f"{READING}{reader}:{label}"


def find_name_fault(name: str, labels: Collection[str]) -> str | None:
    """What is wrong with the name of a reader's column; labels: those that it may be of."""
    reader, label = part_reading(name)
    if not reader or not label:
        return f"column {name!r} is named reader:NAME:LABEL, such as reader:ann:covid-19"
    if label not in labels:
        return f"column {name!r} reads {label!r}, which is no column of a label"
    return None


def read_columns(
    columns: Mapping[str, Sequence[str]], labels: Collection[str], values: Mapping[str, int]
) -> tuple[dict[str, list[str]], list[tuple[int, str]]]:
    """The readers' columns in 1, 0 and blanks, their labels spelt as `labels`, and what is wrong
    with their cells, by row. values: what cells mean."""
    spelt = {label.strip().casefold(): label for label in labels}
    found: dict[str, list[str]] = {}
    faults = []
    for name, cells in columns.items():
        if not is_reading(name):
            continue
        reader, label = part_reading(name)
        codes = {cell: values.get(normalise_cell(cell)) for cell in set(cells)}
        faults += [
            (row, f"{name} is {cell!r}, not {describe_values(cell=cell)}")
            for row, cell in enumerate(cells)
            if codes[cell] is None
        ]
        whole = name_reading(reader, spelt.get(label.strip().casefold(), label)) if reader else name
        found[whole] = [_TEXTS[(codes[cell] or 0) + 1] for cell in cells]
    return found, faults


def spread_rows(readers: Sequence[str], codes: Mapping[str, Codes]) -> dict[str, list[str]]:
    """The columns of readers whose rows these are: each row has its own reader's cell alone.

    codes: by label, `(N,)`. A row without a reader is nobody's reading.
    """
    names = [reader.strip() for reader in readers]
    return {
        name_reading(reader, label): [
            _TEXTS[code + 1] if name == reader else ""
            for name, code in zip(names, each.tolist(), strict=True)
        ]
        for reader in sorted(set(filter(None, names)))
        for label, each in codes.items()
    }


def widen(
    columns: Mapping[str, Sequence[str]], on: Sequence[str], reader: str, labels: Sequence[str]
) -> tuple[dict[str, list[str]], list[tuple[int, str]]]:
    """A table with a row an image and reader as one with a row an image, and what is wrong by row.

    on: the columns that name the image; labels: those that hold what was read.
    """
    keys = list(zip(*(columns[name] for name in on), strict=True))
    rows = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    found: dict[str, list[str]] = {name: [key[at] for key in rows] for at, name in enumerate(on)}
    faults = []
    for row, (key, who) in enumerate(zip(keys, map(str.strip, columns[reader]), strict=True)):
        if not who:
            faults.append((row, f"{reader} is blank: who read {', '.join(key)}?"))
            continue
        for label in labels:
            cell = columns[label][row]
            column = found.setdefault(name_reading(who, label), [""] * len(rows))
            if column[rows[key]] not in ("", cell):
                faults.append((row, f"{who} read {', '.join(key)} before, and otherwise"))
            column[rows[key]] = cell
    return found, faults
