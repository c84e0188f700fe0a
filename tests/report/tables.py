"""Reads the tables of a page as a reader does: captions, heads and cells, without markup."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_SILENT = {"svg"}


@dataclass
class ReadTable:
    """A table that was found: `kind` is its class; a cell is its text and what is noted there."""

    kind: str
    caption: str = ""
    head: list[tuple[str, str]] = field(default_factory=list)
    rows: list[tuple[tuple[str, str], ...]] = field(default_factory=list)


class _Reader(HTMLParser):
    """In Markdown that is shown, what stands in bold in front of a table is its caption."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[ReadTable] = []
        self.silent = 0
        self.place = ""
        self.note = 0
        self.bold = ""
        self.texts = {"text": "", "note": ""}
        self.row: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        kinds = (dict(attrs).get("class") or "").split()
        if tag in _SILENT:
            self.silent += 1
        elif tag == "table":
            self.tables.append(ReadTable(" ".join(kinds), self.bold))
        elif tag == "tr":
            self.row = []
        elif tag in ("td", "th", "caption"):
            self.place, self.texts = tag, {"text": "", "note": ""}
        elif tag == "span" and (self.note or "note" in kinds):
            self.note += 1
        elif tag == "strong" and not self.place:
            self.place, self.texts = tag, {"text": "", "note": ""}

    def handle_endtag(self, tag):
        if tag in _SILENT:
            self.silent -= 1
        elif tag == "span" and self.note:
            self.note -= 1
        elif tag == self.place:
            text = " ".join(self.texts["text"].split())
            if tag == "caption":
                self.tables[-1].caption = text
            elif tag == "strong":
                self.bold = text
            else:
                self.row.append((text, " ".join(self.texts["note"].split())))
            self.place = ""
        elif tag == "tr":
            if self.tables[-1].head:
                self.tables[-1].rows.append(tuple(self.row))
            else:
                self.tables[-1].head = self.row

    def handle_data(self, data):
        if self.place and not self.silent:
            self.texts["note" if self.note else "text"] += data


def read_tables(page: str) -> list[ReadTable]:
    """Every table in its order; pictures in cells are left out."""
    reader = _Reader()
    reader.feed(page)
    return reader.tables
