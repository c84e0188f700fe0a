"""The frozen records that templates draw: strings, and numbers where a chart needs a place.

Templates decide nothing: every rounding, dash and sentence stands in these records already, so
HTML and Markdown can't say different things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from covidreport.report.blocks import Fact, Note, Section

CellKind = Literal["text", "words", "code", "name", "rank", "count", "missed", "figure", "told"]
"""`words` are a sentence of ours, and `text` is what data say."""
SpanKind = Literal["plain", "name", "strong", "label"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. `note` stands smaller beneath; `full` is the cell in plain text."""

    text: str
    note: str = ""
    full: str = ""
    kind: CellKind = "text"
    anchor: str = ""
    sort: float | str | None = None
    """What a column is sorted by where that can be done; None goes last."""

    @property
    def plain(self) -> str:
        """The cell where there is one line only, as in Markdown."""
        return self.full or (f"{self.text} ({self.note})" if self.note else self.text)


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column."""

    title: str
    note: str = ""
    kind: CellKind = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """One row; its first cell of kind `name` heads it. `best` sets it off, and `alike` the runs
    that can't be told from the best."""

    cells: tuple[Cell, ...]
    best: bool = False
    alike: bool = False
    divide: str = ""
    """What is said between this row and those above it, which are set apart."""
    facets: tuple[str, ...] = ()
    """What it is under each `Facet` of its table."""
    words: str = ""
    """What a search looks at, beside the names."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the caption that says what a row is."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a sentence."""

    text: str
    kind: SpanKind = "plain"
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart of several runs: `name` is that of its specification and of its rows."""

    name: str
    title: str
    summary: str
    """The picture in words, for those who don't see it."""
    key: str = ""
    """What its lines are."""


@dataclass(frozen=True, slots=True)
class OperatingView:
    """The chosen runs at their thresholds, and what other thresholds would have given."""

    lead: str
    table: Table
    """A row for each of the runs that are shown first, in the order of their looks."""
    charts: tuple[ChartView, ...]
    remarks: tuple[str, ...] = ()
    exploratory: str = ""
    """What is said of intervals while a threshold is shown that was not evaluated."""


@dataclass(frozen=True, slots=True)
class CurvesView:
    """Training of several runs on one axis, and their calibration."""

    lead: str
    runs: tuple[Span, ...]
    """Those that are shown first, in the order of their looks."""
    training: tuple[ChartView, ...]
    calibration: ChartView | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole report, ready to be drawn."""

    title: str
    kicker: str
    facts: tuple[Fact, ...]
    generator: str
    notes: tuple[Note, ...] = ()
    """Every finding, the gravest first, whether their section is shown or not."""
    sections: Mapping[str, tuple[Section, ...]] = field(default_factory=dict)
    """Those that are blocks, by their names in `report.sections.SECTIONS`."""
    left_out: str = ""
    """Which sections the configuration doesn't want; empty where all are there."""
    shown: tuple[int, ...] = ()
    """Which of `runs` the charts of several runs show first."""
    operating: OperatingView | None = None
    curves: CurvesView | None = None

    @property
    def charts(self) -> tuple[ChartView, ...]:
        """The charts of several runs, in the order of the page."""
        operating = self.operating.charts if self.operating else ()
        if self.curves is None:
            return operating
        calibration = (self.curves.calibration,) if self.curves.calibration else ()
        return (*operating, *self.curves.training, *calibration)
