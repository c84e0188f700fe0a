"""What a drawn report holds, in the order in which it is read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence, an item, a fact (`name: value`), a caption or a summary; strong words in `**`."""

    kind: str
    text: str
    links: tuple[str, ...] = ()
    """Where its links lead: an address, or the place in the report in words."""
    hints: tuple[str, ...] = ()
    """What a pointer that rests on a word is told."""
    drawing: tuple[str, ...] = ()
    """The shapes and texts of small pictures that stand among the words."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as in `Words`; `continued` where it is the rest of one that spans several."""

    text: str
    links: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    drawing: tuple[str, ...] = ()
    heads: bool = False
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[Cell, ...]
    """One for each column, spans filled up."""
    marks: tuple[str, ...] = ()

    @property
    def first(self) -> tuple[str, ...]:
        """Its heads; without any, as in Markdown, its first two cells with a letter in them."""
        heads = tuple(dict.fromkeys(cell.text for cell in self.cells if cell.heads and cell.text))
        worded = (cell.text for cell in self.cells if any(sign.isalpha() for sign in cell.text))
        return heads or tuple(islice(worded, 2)) or tuple(cell.text for cell in self.cells[:1])

    @property
    def name(self) -> str:
        """What a reader calls the row."""
        heads = any(cell.heads for cell in self.cells)
        return ", ".join(self.first if heads else self.first[:1])


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    head: tuple[Row, ...]
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Each column's name: the cells of the head above it, from the top."""
        width = max((len(row.cells) for row in (*self.head, *self.rows)), default=0)
        above = [
            [row.cells[at].text for row in self.head if at < len(row.cells)] for at in range(width)
        ]
        return tuple(", ".join(dict.fromkeys(text for text in each if text)) for each in above)


@dataclass(frozen=True, slots=True)
class Chart:
    alternative: str
    """What stands for the drawing where it can't be seen."""
    texts: tuple[str, ...]
    shapes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    alternative: str
    source: str
    """Its address; the digest of an embedded one."""


@dataclass(frozen=True, slots=True)
class Data:
    """What the page's script is given, as JSON; ids in the words of what they lead to."""

    json: str


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under a heading, in a fold, or in a part of the page that has no heading."""

    title: str
    kind: str
    """Such as `heading 2`, `fold` or `open fold`."""
    parts: tuple[Part, ...]


Part = Words | Table | Chart | Picture | Data | Section


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two reports differ. `before` is None for what was added, `after` for what was lost."""

    place: tuple[str, ...]
    what: str
    before: str | None
    after: str | None
