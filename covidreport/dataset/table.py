"""Manifest files as columns of text, with the number of every row for messages.

Cells are text in both formats, so that the checks behind are the same: a null or NaN in Parquet is
an empty cell, and a whole number reads alike whether it is stored as 1, 1.0 or "1".
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from covidreport.errors import DatasetError

_BLOCK = 512
"""Rows held as rows before they become columns: more only keep the garbage collector busy."""
_MOST_SHARED = 4096
"""Cells of a column that are remembered so that equal ones are one text in memory."""


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """Columns by name, each of `n_rows` cells.

    head: where the column names stand. unit: how rows are counted, `line` or `row`. numbers: the
    number of each row; only faults ask for it, so it is worked out when it is called. faults:
    number and fault of rows that could not be taken into the columns.
    """

    source: Path
    columns: dict[str, list[str]]
    n_rows: int
    head: str
    unit: str
    numbers: Callable[[], Sequence[int]]
    faults: tuple[tuple[int, str], ...] = ()


def read_table(source: Path) -> ManifestTable:
    """Read a manifest by its suffix: a key of `READERS`.

    Raises DatasetError when it can't be read at all, or names two columns alike.
    """
    reader = READERS.get(source.suffix.lower())
    if reader is None:
        raise DatasetError(str(source), [f"a manifest is one of {', '.join(READERS)}"])
    try:
        return reader(source)
    except OSError as error:
        raise DatasetError(str(source), [f"cannot be read: {error.strerror or error}"]) from error


def _read_csv(source: Path) -> ManifestTable:
    """UTF-8 (a byte order mark is passed over), commas, one header; blank lines are skipped."""
    try:
        return _parse_csv(source)
    except UnicodeDecodeError as error:
        raise DatasetError(str(source), _find_undecodable(source)) from error


def _parse_csv(source: Path) -> ManifestTable:
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = _name_columns(source, "line 1", next(reader, []))
            columns: list[list[str]] = [[] for _ in names]
            shared: list[dict[str, str]] = [{} for _ in names]
            irregular = False
            while rows := list(islice(reader, _BLOCK)):
                if set(map(len, rows)) != {len(names)}:
                    irregular = True
                    rows = [row for row in rows if len(row) == len(names)]
                for column, memo, cells in zip(
                    columns, shared, zip(*rows, strict=True), strict=False
                ):
                    column.extend(map(memo.setdefault, cells, cells))
                    if len(memo) > _MOST_SHARED:
                        memo.clear()  # a column of names: few are equal, and far apart
        except csv.Error as error:
            raise DatasetError(str(source), [f"line {reader.line_num}: {error}"]) from error
    faults = _find_irregular(source, len(names)) if irregular else ()
    named = {name: column for name, column in zip(names, columns, strict=True) if name}
    return ManifestTable(
        source=source,
        columns=named,
        n_rows=len(columns[0]),
        head="line 1",
        unit="line",
        numbers=lambda: _locate_rows(source, len(names)),
        faults=faults,
    )


def _walk_csv(source: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header, blank ones excluded, each with the line on which it begins."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        next(reader)
        begins = reader.line_num + 1
        for row in reader:
            if row:
                yield begins, row
            begins = reader.line_num + 1


def _locate_rows(source: Path, width: int) -> list[int]:
    return [line for line, row in _walk_csv(source) if len(row) == width]


def _find_irregular(source: Path, width: int) -> tuple[tuple[int, str], ...]:
    return tuple(
        (line, f"{len(row)} cells, the header names {width}")
        for line, row in _walk_csv(source)
        if len(row) != width
    )


def _find_undecodable(source: Path) -> list[str]:
    faults = []
    for number, line in enumerate(source.read_bytes().split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            faults.append(
                f"line {number}: byte {line[error.start]:#04x} is not UTF-8: "
                "save the manifest as UTF-8"
            )
    return faults


def _name_columns(source: Path, head: str, header: Sequence[str]) -> list[str]:
    """Names as they stand, stripped. A column without a name (a saved row number) is not read."""
    names = [name.strip() for name in header]
    if not any(names):
        raise DatasetError(str(source), [f"{head}: the manifest is empty: no header"])
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DatasetError(str(source), [f"{head}: column {name!r} stands twice" for name in twice])
    return names


def _read_parquet(source: Path) -> ManifestTable:
    """Columns of bytes or of nested values, which can't be shown as text, are not read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source) as file:
            readable = [
                field.name
                for field in file.schema_arrow
                if not (pa.types.is_nested(field.type) or _holds_bytes(pa, field.type))
            ]
            names = _name_columns(source, "schema", readable)
            arrow = file.read(columns=readable, use_threads=False)
    except pa.ArrowException as error:
        raise DatasetError(str(source), [f"not a Parquet file: {error}"]) from error
    columns = {
        name: [_to_text(cell) for cell in arrow.column(stored).to_pylist()]
        for name, stored in zip(names, readable, strict=True)
        if name
    }
    n_rows = arrow.num_rows
    return ManifestTable(
        source=source,
        columns=columns,
        n_rows=n_rows,
        head="schema",
        unit="row",
        numbers=lambda: range(1, n_rows + 1),
    )


def _holds_bytes(pa: Any, kind: Any) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _to_text(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        return str(int(cell)) if cell.is_integer() else str(cell)
    return str(cell)


READERS: dict[str, Callable[[Path], ManifestTable]] = {".csv": _read_csv, ".parquet": _read_parquet}


def add_column(source: Path, name: str, cells: Sequence[str]) -> bytes:
    """A manifest with a column more, in its own format; one of this name is replaced.

    cells: one for each row that `read_table` reads. All else of the file stays as it is.
    """
    return WRITERS[source.suffix.lower()](source, name, cells)


def _add_to_csv(source: Path, name: str, cells: Sequence[str]) -> bytes:
    with source.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = filter(None, csv.reader(file, strict=True))
    names = [each.strip() for each in header]
    at = names.index(name) if name in names else len(names)
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    for row, cell in zip([header, *rows], [name, *cells], strict=True):
        writer.writerow([*row[:at], cell, *row[at + 1 :]])
    return sink.getvalue().encode()


def _add_to_parquet(source: Path, name: str, cells: Sequence[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    column = pa.array(cells, pa.string())
    at = table.schema.get_field_index(name)
    table = table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def write_csv(columns: Mapping[str, Sequence[str]]) -> bytes:
    """A manifest of these columns."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return sink.getvalue().encode()


WRITERS: dict[str, Callable[[Path, str, Sequence[str]], bytes]] = {
    ".csv": _add_to_csv,
    ".parquet": _add_to_parquet,
}
