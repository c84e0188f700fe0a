"""Manifest files as columns of text, with the number of every row for messages.

Cells are text in all formats, so that the checks behind are the same: a null or NaN in Parquet is
an empty cell, and a whole number reads alike whether it is stored as 1, 1.0 or "1".
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

from msgspec import Struct, field

from covidreport.errors import DatasetError, UsageError
from covidreport.storage.address import Address

_BLOCK = 512
"""Rows held as rows before they become columns: more only keep the garbage collector busy."""
_MOST_SHARED = 4096
"""Cells of a column that are remembered so that equal ones are one text in memory."""


class ManifestTable(Struct, frozen=True):
    """Columns by name, each of `n_rows` cells.

    head: where the column names stand. unit: how rows are counted, `line` or `row`. numbers: the
    number of each row; only faults ask for it, so it is worked out when it is called. faults:
    number and fault of rows that could not be taken into the columns. reading: what beside the
    columns decides which images are meant.
    """

    source: Path
    columns: dict[str, list[str]]
    n_rows: int
    head: str
    unit: str
    numbers: Callable[[], Sequence[int]]
    faults: tuple[tuple[int, str], ...] = ()
    reading: Reading = field(default_factory=lambda: Reading())


class Reading(Struct, frozen=True):
    """How the images of a table are read.

    root: the folder that paths begin in; None is the table's own. accept: views and modalities
    that are read though they are no frontal radiographs. missing_fails: a file that is not there is
    a failed image. left_out: how many rows were left out, by the reason. places: where each row
    stands, in words, where its number alone does not say it. weighted: whether a column `weight`
    holds sampling weights.
    """

    root: Path | None = None
    accept: tuple[str, ...] = ()
    missing_fails: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    places: Callable[[], Sequence[str]] | None = None
    weighted: bool = True


class TextForm(Struct, frozen=True):
    """How a text is cut into cells. separator: None tells it by the header, a blank means any
    number of them. columns: the names, where the text has no header.
    """

    separator: str | None = None
    columns: tuple[str, ...] | None = None


def read_table(source: Path, form: TextForm | None = None) -> ManifestTable:
    """Read a manifest by its suffix: a key of `READERS`. form: of a text, whatever it is called.

    Raises DatasetError when it can't be read at all, or names two columns alike.
    """
    reader = READERS.get(name_suffix(source))
    if form is not None and reader in (None, _read_text):
        reader = partial(_read_text, form=form)
    if reader is None:
        raise DatasetError(str(source), [f"a manifest is one of {', '.join(READERS)}"])
    try:
        return reader(source)
    except (OSError, EOFError) as error:
        said = getattr(error, "strerror", None) or error
        raise DatasetError(str(source), [f"cannot be read: {said}"]) from error


def name_suffix(source: Path) -> str:
    """How a table's name ends, in lower case; with what is packed in it, such as `.csv.gz`."""
    suffixes = [suffix.lower() for suffix in source.suffixes[-2:]]
    return "".join(suffixes if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _read_text(source: Path, form: TextForm | None = None) -> ManifestTable:
    """UTF-8 (a byte order mark is passed over), one header; blank lines are skipped."""
    try:
        return _parse_text(source, form or TextForm())
    except UnicodeDecodeError as error:
        raise DatasetError(str(source), _find_undecodable(source)) from error


def _open_text(source: Path) -> IO[str]:
    if source.suffix.lower() == ".gz":
        return gzip.open(_for_library(source), "rt", encoding="utf-8-sig", newline="")
    return source.open(encoding="utf-8-sig", newline="")


def _for_library(source: Path) -> Path | IO[bytes]:
    """A file for a library that opens paths of this machine: an object as its bytes."""
    return io.BytesIO(source.read_bytes()) if isinstance(source, Address) else source


def find_separator(source: Path) -> str:
    """What stands between the cells: by the suffix, else by the header. Commas go first."""
    if name_suffix(source).startswith((".tsv", ".tab")):
        return "\t"
    with _open_text(source) as file:
        header = file.readline()
    if "," in header:
        return ","
    return next((each for each in ("\t", ";") if each in header), ",")


class _Rows:
    """The rows of a text below its header, with the number of the line that was read last."""

    def __init__(self, file: IO[str], separator: str) -> None:
        self._line = 0
        self._reader = None if separator == " " else csv.reader(
            file, delimiter=separator, strict=True
        )  # fmt: skip
        self._lines = file

    @property
    def line_num(self) -> int:
        return self._line if self._reader is None else self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        return self._split() if self._reader is None else self._reader

    def _split(self) -> Iterator[list[str]]:
        for line in self._lines:
            self._line += 1
            yield line.split()


def _parse_text(source: Path, form: TextForm) -> ManifestTable:
    form = TextForm(form.separator or find_separator(source), form.columns)
    head = "columns" if form.columns else "line 1"
    with _open_text(source) as file:
        rows_of = _Rows(file, form.separator or ",")
        reader = iter(rows_of)
        try:
            names = _name_columns(source, head, form.columns or next(reader, []))
            columns: list[list[str]] = [[] for _ in names]
            shared: list[dict[str, str]] = [{} for _ in names]
            irregular = False
            while rows := list(islice(reader, _BLOCK)):
                if form.separator == " ":
                    rows = [row for row in rows if row]
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
            raise DatasetError(str(source), [f"line {rows_of.line_num}: {error}"]) from error
    faults = _find_irregular(source, form, len(names)) if irregular else ()
    named = {name: column for name, column in zip(names, columns, strict=True) if name}
    return ManifestTable(
        source=source,
        columns=named,
        n_rows=len(columns[0]),
        head=head,
        unit="line",
        numbers=lambda: _locate_rows(source, form, len(names)),
        faults=faults,
    )


def _walk_text(source: Path, form: TextForm) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header, blank ones excluded, each with the line on which it begins."""
    with _open_text(source) as file:
        rows = _Rows(file, form.separator or ",")
        reader = iter(rows)
        if not form.columns:
            next(reader)
        begins = rows.line_num + 1
        for row in reader:
            if row:
                yield begins, row
            begins = rows.line_num + 1


def _locate_rows(source: Path, form: TextForm, width: int) -> list[int]:
    return [line for line, row in _walk_text(source, form) if len(row) == width]


def _find_irregular(source: Path, form: TextForm, width: int) -> tuple[tuple[int, str], ...]:
    named = "`columns` names" if form.columns else "the header names"
    return tuple(
        (line, f"{len(row)} cells, {named} {width}")
        for line, row in _walk_text(source, form)
        if len(row) != width
    )


def _find_undecodable(source: Path) -> list[str]:
    faults = []
    data = source.read_bytes()
    data = gzip.decompress(data) if source.suffix.lower() == ".gz" else data
    for number, line in enumerate(data.split(b"\n"), start=1):
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
        with pq.ParquetFile(_for_library(source)) as file:
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
    names = _name_columns(source, f"row {first}", header)
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
    names = _name_columns(source, "keys", stored)
    columns = {
        name: [_to_text(row.get(key)) for row in rows]
        for name, key in zip(names, stored, strict=True)
        if name
    }
    return ManifestTable(source, columns, len(rows), "keys", "line", lambda: numbers)


READERS: dict[str, Callable[[Path], ManifestTable]] = {
    ".csv": _read_text,
    ".parquet": _read_parquet,
    ".tsv": _read_text,
    ".csv.gz": _read_text,
    ".tsv.gz": _read_text,
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


def _add_to_csv(source: Path, name: str, cells: Sequence[str]) -> bytes:
    separator = find_separator(source)
    with _open_text(source) as file:
        header, *rows = filter(None, csv.reader(file, delimiter=separator, strict=True))
    names = [each.strip() for each in header]
    at = names.index(name) if name in names else len(names)
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter=separator, lineterminator="\n")
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
    ".tsv": _add_to_csv,
    ".parquet": _add_to_parquet,
}
