"""Tables as others write them -> the columns of a manifest, by the words of `[manifest]`.

What comes out is a table as `read_table` gives it: all checks behind are those of every manifest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from covidreport.dataset.columns import ManifestTable, Reading
from covidreport.dataset.delimited import TextForm
from covidreport.dataset.labelling import FoundLabels, mean_cells, merge_rows, read_labels
from covidreport.dataset.layout import Extract, Join, ManifestSettings, SplitBy
from covidreport.dataset.names import ImageNames
from covidreport.dataset.readings import read_columns, spread_rows, widen
from covidreport.dataset.table import read_table
from covidreport.dataset.weights import WEIGHT
from covidreport.errors import DatasetError
from covidreport.metrics.readings import is_reading, part_reading
from covidreport.records import UNKNOWN
from covidreport.storage.files import format_path

FOLDERS = "folders"
"""In `exclude`: names of folders on the way to an image, in place of a column."""
_FIELD = re.compile(r"\{([^{}:]+)(?::\.(\d+))?\}")
_AGE = re.compile(r"(\d{3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}


class _Rows(Struct):
    """Rows of one table or several. places: where each stands, in words; used: columns that were
    given a meaning, and are no attributes any more.
    """

    where: str
    columns: dict[str, list[str]]
    n: int
    places: Callable[[], list[str]]
    splits: list[str] | None = None
    used: set[str] = field(default_factory=set)

    def take(self, name: str, what: str) -> list[str]:
        """The cells of a column; DatasetError where there is none."""
        if name not in self.columns:
            there = ", ".join(self.columns)
            raise DatasetError(self.where, [f"no column {name!r} for {what}; there are: {there}"])
        self.used.add(name)
        return self.columns[name]


def arrange_table(
    source: Path,
    words: ManifestSettings,
    labels: Sequence[str] | None = None,
    uncertain: Sequence[str] = (),
) -> tuple[ManifestTable, tuple[str, ...]]:
    """A manifest made of published tables, and its labels: those asked for, else all found.

    source: a table, or the folder that `file` and `find` begin in. Raises DatasetError with what is
    wrong with columns, labels and rows of one image; `build_dataset` says the rest.
    """
    base = source if source.is_dir() else source.parent
    rows = _gather(source, base, words)
    _extract(rows, words.extract)
    for join in words.join:
        _join(rows, base, join)
    root = base / words.root if words.root else base
    columns = _take_columns(rows, words, base, root)
    kept, left_out = _leave_out(rows, words, columns)
    places = rows.places
    if len(kept) < rows.n:
        rows.columns = {name: [cells[i] for i in kept] for name, cells in rows.columns.items()}
        columns = {name: [cells[i] for i in kept] for name, cells in columns.items()}
    readers = [] if words.reader is None else rows.take(words.reader, "the reader")
    found = read_labels(rows.columns, rows.used, words, labels, uncertain)
    readings = _list_readings(rows, found, mean_cells(words, uncertain, UNKNOWN))
    readings |= spread_rows(readers, found.codes)
    if found.faults:
        stand = places()
        raise DatasetError(
            rows.where, [f"{stand[kept[row]]}: {what}" for row, what in sorted(found.faults)]
        )
    attributes = {**_take_attributes(rows, words, columns, found.used), **readings}
    codes, at = found.codes, list(range(len(kept)))
    if words.rows is not None:
        merged = merge_rows(columns, attributes, codes, words.rows)
        if merged.faults:
            stand = places()
            raise DatasetError(
                rows.where, [f"{stand[kept[row]]}: {what}" for row, what in merged.faults]
            )
        columns, attributes, codes, at = merged.columns, merged.attributes, merged.codes, merged.at
    texts = {label: [("", "0", "1")[code + 1] for code in each] for label, each in codes.items()}
    reading = Reading(
        root=root, accept=words.accept, missing_fails=words.missing == "fail", left_out=left_out,
        weighted=words.weight is not None,
        places=lambda: [each for stand in [places()] for each in (stand[kept[i]] for i in at)],
    )  # fmt: skip
    table = ManifestTable(
        source, {**columns, **texts, **attributes}, len(at), rows.where, "row",
        lambda: range(1, len(at) + 1), reading=reading,
    )  # fmt: skip
    return table, tuple(texts)


def _gather(source: Path, base: Path, words: ManifestSettings) -> _Rows:
    """The rows of all tables, one below the other; or a row a file, where `find` names them."""
    if words.find is not None:
        paths = _find_files(base, words.find)
        if not paths:
            raise DatasetError(format_path(base), [f"no file is at {words.find!r} (`find`)"])
        return _Rows(format_path(base), {"path": paths}, len(paths), lambda: paths)
    if words.file is None:
        if source.is_dir():
            said = "is a folder: name the table in it as `file`, or the images as `find`"
            raise DatasetError(format_path(base), [f"{said}, in [manifest]"])
        named: dict[str, Path] = {"": source}
    elif isinstance(words.file, str):
        named = {"": base / words.file}
    else:
        named = {split.lower(): base / file for split, file in words.file.items()}
    form = TextForm(words.separator, words.columns)
    tables = {split: _read_whole(file, form) for split, file in named.items()}
    columns = _stack(list(tables.values()), words.rename)

    def places() -> list[str]:
        return [
            f"{f'{table.source.name}, ' if len(tables) > 1 else ''}{table.unit} {number}"
            for table in tables.values()
            for number in table.numbers()
        ]

    where = next(iter(named.values())) if len(named) == 1 else base
    splits = None
    if isinstance(words.file, dict):
        splits = [split for split, table in tables.items() for _ in range(table.n_rows)]
        columns.setdefault("split", splits)
    n = sum(table.n_rows for table in tables.values())
    return _Rows(format_path(where), columns, n, places, splits)


def _stack(tables: Sequence[ManifestTable], rename: Mapping[str, str]) -> dict[str, list[str]]:
    """Tables one below the other; what a column lacks in one of them is blank. A label that each
    spells otherwise is one column.
    """
    labels = {name.strip().casefold(): label for name, label in rename.items()}

    def mean(name: str) -> str:
        folded = name.strip().casefold()
        return labels.get(folded, folded).casefold()

    columns: dict[str, list[str]] = {}
    n = 0
    for table in tables:
        for name, cells in table.columns.items():
            twins = (each for each in columns if mean(each) == mean(name))
            own = next((each for each in twins if each not in table.columns), name)
            own = name if name in columns else own
            columns[own] = [*columns.get(own, [""] * n), *cells]
        n += table.n_rows
        columns = {name: cells + [""] * (n - len(cells)) for name, cells in columns.items()}
    return columns


def _read_whole(file: Path, form: TextForm) -> ManifestTable:
    if not file.is_file():
        raise DatasetError(format_path(file), ["no such file"])
    table = read_table(file, form)
    if table.faults:
        said = [f"{table.unit} {number}: {what}" for number, what in table.faults]
        raise DatasetError(format_path(file), said)
    return table


def _find_files(base: Path, pattern: str) -> list[str]:
    """Files below a folder that a pattern names, without what systems hide there."""
    found = (path.relative_to(base) for path in base.glob(pattern) if path.is_file())
    return sorted(
        path.as_posix()
        for path in found
        if not any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    )


def _extract(rows: _Rows, wanted: Mapping[str, Extract]) -> None:
    for name, each in wanted.items():
        cells = rows.take(each.column, f"`extract` of {name}")
        found = {cell: re.search(each.pattern, cell) for cell in set(cells)}
        rows.columns[name] = [(match[1] or "") if (match := found[cell]) else "" for cell in cells]


def _join(rows: _Rows, base: Path, join: Join) -> None:
    """Set the columns of a second table beside the rows that it agrees with in `on`."""
    form = TextForm(join.separator, join.columns)
    table = _read_whole(base / join.file, form)
    other = _Rows(format_path(table.source), dict(table.columns), table.n_rows, list)
    _extract(other, join.extract)
    on = {join.on: join.on} if isinstance(join.on, str) else join.on
    numbers = table.numbers()
    if join.reader is not None:
        numbers = _part_readers(other, list(on.values()), join, table)
    ours = list(zip(*(rows.take(name, f"`join` of {join.file}") for name in on), strict=True))
    theirs = list(zip(*(other.take(name, "`on`") for name in on.values()), strict=True))
    only = None if join.reader else join.only
    names = [name for name in only or other.columns if name not in on.values()]
    taken = list(zip(*(other.take(name, "`only`") for name in names), strict=True))
    beside: dict[tuple[str, ...], tuple[str, ...]] = {}
    faults = []
    for number, key, cells in zip(numbers, theirs, taken, strict=False):
        if beside.setdefault(key, cells) != cells:
            faults.append(f"{table.unit} {number}: {', '.join(key)} stands here twice, otherwise")
    blank = ("",) * len(names)
    if not faults and not any(key in beside for key in ours):
        faults.append(f"no row agrees with {rows.where} in {', '.join(on)}")
    for at, name in enumerate(names):
        column = [beside.get(key, blank)[at] for key in ours]
        if rows.columns.setdefault(name, column) != column:
            faults.append(f"column {name!r} says other than that of {rows.where}; name `only`")
    if faults:
        raise DatasetError(other.where, faults)


def _part_readers(
    other: _Rows, on: Sequence[str], join: Join, table: ManifestTable
) -> Sequence[int]:
    """A second table with a row an image and reader, made one with a row an image in place."""
    reader = join.reader or ""
    read = join.only or [each for each in other.columns if each not in (*on, reader)]
    for name in (reader, *on, *read):
        other.take(name, f"`join` of {join.file}")
    columns, faults = widen(other.columns, on, reader, read)
    if faults:
        at = table.numbers()
        raise DatasetError(other.where, [f"{table.unit} {at[row]}: {what}" for row, what in faults])
    other.columns = columns
    return range(1, 1 + len(columns[on[0]]))


def _take_columns(
    rows: _Rows, words: ManifestSettings, base: Path, root: Path
) -> dict[str, list[str]]:
    """The columns of a manifest that have a meaning, but for labels."""
    columns = {"path": _fill_paths(rows, words, root)}
    for name, column in (("id", words.id), ("patient_id", words.patient), ("fold", words.fold)):
        if column is not None or name in rows.columns:
            columns[name] = rows.take(column or name, f"the {name}")
    if isinstance(words.split, SplitBy):
        columns["split"] = _split_by(words.split, columns["path"], base, rows.where)
    elif rows.splits is not None or words.split is not None or "split" in rows.columns:
        columns["split"] = rows.splits or rows.take(words.split or "split", "the split")
        rows.used.add("split")
    for name, column in words.roles.items():
        columns[name] = rows.take(column, f"the {name}")
    if words.weight is not None:
        columns[WEIGHT] = rows.take(words.weight, "the sampling weight")
    if words.age is not None:
        columns["age"] = [_read_age(cell) for cell in columns["age"]]
    return columns


def _read_age(cell: str) -> str:
    """Years; an age as DICOM has it (PS3.5 6.2, AS), such as 058Y, in full years."""
    found = _AGE.fullmatch(cell.strip())
    return cell if found is None else str(int(int(found[1]) / _PER_YEAR[found[2]]))


def _fill_paths(rows: _Rows, words: ManifestSettings, root: Path) -> list[str]:
    """The path of each row: a column, or a pattern filled in; `*` in it is looked up in `root`."""
    pattern = words.path or "path"
    fields = list(_FIELD.finditer(pattern))
    if not fields:
        return rows.take(pattern, "`path`")
    cells = [
        [cell.strip()[: int(each[2]) if each[2] else None] for cell in rows.take(each[1], "`path`")]
        for each in fields
    ]
    filled = list(zip(*cells, strict=True))
    literal = _FIELD.split(pattern)[::3]
    if "*" not in pattern:
        return [
            "".join(text for pair in zip(literal, (*row, ""), strict=True) for text in pair)
            for row in filled
        ]
    there: dict[tuple[str, ...], list[str]] = {}
    parts = [re.escape(text).replace(r"\*", "[^/]*") for text in literal]
    form = re.compile("(.+?)".join(parts))
    for path in _find_files(root, _FIELD.sub("*", pattern)):
        if match := form.fullmatch(path):
            there.setdefault(match.groups(), []).append(path)
    several = {row: found for row in set(filled) if len(found := there.get(row, ())) > 1}
    if several:
        raise DatasetError(
            rows.where,
            [f"{', '.join(row)} is at {len(found)} places: {', '.join(sorted(found)[:3])}"
             for row, found in sorted(several.items())],
        )  # fmt: skip
    return [
        there[row][0] if row in there else _FIELD.sub("{}", pattern).format(*row) for row in filled
    ]


def _split_by(by: SplitBy, paths: Sequence[str], base: Path, where: str) -> list[str]:
    """The split of each path: of the list that names it, or of a folder on the way to it."""
    if by.folders:
        known = {name.lower() for name in by.folders}
        return [
            next((part for part in path.lower().split("/")[:-1] if part in known), "")
            for path in paths
        ]
    rows_of: dict[str, list[int]] = {}
    for row, path in enumerate(paths):  # an image may have several rows
        rows_of.setdefault(path, []).append(row)
    different = list(rows_of)
    images = ImageNames(different, different, base)
    splits = [""] * len(paths)
    faults = []
    for split, file in by.lists.items():
        try:
            lines = (base / file).read_text("utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(format_path(base / file), [f"cannot be read: {error}"]) from error
        for number, line in enumerate(map(str.strip, lines), start=1):
            if not line:
                continue
            found = images.find(line)
            if isinstance(found, str):
                said = found or f"is no image of {where}"
                faults.append(f"{file}, line {number}: {line!r} {said}")
                continue
            for row in rows_of[different[found]]:
                if splits[row] not in ("", split.lower()):
                    faults.append(f"{file}, line {number}: {line!r} is in {splits[row]} too")
                splits[row] = split.lower()
    if faults:
        raise DatasetError(where, faults)
    return splits


def _list_readings(
    rows: _Rows, found: FoundLabels, values: Mapping[str, int]
) -> dict[str, list[str]]:
    """The columns of readers, whose faults are added to those of the labels.

    Without those of a label that was not asked for, or that nobody has.
    """
    readings, faults = read_columns(rows.columns, found.codes, values)
    found.faults += faults
    rows.used.update(filter(is_reading, rows.columns))
    there = {name.strip().casefold() for name in rows.columns}
    return {
        name: cells
        for name, cells in readings.items()
        if (of := part_reading(name)[1]) in found.codes or of.casefold() not in there
    }


def _leave_out(
    rows: _Rows, words: ManifestSettings, columns: Mapping[str, Sequence[str]]
) -> tuple[list[int], dict[str, int]]:
    """The rows that stay, and how many are left out for which reason."""
    dropped: dict[int, str] = {}
    for name, values in words.exclude.items():
        wanted = {value.strip().casefold() for value in values}
        if name == FOLDERS and name not in rows.columns:
            for row, path in enumerate(columns["path"]):
                for part in path.split("/")[:-1]:
                    if part.casefold() in wanted:
                        dropped.setdefault(row, f"folder {part}")
            continue
        cells = columns[name] if name in columns else rows.take(name, "`exclude`")
        for row, cell in enumerate(cells):
            if cell.strip().casefold() in wanted:
                dropped.setdefault(row, f"{name} {cell.strip()}")
    kept = [row for row in range(rows.n) if row not in dropped]
    if not kept and rows.n:
        raise DatasetError(rows.where, [f"`exclude` leaves out all {rows.n} rows"])
    return kept, dict(Counter(dropped.values()).most_common())


def _take_attributes(
    rows: _Rows, words: ManifestSettings, columns: Mapping[str, object], labels: set[str]
) -> dict[str, list[str]]:
    """The other columns: those that are named, else all that have no meaning yet."""
    if words.attributes is not None:
        return {name: rows.take(name, "an attribute") for name in words.attributes}
    taken = rows.used | labels | set(columns)
    return {name: cells for name, cells in rows.columns.items() if name not in taken}
