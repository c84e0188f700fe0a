"""Reads a drawn report back, by its markup alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from xml.etree.ElementTree import Element

from benchmarks.drawn_reports.drawings import chart_of, collapse, picture_of
from benchmarks.drawn_reports.places import Places
from benchmarks.drawn_reports.records import (
    Cell,
    Data,
    Part,
    Row,
    Section,
    Table,
    Words,
)
from benchmarks.drawn_reports.tree import read_elements
from tests.report.reading import show_markdown
from tests.report.tree import classes_of

MARKS = {
    "best": "best",
    "alike": "not significantly different",
    "baseline": "baseline",
    "unranked": "unranked",
    "hidden": "hidden",
}
"""The classes of a row that say something of it, in words."""
SUFFIXES = (".html", ".md")

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PLACES = {"header": "masthead", "nav": "contents", "footer": "footer"}
_INLINE = frozenset(
    (
        "a", "abbr", "b", "bdi", "bdo", "br", "button", "code", "em", "i", "kbd", "label", "mark",
        "s", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
    )
)  # fmt: skip
_EMPHASIS = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_KINDS = {"li": "item", "dt": "name", "dd": "fact", "figcaption": "caption", "summary": "summary"}
_SILENT = frozenset({"style", "script", "head", "title"})


def read_report(path: Path) -> Section:
    """A report by its suffix, HTML or Markdown."""
    text = path.read_text(encoding="utf-8")
    return read_markdown(text) if path.suffix == ".md" else read_html(text)


def read_html(page: str) -> Section:
    """A page as sections; links within the page are told by where they lead, not by their ids."""
    return read_page(read_elements(page))


def read_page(tree: Element) -> Section:
    """As `read_html`, of the page's elements."""
    places = Places({})
    report = _Reader(places).read(tree)
    return _Reader(Places(places.found)).read(tree) if places.found else report


def read_markdown(text: str) -> Section:
    """Markdown as GitHub shows it; strong words right before a table are its caption."""
    return _caption_tables(read_html(show_markdown(text)))


def _caption_tables(section: Section) -> Section:
    parts: list[Part] = []
    for part in section.parts:
        before = parts[-1] if parts else None
        if isinstance(part, Section):
            part = _caption_tables(part)
        elif isinstance(part, Table) and not part.caption and isinstance(before, Words):
            strong = re.fullmatch(r"\*\*(.*)\*\*", before.text)
            if strong and "**" not in strong[1]:
                parts.pop()
                part = replace(part, caption=strong[1])
        parts.append(part)
    return replace(section, parts=tuple(parts))


@dataclass
class _Open:
    """A section that is being read."""

    title: str
    kind: str
    level: int
    parts: list[_Open | Part] = field(default_factory=list)

    def close(self) -> Section:
        parts = (part.close() if isinstance(part, _Open) else part for part in self.parts)
        return Section(self.title, self.kind, tuple(parts))


