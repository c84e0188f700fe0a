"""Manifest files as columns of text, with the number of every row for messages.

Cells are text in all formats, so that the checks behind are the same: a null or NaN in Parquet is
an empty cell, and a whole number reads alike whether it is stored as 1, 1.0 or "1".
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from covidreport.dataset.columns import ManifestTable, name_columns, name_suffix
from covidreport.dataset.delimited import TextForm, add_to_text, read_text
from covidreport.dataset.files import for_library
from covidreport.errors import DatasetError, UsageError


def read_table(source: Path, form: TextForm | None = None) -> ManifestTable:
    """Read a manifest by its suffix: a key of `READERS`. form: of a text, whatever it is called.

    Raises DatasetError when it can't be read at all, or names two columns alike.
    """
    reader = READERS.get(name_suffix(source))
    if form is not None and reader in (None, read_text):
        reader = partial(read_text, form=form)
    if reader is None:
        raise DatasetError(str(source), [f"a manifest is one of {', '.join(READERS)}"])
    try:
        return reader(source)
    except (OSError, EOFError) as error:
        said = getattr(error, "strerror", None) or error
        raise DatasetError(str(source), [f"cannot be read: {said}"]) from error


def _read_parquet(source: Path) -> ManifestTable:
    """Columns of bytes or of nested values, which can't be shown as text, are not read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(for_library(source)) as file:
            readable = [
                field.name
                for field in file.schema_arrow
                if not (pa.types.is_nested(field.type) or _holds_bytes(pa, field.type))
            ]
            names = name_columns(source, "schema", readable)
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
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    return str(cell)


def _read_excel(source: Path) -> ManifestTable:
    """The first sheet of a workbook, its header on the first row that is not blank."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        raise UsageError(
            f"{source}: reading Excel takes another package: pip install 'covidreport[excel]'"
        ) from error

    try:
        with source.open("rb") as file:
            rows = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python(
                skip_empty_area=False
            )  # fmt: skip
    except (CalamineError, IndexError) as error:
        raise DatasetError(str(source), [f"not a workbook of Excel: {error}"]) from error
    texts = [[_to_text(cell).strip() for cell in row] for row in rows]
    filled = [(number, row) for number, row in enumerate(texts, start=1) if any(row)]
    (first, header), *below = filled or [(1, [])]
    names = name_columns(source, f"row {first}", header)
    columns = {name: [row[at] for _, row in below] for at, name in enumerate(names) if name}
    numbers = [number for number, _ in below]
    return ManifestTable(source, columns, len(below), f"row {first}", "row", lambda: numbers)


def _read_json_lines(source: Path) -> ManifestTable:
    """An object a line; a list or an object in it is kept as JSON, what a line lacks is blank."""
    rows: list[dict[str, object]] = []
    numbers: list[int] = []
    faults: list[str] = []
    with source.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                faults.append(f"line {number}: is not JSON ({error})")
                continue
            if not isinstance(row, dict):
                faults.append(f'line {number}: an object is wanted, such as {{"path": …}}')
                continue
            rows.append(row)
            numbers.append(number)
    if faults:
        raise DatasetError(str(source), faults)
    stored = list(dict.fromkeys(key for row in rows for key in row))
    names = name_columns(source, "keys", stored)
    columns = {
        name: [_to_text(row.get(key)) for row in rows]
        for name, key in zip(names, stored, strict=True)
        if name
    }
    return ManifestTable(source, columns, len(rows), "keys", "line", lambda: numbers)


READERS: dict[str, Callable[[Path], ManifestTable]] = {
    ".csv": read_text,
    ".parquet": _read_parquet,
    ".tsv": read_text,
    ".csv.gz": read_text,
    ".tsv.gz": read_text,
    ".xlsx": _read_excel,
    ".jsonl": _read_json_lines,
}


def add_column(source: Path, name: str, cells: Sequence[str]) -> bytes:
    """A manifest with a column more, in its own format; one of this name is replaced.

    cells: one for each row that `read_table` reads. All else of the file stays as it is.
    UsageError for a format that is read and not written.
    """
    writer = WRITERS.get(name_suffix(source))
    if writer is None:
        raise UsageError(f"{source}: such a table is not written; save it as CSV or Parquet")
    return writer(source, name, cells)


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
    ".csv": add_to_text,
    ".tsv": add_to_text,
    ".parquet": _add_to_parquet,
}
