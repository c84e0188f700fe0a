"""Reads a report as its sections: what stands under each."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from tests.report.reading import show_markdown
from tests.report.tree import classes_of, read_tree, words_of


def list_contents(page: str) -> list[tuple[str, str]]:
    """The anchor and the title of each entry of a page's contents."""
    tree = read_tree(page)
    (contents,) = (each for each in tree.iter("nav") if "contents" in classes_of(each))
    return [(each.get("href", "").removeprefix("#"), words_of(each)) for each in contents.iter("a")]


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
