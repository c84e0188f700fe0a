"""A published format and one copy of it: which tables, joined files and folders are there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.dataset.columns import ManifestTable
from covidreport.dataset.delimited import TextForm
from covidreport.dataset.layout import ManifestSettings, SplitBy
from covidreport.dataset.table import read_table
from covidreport.dataset.truth import VALUES
from covidreport.errors import CovidReportError


class Published(Struct, frozen=True):
    """A published format. tables: names of its table, or a name a split; columns: what the header
    has; folders: what has to be there where no table is. paths: where images may lie, the first
    that is there. words: the rest of `[manifest]`. labels: those that are evaluated; empty for all.
    """

    title: str
    target: str
    words: ManifestSettings
    tables: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    columns: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    covid_implies: str = ""
    """The label of which it is in doubt whether a COVID-19 image has it too."""
    blank_in_doubt: bool = False
    """Whether a blank may mean that nobody said anything, or no."""
    note: str = ""
    """What beside the words is to be known of it."""


class Recognised(Struct, frozen=True):
    """A format that was found. data: the table or the folder that `[manifest]` begins in."""

    name: str
    published: Published
    data: Path
    words: ManifestSettings
    missing: tuple[str, ...] = field(default=())
    """What of the archive is not there, and was left out of the words."""


def fit_published(name: str, published: Published, folder: Path, data: Path) -> Recognised | None:
    """The format as a copy in `folder` has it, `data` being that folder or a table; None where the
    copy is not of it."""
    if not all((folder / each).is_dir() for each in published.folders):
        return None
    words = published.words
    if words.find is None:
        found = _find_tables(published, folder, data)
        if found is None:
            return None
        files, table = found
        words = replace(words, file=files if len(files) > 1 or "" not in files else files[""])
        words = _fit_columns(words, table)
    missing: list[str] = []
    joins = []
    for join in words.join:
        there = _glob(folder, join.file)
        if there is None:
            missing.append(join.file)
        else:
            joins.append(replace(join, file=there))
    words = replace(words, join=tuple(joins), attributes=() if missing else words.attributes)
    if isinstance(words.split, SplitBy) and words.split.lists:
        lists = {k: file for k, file in words.split.lists.items() if (folder / file).is_file()}
        missing += [file for file in words.split.lists.values() if file not in lists.values()]
        words = replace(words, split=SplitBy(lists=lists) if lists else None)
    if published.paths:
        words = replace(words, path=_find_path(published, words, folder))
    return Recognised(name, published, folder, words, tuple(missing))


def _glob(folder: Path, pattern: str) -> str | None:
    found = sorted(each.relative_to(folder).as_posix() for each in folder.glob(pattern))
    return found[0] if found else None


def _find_tables(
    published: Published, folder: Path, data: Path
) -> tuple[dict[str, str], ManifestTable] | None:
    """The tables that are there, by split, and the first of them read; None without the columns."""
    tables = published.tables if isinstance(published.tables, Mapping) else {"": published.tables}
    files = {}
    for split, patterns in tables.items():
        there = next(filter(None, (_glob(folder, pattern) for pattern in patterns)), None)
        if there is not None:
            files[split] = there
    if data.is_file():
        named = data.relative_to(folder).as_posix() if data.is_relative_to(folder) else data.name
        if named not in files.values():
            if len(tables) > 1:
                return None
            files = {"": named}
    if not files:
        return None
    if len(files) > 1:
        files.pop("", None)  # a table of all beside one a split
    words = published.words
    for file in files.values():
        try:
            table = read_table(folder / file, TextForm(words.separator, words.columns))
            if table.faults and words.columns:  # earlier versions have a column less
                table = read_table(folder / file, TextForm(words.separator, words.columns[:-1]))
        except CovidReportError:
            return None
        if not published.columns.issubset(table.columns) or table.faults:
            return None
    return files, table


def _fit_columns(words: ManifestSettings, table: ManifestTable) -> ManifestSettings:
    """What depends on the columns that this copy has."""
    if words.columns is not None:
        return replace(words, columns=tuple(table.columns))
    if words.path is None and not words.classes and "file_name" in table.columns:
        return replace(words, classes=guess_classes(table))
    return words


def _find_path(published: Published, words: ManifestSettings, folder: Path) -> str:
    """The first place where there is an image of any row."""
    if len(published.paths) == 1:
        return published.paths[0]
    splits: Sequence[str] = list(words.file) if isinstance(words.file, dict) else [""]
    paths = [
        path
        for path in published.paths
        if "{folder}" not in path or _has_column(words, folder, "folder")
    ]
    if isinstance(words.file, str):
        paths = [path for path in paths if "{split}" not in path] or paths
    for path in paths:
        for split in splits:
            looked = re.sub(r"\{[^{}]+\}", "*", path.replace("{split}", split))
            if next(iter(folder.glob(looked)), None) is not None:
                return path
    return paths[0]


def _has_column(words: ManifestSettings, folder: Path, name: str) -> bool:
    file = words.file if isinstance(words.file, str) else next(iter(words.file or {}), "")
    return name in read_table(folder / file, TextForm(words.separator, words.columns)).columns


CLASSES = ("label", "labels", "class", "classes", "finding", "findings", "diagnosis", "target")
"""What a column of classes is called where nobody says it."""


def guess_classes(table: ManifestTable) -> str | None:
    """The column of words that name what an image shows; None without one. Not one of 0 and 1."""
    for name, cells in table.columns.items():
        words = {cell.strip().lower() for cell in cells}
        if name.strip().lower() in CLASSES and not words.issubset({*VALUES, "0.0", "1.0"}):
            return name
    return None
