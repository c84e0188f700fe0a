"""Manifests that are text, cells parted by commas, tabs, semicolons or blanks; packed ones too."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from msgspec import Struct

from covidreport.dataset.columns import ManifestTable, name_columns, name_suffix
from covidreport.dataset.files import for_library
from covidreport.errors import DatasetError

_BLOCK = 512
"""Rows held as rows before they become columns: more only keep the garbage collector busy."""
_MOST_SHARED = 4096
"""Cells of a column that are remembered so that equal ones are one text in memory."""


class TextForm(Struct, frozen=True):
    """How a text is cut into cells. separator: None tells it by the header, a blank means any
    number of them. columns: the names, where the text has no header.
    """

    separator: str | None = None
    columns: tuple[str, ...] | None = None


def read_text(source: Path, form: TextForm | None = None) -> ManifestTable:
    """UTF-8 (a byte order mark is passed over), one header; blank lines are skipped.

    DatasetError where it can't be cut into cells; rows of another length than the header are
    faults of the table.
    """
    try:
        return _parse_text(source, form or TextForm())
    except UnicodeDecodeError as error:
        raise DatasetError(str(source), _find_undecodable(source)) from error


def _open_text(source: Path) -> IO[str]:
    if source.suffix.lower() == ".gz":
        return gzip.open(for_library(source), "rt", encoding="utf-8-sig", newline="")
    return source.open(encoding="utf-8-sig", newline="")


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
            names = name_columns(source, head, form.columns or next(reader, []))
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


def add_to_text(source: Path, name: str, cells: Sequence[str]) -> bytes:
    """A text with a column more, or with another in its place; its separator stays."""
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
