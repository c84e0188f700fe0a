"""A page as a tree of elements, to be asked what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import lru_cache
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

_VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "col", "wbr"})
_SILENT = frozenset({"style", "script", "svg", "title"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.builder = TreeBuilder()
        self.builder.start("page", {})

    def handle_starttag(self, tag, attrs):
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.builder.end(tag)

    def handle_startendtag(self, tag, attrs):
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.builder.end(tag)

    def handle_endtag(self, tag):
        self.builder.end(tag)

    def handle_data(self, data):
        self.builder.data(data)


@lru_cache(maxsize=4)
def read_tree(page: str) -> Element:
    """The page's elements, in one that is called `page`; every element has to be closed.

    Read once for all questions about a page: nobody changes the tree.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    reader.builder.end("page")
    return reader.builder.close()


def classes_of(element: Element) -> set[str]:
    """The classes of an element."""
    return set(element.get("class", "").split())


def words_of(element: Element, without: Set[str] = frozenset()) -> str:
    """What is read of an element: its text, white space collapsed; pictures are not read.

    without: classes, or names, of elements whose text is left out.
    """
    return " ".join("".join(_texts(element, without)).replace("\u200b", "").split())


def _is_note(element: Element) -> bool:
    """What stands beneath the value of a cell, or beneath a picture."""
    return element.tag == "i" or "note" in classes_of(element)


def _texts(element: Element, without: Set[str]) -> Iterator[str]:
    if element.tag in _SILENT or without & {element.tag, *classes_of(element)}:
        return
    yield f" {element.text or ''}" if _is_note(element) else element.text or ""
    for child in element:
        yield from _texts(child, without)
        yield child.tail or ""
    if element.tag in ("p", "li", "dd", "dt", "td", "th", "div", "summary", "figcaption"):
        yield " "
