"""The kinds of block but for tables, and the sections that hold them."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from covidreport.records import Severity
from covidreport.report.blocks.cells import Cell, Inlines
from covidreport.report.blocks.tables import Grid, Table, Tone
from covidreport.report.charts.diagram import Diagram
from covidreport.report.charts.lines import TitledLines
from covidreport.report.charts.maps import MapDrawing, MapScale, Place
from covidreport.report.charts.scatter import Scatter
from covidreport.report.charts.tally import Tally

FIRST_PICTURES = 6
"""Of pictures so many are seen until a reader asks for more."""


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


class Values(Struct, frozen=True):
    """What a picture shows as a table that can be saved; a row has a value for each column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


class Chart(Struct, frozen=True):
    """A picture of figures. `summary` says it in words to those who don't see it, and `key` how it
    is read; `name` is that of its file where it stands in one, and of its values on a page.

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
    values: Values | None = None
    """None where they can't be saved, or where the page's script reads them off its lines."""

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
