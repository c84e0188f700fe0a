"""A report as data: sections, the few kinds of block that they hold, and what stands in a cell.

A section knows no markup, and a face (HTML, Markdown) knows no section: it draws each kind of block
once. A sentence of ours is a `str`, in which words between backticks are code; what data say is
`Text`. A figure is never a text here but a cell that carries its value and its evidence, so that
each face writes it as `report.cells` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from msgspec import Struct

from covidreport.records import Estimate, Severity
from covidreport.report.charts.diagram import Diagram
from covidreport.report.charts.lines import TitledLines
from covidreport.report.charts.maps import MapDrawing, MapScale, Place
from covidreport.report.charts.scatter import Scatter
from covidreport.report.charts.tally import Tally

MOST_ROWS = 25
"""Of a table with more a page shows the first `FIRST_ROWS` and the baseline until it is asked."""
FIRST_ROWS = 20
FIRST_PICTURES = 12
"""Of pictures so many are seen until a reader asks for more."""
TERM = "metric-"
"""How the id of a row begins that explains a metric: heads of columns lead to it."""
MOST_SIGNS = 30
"""Columns of signs beside each other; of more the rest stands below, in parts of as many."""

Domain = tuple[float, float]
"""The values at both ends of an axis of marks."""
RATES: Domain = (0.0, 1.0)

# What stands in a cell, and in a sentence


class Text(Struct, frozen=True):
    """What data say: a name, a reason, a setting."""

    text: str
    note: str = ""
    sort: float | None = None
    """What a column is sorted by where that is not the text."""


class Strong(Struct, frozen=True):
    """Words of a sentence that are set off."""

    text: str


class Code(Struct, frozen=True):
    """What is to be read letter by letter."""

    text: str


class Link(Struct, frozen=True):
    """A name that leads to a place of the report; the name alone where that is not in it."""

    text: str
    target: str
    note: str = ""


class Count(Struct, frozen=True):
    """How many, and of how many; `failed` of them because they could not be scored.

    told: the column's head says of how many.
    """

    n: int | None
    of: int | None = None
    failed: int = 0
    told: bool = False


class Rate(Struct, frozen=True):
    """An estimate with its evidence; `before` and `note` stand around its interval.

    evidence: whether the fraction is shown where there is little room, too.
    """

    estimate: Estimate | None
    before: str = ""
    note: str = ""
    evidence: bool = False


class Difference(Struct, frozen=True):
    """A difference with its interval, to so many decimals; None is a dash.

    signed: with its sign where it is positive, too. level: of the interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    places: int = 3
    signed: bool = True
    level: float = 0.95


class PValue(Struct, frozen=True):
    """A p-value; None is a dash.

    significant: whether two runs are significantly different, after all corrections. unadjusted:
    the same before it was adjusted, which stands beside it.
    """

    p: float | None
    note: str = ""
    significant: bool = False
    unadjusted: float | None = None


class Spread(Struct, frozen=True):
    """Mean and standard deviation of several runs, from the smallest to the largest.

    undefined: how many of them have no such figure. places: decimals of the mean.
    """

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    undefined: int = 0
    whole: bool = False
    """Whether single figures are counts."""


class Number(Struct, frozen=True):
    """A figure that has no interval, to so many decimals; None is a dash."""

    value: float | None
    places: int = 3
    note: str = ""


Cell = str | Text | Strong | Code | Link | Count | Rate | Difference | PValue | Spread | Number
Inlines = str | tuple[Cell, ...]
"""A sentence: a text of ours, or its pieces."""


# Kinds of block


class Prose(Struct, frozen=True):
    """A sentence or a few; `tone` says what it is to its reader."""

    kind: ClassVar = "prose"
    words: Inlines
    tone: Literal[
        "plain", "lead", "remark", "banner", "trouble", "doubt", "assured", "elsewhere", "sentence"
    ] = "plain"


class Items(Struct, frozen=True):
    """A list of sentences, each with the severity of what it says where it has one."""

    kind: ClassVar = "items"
    items: tuple[Inlines, ...]
    severities: tuple[Severity | None, ...] = ()


class Fact(Struct, frozen=True):
    """A name and what stands under it."""

    name: str
    value: Cell
    id: str = ""
    """That a link leads to."""


class Facts(Struct, frozen=True):
    """Names and values under a title, which may be empty."""

    kind: ClassVar = "facts"
    facts: tuple[Fact, ...]
    title: str = ""


class Note(Struct, frozen=True):
    """A finding: what it is, the evidence for it, what to do, what it is about."""

    kind: ClassVar = "note"
    severity: Severity
    what: str
    evidence: str = ""
    remedy: str = ""
    about: tuple[Cell, ...] = ()
    more: str = ""
    """`and 188 more`, where it is about many."""
    id: str = ""


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


