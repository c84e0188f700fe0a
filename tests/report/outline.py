"""Reads a report as its sections: what stands under each."""

from __future__ import annotations

import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from tests.report.reading import show_markdown
from tests.report.tree import classes_of, read_tree, words_of

_SECTION = re.compile(r"<section id=\"([\w-]+)\".*?</section>", re.DOTALL)
"""A section of a page; none stands in another."""


def list_contents(page: str) -> list[tuple[str, str]]:
    """The anchor and the title of each entry of a page's contents."""
    tree = read_tree(page)
    (contents,) = (each for each in tree.iter("nav") if "contents" in classes_of(each))
    return [(each.get("href", "").removeprefix("#"), words_of(each)) for each in contents.iter("a")]


def part_page(page: str) -> tuple[str, dict[str, str]]:
    """What is around the sections, and the words of each by its id, in their order.

    A section that stands in several pages is read once.
    """
    words = {each[1]: _read_words(each[0]) for each in _SECTION.finditer(page)}
    return _SECTION.sub("", page), words


def part_markdown(text: str) -> dict[str, str]:
    """The words under each heading of the second level, by its own, in their order."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {_read_shown(part.partition("\n")[0]): _read_shown(f"## {part}") for part in parts}


@lru_cache(maxsize=256)
def _read_words(piece: str) -> str:
    return words_of(read_tree(piece))


@lru_cache(maxsize=256)
def _read_shown(piece: str) -> str:
    return words_of(read_tree(show_markdown(piece)))


def split_page(page: str) -> dict[str, Element]:
    """The sections of a page by their ids, in their order."""
    (main,) = read_tree(page).iter("main")
    return {each.get("id", ""): each for each in main if each.tag == "section"}


def split_markdown(text: str) -> dict[str, Element]:
    """What stands under each heading of the second level, by its text, in their order."""
    sections: dict[str, Element] = {}
    current = Element("section")
    for each in read_tree(show_markdown(text)):
        if each.tag == "h2":
            current = sections.setdefault(words_of(each), Element("section"))
        current.append(each)
    return sections
