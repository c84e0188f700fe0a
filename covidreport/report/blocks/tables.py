"""Tables and grids: heads, rows, and what a row or a cell is marked as."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from covidreport.report.blocks.cells import Cell
from covidreport.report.charts.intervals import Domain

MOST_ROWS = 25
"""Of a table with more a page shows the first `FIRST_ROWS` and the baseline until it is asked."""
FIRST_ROWS = 20
MOST_SIGNS = 30
"""Columns of signs beside each other; of more the rest stands below, in parts of as many."""

RATES: Domain = (0.0, 1.0)

IN_A_LINE = 4
"""As many figures with their intervals have a line on a phone."""
FIGURES = ("count", "missed", "figure")
NARROW = ("plain", "pairs", "ranked", "wide")
"""Tables whose rows wrap there. `metrics` and `dense` ones have few columns."""
Room = Literal["always", "medium", "wide", "asked"]
ColumnKind = Literal["text", "code", "name", "rank", "count", "missed", "figure"]


class Column(Struct, frozen=True):
    """The head of a column. Its kind is how its cells are set: `name` heads the row, `missed` is
    the count that runs are ranked by.

    axis: of the interval marks that its figures carry; None where they carry none. falls: whether
    a reader who sorts by it wants the largest first. room: where a page shows it: always, where it
    is wider than a phone's, where it is wide, or once its reader asks for it.
    """

    title: str
    note: str = ""
    kind: ColumnKind = "text"
    axis: Domain | None = None
    falls: bool = False
    room: Room = "always"

    @property
    def spoken(self) -> str:
        """Its head in a line, without what intervals are of."""
        return self.title if not self.note or "% CI" in self.note else f"{self.title}, {self.note}"


class Row(Struct, frozen=True):
    """A row with what it is marked as; `divide` is said between it and the rows above it."""

    cells: tuple[Cell, ...]
    best: bool = False
    alike: bool = False
    """Not significantly different from the best run."""
    baseline: bool = False
    """The run that the others are compared with: shown whatever is left for length."""
    divide: str = ""
    facets: tuple[str, ...] = ()
    """What it is under each facet of its table."""
    words: str = ""
    """What a search looks at, beside the names."""
    id: str = ""
    """That a link leads to."""
    style: int | None = None
    """The place of its run's style in charts; None where it has none."""


class Facet(Struct, frozen=True):
    """A setting that the rows of a table can be chosen by."""

    key: str
    title: str
    values: tuple[str, ...]


TableStyle = Literal[
    "plain", "ranked", "pairs", "grid", "metrics", "wide", "dense", "listed", "points"
]


class Table(Struct, frozen=True):
    """A table with the caption that says what a row is.

    style: how much room it takes: `dense` many short rows, `metrics` figures with their notes in
    one line, `wide` all of the page, `plain` no more than it needs, `listed` many rows in a frame
    that is scrolled, `points` what moves with the threshold.

    key: the name under which a page keeps how its reader sorts, searches and filters it; empty
    where nothing of it can be set. Tables of the same key are filtered together, and the first of
    them can be sorted.
    """

    kind: ClassVar = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    style: TableStyle = "plain"
    key: str = ""
    facets: tuple[Facet, ...] = ()

    @property
    def wraps(self) -> bool:
        """Whether a row has more figures than a line of a phone holds."""
        figures = (each.room == "always" for each in self.columns if each.kind in FIGURES)
        return self.style in NARROW and sum(figures) > IN_A_LINE

    @property
    def spelled(self) -> tuple[str, ...]:
        """What stands before the cell of each column on a phone; empty where that is nothing.

        Figures that wrap are no longer under their heads. Texts have a line of their own.
        """
        counted = self.style in NARROW and any(each.kind in FIGURES for each in self.columns)
        return tuple(
            each.spoken
            if (each.kind in FIGURES and self.wraps) or (each.kind == "text" and place and counted)
            else ""
            for place, each in enumerate(self.columns)
        )

    def list_unseen(self, *rooms: Room) -> tuple[str, ...]:
        """The heads of the columns that a narrower page leaves out, where no menu offers them."""
        return () if self.key else tuple(c.title for c in self.columns if c.room in rooms)

    @property
    def is_long(self) -> bool:
        """Whether a page shows its first rows; `listed` is scrolled in its frame."""
        return len(self.rows) > MOST_ROWS and self.style != "listed"


Tone = Literal["plain", "right", "wrong", "unscored"]
"""What a cell of a grid or an answer is to its reader."""


class Head(Struct, frozen=True):
    """The head of `span` columns, or of `span` rows, of a grid.

    title: what a link says to a pointer. spoken: what goes before it for who does not see the grid.
    """

    cell: Cell
    span: int = 1
    title: str = ""
    spoken: str = ""
    strong: bool = False


class GridCell(Struct, frozen=True):
    """A sign or a count, over `span` columns; `note` stands beneath it.

    depth: of its tone, from 0 to 10; None where it has no depth.
    """

    text: str
    tone: Tone = "plain"
    note: str = ""
    depth: int | None = None
    strong: bool = False
    span: int = 1


class GridRow(Struct, frozen=True):
    """Its heads but for those that span it from a row above; `run`: by which a page finds it."""

    heads: tuple[Head, ...]
    cells: tuple[GridCell, ...]
    run: str = ""


class Grid(Struct, frozen=True):
    """A table whose columns are alike: `heads` are those of the columns, in levels from the widest.

    corner: what the heads of the rows are. note: how it is read. style: `signs` are one letter
    each. word: the head of the one column in which the signs of a row stand as a word, where there
    is no room for so many; empty where each needs a column of its own.
    """

    kind: ClassVar = "grid"
    caption: str
    corner: tuple[Column, ...]
    heads: tuple[tuple[Head, ...], ...]
    rows: tuple[GridRow, ...]
    style: Literal["signs", "counts"]
    totals: GridRow | None = None
    note: str = ""
    word: str = ""

    @property
    def is_long(self) -> bool:
        """As of a table."""
        return len(self.rows) > MOST_ROWS and self.style == "signs"