class Answer(Struct, frozen=True):
    """What a run said of a picture: its score, whether that is right, and this in a word."""

    score: float | None
    tone: Tone
    word: str


class Layer(Struct, frozen=True):
    """What is laid over a picture: a small image, and where it lies on the picture's pixels.

    by: whose it is. words: what it shows, also for who does not see it. scale: what its colours
    stand for.
    """

    by: Cell
    words: str
    image: str
    place: Place
    scale: MapScale


class Picture(Struct, frozen=True):
    """An image, and what is known and was said of it; `image` is a data URI, or empty."""

    id: str
    name: str
    gist: str
    facts: tuple[Fact, ...]
    answers: tuple[Answer, ...]
    """Of the runs of its block, in their order."""
    image: str = ""
    alt: str = ""
    size: tuple[int, int] = (0, 0)
    """Width and height of the image, where something is laid over it."""
    layers: tuple[Layer, ...] = ()


class Pictures(Struct, frozen=True):
    """Images under a title, each with what `runs` said of it; those without a picture are opened
    from elsewhere: a link to their id.

    keys: of the runs. noun: what one of them is called. counted: what many are called. note: what
    is said of the images, or why there are none. folded: whether a page shows them once it is
    asked.
    """

    kind: ClassVar = "pictures"
    title: str
    noun: str
    counted: str
    runs: tuple[Cell, ...]
    keys: tuple[str, ...]
    pictures: tuple[Picture, ...]
    note: str = ""
    folded: bool = False


class Chart(Struct, frozen=True):
    """A picture of figures. `summary` says it in words to those who don't see it, and `key` how it
    is read; `name` is that of its file where it stands in one.

    drawing: dots that are counted; maps; the same points or the same diagram for a wide and for a
    narrow page; or lines, one drawing for each label, of which the first is seen.
    """

    kind: ClassVar = "chart"
    name: str
    title: str
    summary: str
    key: str
    drawing: (
        Tally | MapDrawing | tuple[Scatter, ...] | tuple[Diagram, ...] | tuple[TitledLines, ...]
    )

    @property
    def draws(self) -> Literal["tally", "maps", "scatters", "diagrams", "lines"]:
        """Which kind of drawing it is."""
        match self.drawing:
            case Tally():
                return "tally"
            case MapDrawing():
                return "maps"
            case (Scatter(), *_):
                return "scatters"
            case (Diagram(), *_):
                return "diagrams"
            case _:
                return "lines"


class Group(Struct, frozen=True):
    """Blocks under a title of their own, which may be empty; `gist` says what is in it.

    state: whether it can be folded, and is. layout: in columns where the page is wide, beside each
    other, or as charts, of which a reader chooses the runs. runs: those that the charts show at
    first, in the order of their styles, where no table says it.
    """

    kind: ClassVar = "group"
    blocks: tuple[Block, ...]
    title: str = ""
    gist: str = ""
    id: str = ""
    state: Literal["plain", "open", "folded"] = "plain"
    layout: Literal["stacked", "columns", "beside", "charts"] = "stacked"
    severity: Severity | None = None
    runs: tuple[Cell, ...] = ()


Block = Prose | Items | Facts | Note | Table | Grid | Pictures | Chart | Group


class Section(Struct, frozen=True):
    """A part of the report under a title; `gist` stands beside it where the section is folded.

    part: of the story that the report tells. A page folds the appendix, and what is cut from a text
    of limited length goes from there first.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    part: Literal["answer", "evidence", "appendix"] = "evidence"
    gist: str = ""


def walk_blocks(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Every block in reading order, groups before what stands in them."""
    for block in blocks:
        yield block
        if isinstance(block, Group):
            yield from walk_blocks(block.blocks)


def list_targets(sections: tuple[Section, ...]) -> frozenset[str]:
    """The ids that a link can lead to."""
    ids = {section.id for section in sections}
    for section in sections:
        for block in walk_blocks(section.blocks):
            if isinstance(block, Group | Note) and block.id:
                ids.add(block.id)
            elif isinstance(block, Table):
                ids.update(row.id for row in block.rows if row.id)
            elif isinstance(block, Facts):
                ids.update(fact.id for fact in block.facts if fact.id)
    return frozenset(ids)


def list_terms(sections: tuple[Section, ...]) -> Mapping[str, tuple[str, str]]:
    """The metrics that the sections explain: by title, where and in which words."""
    found = {}
    for section in sections:
        for block in walk_blocks(section.blocks):
            for row in block.rows if isinstance(block, Table) else ():
                title, *rest = row.cells
                if row.id.startswith(TERM) and isinstance(title, Text) and isinstance(rest[0], str):
                    found[title.text] = row.id, rest[0]
    return found
