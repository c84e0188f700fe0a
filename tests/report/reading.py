"""Reads a rendered report as a reader does: its words without its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

_VOID = {"meta", "br", "hr", "img", "input", "link"}
_NOT_READ = {"style", "svg", "title", "script"}
_FIGURE = re.compile(r"\d(?:[\d,]*\d)?(?:\.\d+)?")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.skipped = 0

    def handle_starttag(self, tag, attrs):
        if tag in _NOT_READ or (self.skipped and tag not in _VOID):
            self.skipped += 1

    def handle_endtag(self, tag):
        if self.skipped:
            self.skipped -= 1

    def handle_data(self, data):
        if not self.skipped:
            self.words.append(data)


def read_html(page: str) -> str:
    """The text of a page; pictures, styles and script left out, white space collapsed."""
    reader = _Words()
    reader.feed(page.replace("/>", "></x>"))
    return " ".join(" ".join(reader.words).split())


def show_markdown(text: str) -> str:
    """Markdown as a page, as GitHub and GitLab show it: tables, and HTML that stands in it."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def read_markdown(text: str) -> str:
    """The text of a Markdown file as it is shown, white space collapsed."""
    return read_html(show_markdown(text)).replace("\N{ZERO WIDTH SPACE}", "")


def list_figures(text: str) -> set[str]:
    """Every number in a text, as it is written."""
    return set(_FIGURE.findall(text))
