"""Reads a chart and a picture of a page: what stands for it, its texts, and its shapes."""

from __future__ import annotations

import hashlib
import re
from xml.etree.ElementTree import Element

from benchmarks.drawn_reports.records import Chart, Picture

_SHAPES = frozenset(
    {"circle", "ellipse", "image", "line", "path", "polygon", "polyline", "rect", "use"}
)
_STYLES = ("class", "fill", "stroke", "opacity", "fill-opacity", "stroke-opacity")
_PLACED = (
    "transform", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height",
    "points", "d", "stroke-dasharray",
)  # fmt: skip
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def picture_of(element: Element) -> Picture:
    """A picture; one that is embedded is known by its digest."""
    source = element.get("src", "")
    if source.startswith("data:"):
        kind, _, content = source.partition(",")
        source = f"{kind}, sha256 {hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return Picture(element.get("alt", ""), source)


def chart_of(element: Element) -> Chart:
    """A drawing: its alternative, its texts, and its shapes with where they stand.

    Styles are told apart by number, in the order in which they come: which shapes look alike is
    compared, and not how they look.
    """
    alternative = element.get("aria-label") or " ".join(
        collapse("".join(each.itertext())) for each in element if each.tag in ("title", "desc")
    )
    texts: list[str] = []
    shapes: list[str] = []
    styles: dict[tuple[str, ...], int] = {}

    def walk(each: Element, style: tuple[str, ...], moved: tuple[str, ...]) -> None:
        style += tuple(f"{name} {each.get(name)}" for name in _STYLES if each.get(name))
        placed = " ".join(f"{name}={each.get(name)}" for name in _PLACED if each.get(name))
        placed = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", placed)
        if each.tag == "text":
            texts.append(collapse("".join(each.itertext())))
            shapes.append(" ".join(("text", *moved, placed)))
        elif each.tag in ("title", "desc") and each not in list(element):
            texts.append(collapse("".join(each.itertext())))
        elif each.tag in _SHAPES:
            number = styles.setdefault(style, len(styles) + 1)
            shapes.append(" ".join((f"{each.tag} (style {number})", *moved, placed)))
        if each is not element and each.get("aria-label"):
            texts.append(each.get("aria-label", ""))
        for child in each:
            walk(child, style, (*moved, placed) if each.tag == "g" and placed else moved)

    walk(element, (), ())
    return Chart(alternative, tuple(texts), tuple(shapes))


def collapse(text: str) -> str:
    """White space made one space; signs without width are not read."""
    return " ".join(text.replace("\u200b", "").split())