@dataclass
class _Line:
    """Words that are being read; pieces that touch without a space are two all the same."""

    kind: str = "sentence"
    pieces: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    drawing: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def text(self) -> str:
        return collapse("".join(self.pieces))

    def extras(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        return tuple(self.links), tuple(self.hints), tuple(self.drawing)


class _Reader:
    """Walks a page once, and notes in `places` where its ids stand."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.line = _Line()
        self.name = ""
        self.stack = [_Open("", "report", 0)]
        self.outer: list[str] = []

    def read(self, tree: Element) -> Section:
        root = self.stack[0]
        self._children(tree, "sentence")
        self._flush()
        for data in (
            each for each in tree.iter("script") if each.get("type") == "application/json"
        ):
            named = self.places.name_ids(json.loads(data.text or "null"))
            root.parts.append(Data(json.dumps(named, ensure_ascii=False)))
        return root.close()

    def _element(self, element: Element, kind: str) -> None:
        tag = element.tag
        self.places.note(element)
        if tag in _SILENT:
            if tag == "head":
                self._add_title(element)
        elif tag in _HEADINGS:
            self._open_heading(element)
        elif tag == "details":
            self._open_fold(element)
        elif tag in _PLACES:
            self._open_place(_Open(f"({_PLACES[tag]})", "place", 1), element, "sentence")
        elif tag == "table":
            self._flush()
            self.stack[-1].parts.append(self._read_table(element))
        elif tag == "img":
            self._flush()
            self._add(picture_of(element), element.get("alt", ""))
        elif element.get("role") == "img" or (tag == "svg" and not _is_hidden(element)):
            self._flush()
            chart = chart_of(element)
            self._add(chart, chart.alternative)
        elif tag in _INLINE or tag == "svg":
            self._inline(element, self.line, kind)
        else:
            self._flush()
            kind = _KINDS.get(tag, kind if tag == "p" else "sentence")
            self._children(element, kind)
            self._flush()
            if tag == "dd":
                self.name = ""

    def _children(self, element: Element, kind: str) -> None:
        self._say(element.text, kind)
        for child in element:
            self._element(child, kind)
            self._say(child.tail, kind)

    def _say(self, text: str | None, kind: str) -> None:
        if text and (text.strip() or self.line.pieces):
            if not self.line.pieces:
                self.line.kind = kind
            self.line.pieces.append(text)
            self.line.closed = False

    def _inline(self, element: Element, line: _Line, kind: str) -> None:
        """Words and small pictures of an element, put to a line."""
        if element.tag == "svg":
            chart = chart_of(element)
            line.drawing += (*chart.texts, *chart.shapes)
            return
        if not line.pieces:
            line.kind = kind
        sign = _EMPHASIS.get(element.tag, "")
        line.pieces.append(f"{' ' if line.closed or element.tag == 'br' else ''}{sign}")
        line.closed = False
        if element.get("href") is not None:
            line.links.append(self.places.describe_link(element.get("href", "")))
        line.hints += [
            element.get(name, "") for name in ("title", "aria-label") if element.get(name)
        ]
        line.pieces.append(element.text or "")
        for child in element:
            self._within(child, line, kind)
        line.pieces.append(sign)
        line.closed = True

    def _within(self, child: Element, line: _Line, kind: str) -> None:
        """A child of what is read as one line, such as a cell; blocks in it are set apart."""
        self.places.note(child)
        if child.tag == "img":
            picture = picture_of(child)
            line.drawing += (picture.alternative, picture.source)
        elif child.tag not in _SILENT:
            apart = child.tag not in _INLINE
            line.closed = line.closed or apart or _touches(line.pieces, child)
            self._inline(child, line, kind)
            if apart:
                line.pieces.append(" ")
        if child.tail:
            line.pieces.append(child.tail)
            line.closed = False

    def _flush(self) -> None:
        line, self.line = self.line, _Line()
        text = line.text
        if line.kind == "name":
            self.name = text
            return
        if not text and not line.drawing:
            return
        named = line.kind == "fact" and self.name
        self._add(Words(line.kind, f"{self.name}: {text}" if named else text, *line.extras()), text)

    def _add(self, part: Part, words: str) -> None:
        self.stack[-1].parts.append(part)
        self._arrive(words)

    def _add_title(self, head: Element) -> None:
        for title in head.iter("title"):
            self._add(Words("title", collapse(title.text or "")), title.text or "")

    def _open_heading(self, element: Element) -> None:
        self._flush()
        line = self._one_line(element, "heading")
        self._start(_Open(line.text, f"heading {element.tag[1]}", int(element.tag[1])))
        if any(line.extras()):
            self._add(Words(line.kind, line.text, *line.extras()), "")

    def _start(self, section: _Open) -> None:
        """Under the nearest heading of a higher level; never out of the fold that it stands in."""
        while len(self.stack) > 1 and self.stack[-1].level >= section.level:
            self.stack.pop()
        self.stack[-1].parts.append(section)
        self.stack.append(section)
        self._arrive("")

    def _open_fold(self, element: Element) -> None:
        summary = element.find("summary")
        line = _Line("summary")
        title, level = "", 0
        if summary is not None:
            line = self._one_line(summary, "summary")
            headings = [each for each in summary.iter() if each.tag in _HEADINGS]
            title = self._one_line(headings[0]).text if headings else line.text
            level = int(headings[0].tag[1]) if headings else 0
        fold = _Open(title, "open fold" if element.get("open") is not None else "fold", level)
        if line.text != title or any(line.extras()):
            fold.parts.append(Words("summary", line.text, *line.extras()))
        self._open_place(fold, element, "sentence", without=summary)

    def _open_place(
        self, section: _Open, element: Element, kind: str, without: Element | None = None
    ) -> None:
        """Read an element as a section of its own, which ends with it."""
        self._flush()
        if section.level:
            while len(self.stack) > 1 and self.stack[-1].level >= section.level:
                self.stack.pop()
        self.stack[-1].parts.append(section)
        outer, stack = self.outer, self.stack
        self.outer = [*outer, *(each.title for each in stack if each.title)]
        self.stack = [replace(section, level=0)]  # with the same list of parts
        self._arrive("")
        for child in element:
            if child is not without:
                self._element(child, kind)
            else:
                for each in child.iter():
                    self.places.note(each)
                self._arrive("")
            self._say(child.tail, kind)
        self._flush()
        self.outer, self.stack = outer, stack

    def _arrive(self, words: str) -> None:
        titles = (each.title for each in self.stack if each.title)
        self.places.arrive(chain(self.outer, titles), words)

    def _one_line(self, element: Element, kind: str = "sentence") -> _Line:
        line = _Line(kind, [element.text or ""])
        for child in element:
            self._within(child, line, kind)
        return line

    def _read_table(self, table: Element) -> Table:
        caption = table.find("caption")
        words = "" if caption is None else self._one_line(caption).text
        self._arrive(words)
        head = [row for part in table.findall("thead") for row in part.iter("tr")]
        body = [row for part in table if part.tag in ("tbody", "tfoot") for row in part.iter("tr")]
        body += table.findall("tr")
        return Table(words, self._read_rows(head), self._read_rows(body))

    def _read_rows(self, rows: list[Element]) -> tuple[Row, ...]:
        read: list[Row] = []
        spans: dict[int, tuple[int, Cell]] = {}
        for element in rows:
            self.places.note(element)
            cells, spans = self._read_cells(element, spans)
            row = Row(cells, _marks_of(element))
            self._arrive(row.name)
            read.append(row)
        return tuple(read)

    def _read_cells(
        self, row: Element, spans: Mapping[int, tuple[int, Cell]]
    ) -> tuple[tuple[Cell, ...], dict[int, tuple[int, Cell]]]:
        """A row's cells by column, and those that go on below with the rows left to them."""
        cells: list[Cell] = []
        below: dict[int, tuple[int, Cell]] = {}

        def fill() -> None:
            while len(cells) in spans:
                left, cell = spans[len(cells)]
                if left > 1:
                    below[len(cells)] = (left - 1, cell)
                cells.append(replace(cell, continued=True))

        for each in (each for each in row if each.tag in ("td", "th")):
            fill()
            line = self._one_line(each)
            cell = Cell(line.text, *line.extras(), heads=each.tag == "th")
            down, right = (int(each.get(name) or 1) for name in ("rowspan", "colspan"))
            for at in range(right):
                if down > 1:
                    below[len(cells)] = (down - 1, cell)
                cells.append(replace(cell, continued=True) if at else cell)
        fill()
        return tuple(cells), below


def _touches(pieces: list[str], child: Element) -> bool:
    """Whether a word would run on into the first word of an element, as in `PPV<span>95 % CI`."""
    before = next((piece for piece in reversed(pieces) if piece), "")
    return before[-1:].isalnum() and next(child.itertext(), "")[:1].isalnum()


def _marks_of(row: Element) -> tuple[str, ...]:
    marks = {MARKS[name] for name in classes_of(row) if name in MARKS}
    if row.get("hidden") is not None:
        marks.add("hidden")
    if row.get("data-mark"):
        marks.add(row.get("data-mark", ""))
    return tuple(sorted(marks))


def _is_hidden(element: Element) -> bool:
    return element.get("aria-hidden") == "true"
