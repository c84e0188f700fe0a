"""Reads a report as its sections: what stands under each, without its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.report.reading import read_html, show_markdown

_VOID = {"meta", "br", "hr", "img", "input", "link"}


class _Contents(HTMLParser):
    """The links of `nav.contents` in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        if tag == "nav":
            self.inside = True
        elif tag == "a" and self.inside:
            self.links.append((dict(attrs)["href"] or "", ""))

    def handle_endtag(self, tag):
        if tag == "nav":
            self.inside = False

    def handle_data(self, data):
        if self.inside and self.links:
            address, title = self.links[-1]
            self.links[-1] = (address, (title + data).strip())


class _Sections(HTMLParser):
    """The markup of each section that stands in `main` itself, by its id."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.depth = -1
        self.found: dict[str, list[str]] = {}
        self.current: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag == "main":
            self.depth = 0
        elif self.depth == 0 and tag == "section":
            self.current = self.found.setdefault(dict(attrs)["id"] or "", [])
        if self.depth >= 0:
            self.depth += 0 if tag in _VOID or tag == "main" else 1
            self.current.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag, attrs):
        self.current.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag):
        if self.depth >= 0:
            self.depth -= 1
            self.current.append(f"</{tag}>")
            self.current = self.current if self.depth > 0 else []

    def handle_data(self, data):
        self.current.append(data)

    def handle_entityref(self, name):
        self.current.append(f"&{name};")

    def handle_charref(self, name):
        self.current.append(f"&#{name};")


def list_contents(page: str) -> list[tuple[str, str]]:
    """The anchor and the title of each entry of a page's contents."""
    reader = _Contents()
    reader.feed(page)
    return [(address.removeprefix("#"), title) for address, title in reader.links]


def split_page(page: str) -> dict[str, str]:
    """The words of each section of a page, by its id, in their order."""
    reader = _Sections()
    reader.feed(page)
    return {name: read_html("".join(parts)) for name, parts in reader.found.items()}


def split_markdown(text: str) -> dict[str, str]:
    """The words under each heading of the second level, by its text, in their order."""
    parts = re.split(r"<h2>(.*?)</h2>", show_markdown(text).replace("\u200b", ""))
    return {
        read_html(title): read_html(words)
        for title, words in zip(parts[1::2], parts[2::2], strict=True)
    }
