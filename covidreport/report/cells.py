"""Cells as text, the same in every face: a value, a note beneath it, and both in one line."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from covidreport.report.blocks import (
    Cell,
    Code,
    Count,
    Difference,
    Grid,
    Inlines,
    Link,
    Number,
    PValue,
    Rate,
    Spread,
    Strong,
    Text,
    Tone,
)
from covidreport.report.charts.intervals import Domain, Mark, place_mark
from covidreport.text import (
    DASH,
    clean,
    decimal,
    format_estimate,
    p_value,
    plural,
    signed,
    whole,
)

SIGNS: Mapping[Tone, str] = {"wrong": "×", "right": "·", "unscored": "?"}
"""What stands for a tone where there is room for one letter."""


class Written(Struct, frozen=True):
    """A cell as text; `line` is all of it where there is one line only, as in Markdown."""

    value: str
    note: str = ""
    line: str = ""


def write_cell(cell: Cell) -> Written:
    """The text of a cell. Of a sentence it is the sentence, with its backticks."""
    match cell:
        case str():
            return Written(cell, line=cell)
        case Strong(text) | Code(text):
            return _written(clean(text))
        case Text(text, note) | Link(text, note=note):
            return _written(clean(text), clean(note))
        case Count():
            return _write_count(cell)
        case Rate():
            return _write_rate(cell)
        case Difference():
            return _write_difference(cell)
        case PValue():
            return _write_p(cell)
        case Spread():
            return _write_spread(cell)
        case Number(value, places, note):
            return _written(decimal(value, places), note)


def write_line(words: Inlines) -> str:
    """A sentence in one line, its figures with their evidence."""
    return words if isinstance(words, str) else "".join(write_cell(one).line for one in words)


def flatten_heads(grid: Grid) -> list[str]:
    """The heads of a grid's columns in one line each: that of the last level goes last."""
    levels = [
        [
            f"{head.spoken} {write_cell(head.cell).line}".strip()
            for head in level
            for _ in range(head.span)
        ]
        for level in grid.heads
    ]
    return [", ".join(titles) for titles in zip(*levels, strict=True)]


def flatten_rows(grid: Grid) -> list[tuple[tuple[Cell, ...], tuple[Text, ...]]]:
    """The heads and the cells of a grid's rows, each head and cell as often as it spans."""
    heads: list[Cell] = []
    rows = []
    for row in grid.rows:
        heads[len(grid.corner) - len(row.heads) :] = [head.cell for head in row.heads]
        cells = tuple(Text(one.text, one.note) for one in row.cells for _ in range(one.span))
        rows.append((tuple(heads), cells))
    return rows


def sort_number(cell: Cell) -> float | None:
    """The number that a column is sorted by; None where it is sorted by what is shown."""
    match cell:
        case Text(sort=number) | Count(number):
            found = number
        case Rate(estimate):
            found = None if estimate is None else estimate.value
        case PValue(value) | Difference(value) | Spread(value) | Number(value):
            found = value
        case _:
            return None
    return None if found is None else round(found, 6)


def mark_cell(cell: Cell, domain: Domain) -> Mark | None:
    """The mark of a figure on its column's axis; None where it is undefined, or no figure."""
    match cell:
        case Rate(estimate) if estimate is not None:
            return place_mark(estimate.value, estimate.low, estimate.high, domain)
        case Difference(value, low, high):
            return place_mark(value, low, high, domain)
        case _:
            return None


def list_starts(grid: Grid) -> frozenset[int]:
    """The columns at which a head over several columns begins: they are set apart."""
    starts = set()
    for level in grid.heads[:-1]:
        at = 0
        for head in level:
            starts.add(at)
            at += head.span
    return frozenset(starts)


def cell_kind(cell: Cell) -> str:
    """The kind of a cell as templates know it: `text`, `rate`; `str` for a sentence of ours."""
    return type(cell).__name__.lower()


def _written(value: str, note: str = "") -> Written:
    return Written(value, note, f"{value} ({note})" if note else value)


def _write_count(cell: Count) -> Written:
    """`8` over `of 28`, in one line `8 of 28`."""
    of = "" if cell.told or cell.of is None or cell.n is None else f"of {whole(cell.of)}"
    failed = f"{whole(cell.failed)} not scored" if cell.failed else ""
    line = f"{whole(cell.n)} {of}".strip()
    return Written(
        whole(cell.n),
        ", ".join(part for part in (of, failed) if part),
        f"{line} ({failed})" if failed else line,
    )


def _write_rate(cell: Rate) -> Written:
    """In one line the fraction is there too, wherever anything stands beside the value."""
    shown = format_estimate(cell.estimate)
    interval = f"95 % CI {shown.interval}" if shown.interval else ""
    beneath = (cell.before, shown.fraction if cell.evidence else "", shown.interval, shown.mark)
    note = "; ".join(filter(None, (*beneath, cell.note)))
    if not note:
        return Written(shown.value, line=shown.value)
    if not cell.before and not cell.note:
        return Written(shown.value, note, shown.text)
    beside = "; ".join(
        filter(None, (cell.before, shown.fraction, interval or shown.mark, cell.note))
    )
    return Written(shown.value, note, f"{shown.value} ({beside})")


def _write_difference(cell: Difference) -> Written:
    write = signed if cell.signed else decimal
    value = write(cell.value, cell.places)
    if cell.low is None or cell.high is None:
        return Written(value, line=value)
    ends = f"{write(cell.low, cell.places)} to {write(cell.high, cell.places)}"
    return Written(value, ends, f"{value} ({100 * cell.level:.4g} % CI {ends})")


def _write_p(cell: PValue) -> Written:
    shown = f"≠ {p_value(cell.p)}" if cell.significant else p_value(cell.p)
    unadjusted = "" if cell.unadjusted is None else p_value(cell.unadjusted)
    return _written(shown, "; ".join(filter(None, (unadjusted, cell.note))))


def _write_spread(cell: Spread) -> Written:
    if cell.mean is None:
        return Written(DASH, line=DASH)
    places = 1 if cell.whole else 3
    value = decimal(cell.mean, places)
    if cell.sd is not None:
        value += f" ± {decimal(cell.sd, places)}"
    ends = [
        whole(None if end is None else round(end)) if cell.whole else decimal(end)
        for end in (cell.low, cell.high)
    ]
    note = f"{ends[0]} to {ends[1]}"
    if cell.undefined:
        note += f"; {plural(cell.undefined, 'run')} without"
    return _written(value, note)
