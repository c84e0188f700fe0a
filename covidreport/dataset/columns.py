"""A manifest as columns of text, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from covidreport.errors import DatasetError


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


def name_columns(source: Path, head: str, header: Sequence[str]) -> list[str]:
    """Names as they stand, stripped. A column without a name (a saved row number) is not read.

    head: where they stand, for the DatasetError of a name that is there twice, or of none at all.
    """
    names = [name.strip() for name in header]
    if not any(names):
        raise DatasetError(str(source), [f"{head}: the manifest is empty: no header"])
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DatasetError(str(source), [f"{head}: column {name!r} stands twice" for name in twice])
    return names


def name_suffix(source: Path) -> str:
    """How a table's name ends, in lower case; with what is packed in it, such as `.csv.gz`."""
    suffixes = [suffix.lower() for suffix in source.suffixes[-2:]]
    return "".join(suffixes if suffixes[-1:] == [".gz"] else suffixes[-1:])
