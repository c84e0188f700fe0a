"""The records of sections: cases, runs side by side, matrices, subgroups, provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from covidreport.report.blocks import Fact
from covidreport.report.view.records import Cell, MatrixCell, Span, Table

CaseKind = Literal["positive", "alarm"]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A run's row of the grid: its name, how many it missed, and a sign for each case."""

    name: Cell
    missed: str
    signs: str
    """`×` missed, `·` found, `?` not scored, in the order of the cases."""


@dataclass(frozen=True, slots=True)
class CaseHead:
    """A case at the head of the grid: its number and where it stands in the list of cases."""

    number: str
    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class CaseGrid:
    """Who missed whom."""

    caption: str
    heads: tuple[CaseHead, ...]
    rows: tuple[CaseRow, ...]
    totals: tuple[str, ...]
    """How many runs missed each case."""
    plain: Table
    """The same for formats that have no room for a column a case."""
    plain_note: str


@dataclass(frozen=True, slots=True)
class CaseScore:
    """What one run said of a case: its name, the score, and `×`, `·` or `?` as in the grid."""

    run: Span
    score: str
    sign: str
    meaning: str
    at: float
    """The score's place on an axis 100 units wide; of a case that failed, 0."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case: what is known of it, and what runs said of it."""

    kind: CaseKind
    number: str
    anchor: str
    name: str
    gist: str
    """`missed by 5 of 6 runs`."""
    facts: tuple[Fact, ...]
    scores: tuple[CaseScore, ...]
    picture: str = ""
    """A data URI; empty where there is no picture."""
    alt: str = ""


@dataclass(frozen=True, slots=True)
class CasesView:
    """The section about cases; `none` says why there are none, and nothing else is there then."""

    sentences: tuple[str, ...]
    none: str = ""
    keys: tuple[str, ...] = ()
    """Of the runs whose answers are shown, in their order, from 1."""
    grid: CaseGrid | None = None
    grid_note: str = ""
    positives: tuple[CaseView, ...] = ()
    """In the order of the grid."""
    alarms: tuple[CaseView, ...] = ()
    lists: tuple[Table, ...] = ()
    """The same cases as tables: of positives that any run missed, and of false alarms."""
    most_named: int = 0
    """Runs whose scores stand beside a picture, and those that are drawn there."""
    most_drawn: int = 0
    pictures_note: str = ""
    alarms_note: str = ""
    left_out: Table | None = None


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """A label of a split in the table of matrices."""

    label: str
    target: bool


@dataclass(frozen=True, slots=True)
class MatrixSplit:
    """A split in the table of matrices, with its labels."""

    title: str
    labels: tuple[MatrixColumn, ...]


@dataclass(frozen=True, slots=True)
class MatrixRun:
    """A run's two rows: images without the label and with it; None where nothing was counted."""

    key: str
    """Its place among the runs of the report, from 1, by which the page's parts find it."""
    name: Cell
    badge: str
    no: tuple[tuple[MatrixCell, ...] | None, ...]
    yes: tuple[tuple[MatrixCell, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class MatricesView:
    """Every run's matrices under one head."""

    caption: str
    splits: tuple[MatrixSplit, ...]
    targets: tuple[bool, ...]
    """Of every label of every split, whether it is the one that runs are ranked by."""
    predicted: tuple[str, ...]
    runs: tuple[MatrixRun, ...]
    folded: tuple[MatrixRun, ...]
    """Of many runs those that stand in a fold."""
    fold_title: str
    note: str
    plain: Table
    """The same of all runs, two rows each, for formats whose heads have one line."""
    plain_note: str
