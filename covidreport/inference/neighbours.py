"""Other ways in which a model might have been meant to be fed: one thing said otherwise.

A word is left open where another value of it would be accepted in run.json: the model's file does
not state it, and its graph can take it. A graph that takes uint8 scales and normalises itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from covidreport.errors import RunError
from covidreport.inference.contract import complete_words, read_contract
from covidreport.inference.graph import Graph
from covidreport.records import Fit, InputSpec

IMAGENET: Final[Mapping[str, Any]] = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
"""By channel, of pixels from 0 to 1, as torchvision documents it."""
PLAIN: Final[Mapping[str, Any]] = {"mean": None, "std": None}
SCALES: Final[Mapping[str, Mapping[str, Any]]] = {
    "0 to 255": {"range": [0, 255], **PLAIN},
    "0 to 1": {"range": [0, 1], **PLAIN},
    "-1 to 1": {"range": [-1, 1], **PLAIN},
    "ImageNet's normalisation": {"range": [0, 1], **IMAGENET},
}
"""What black and white are usually fed as, by how people call it."""
FITS: Final[tuple[Fit, ...]] = ("stretch", "crop", "pad")
"""`cut` differs from `crop` at the edge alone."""


class Neighbour(Struct, frozen=True):
    """Another way to feed a model: its name, and the words by which run.json would say it."""

    name: str
    words: Mapping[str, Any]
    described: Mapping[str, Any]
    """`input` of run.json with these words."""
    instead: tuple[str, ...] = ()
    """Words that these take the place of, and that can't stand beside them."""


class Neighbours(Struct, frozen=True):
    """The ways that are left open, and of the others what they would have changed."""

    open: tuple[Neighbour, ...]
    closed: tuple[str, ...]
    """Of `scale`, `inversion`, `order of colours` and `fit`."""


def list_neighbours(graph: Graph, described: Mapping[str, Any] | None) -> Neighbours:
    """What else could be said of a model, one thing at a time: eight ways at
    most.

    described: `input` of its run.json. RunError where that can't be used.
    """
    stated = read_contract(graph, described)
    words, _ = complete_words(graph, described)
    seen = [_describe_feed(stated)]
    found: list[Neighbour] = []
    opened: set[str] = set()
    refused: dict[str, None] = {}
    for kind, name, change in _list_changes(words):
        instead = ("divisor",) if "range" in change and "divisor" in (described or {}) else ()
        rest = {word: said for word, said in (described or {}).items() if word not in instead}
        said = {**rest, **change}
        try:
            feed = _describe_feed(read_contract(graph, said))
        except RunError:  # the file says otherwise, or the graph can't take it
            refused[kind] = None
            continue
        if feed not in seen:
            seen.append(feed)
            opened.add(kind)
            found.append(Neighbour(name, change, said, instead))
    return Neighbours(tuple(found), tuple(kind for kind in refused if kind not in opened))


def _list_changes(words: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What each would change, how it is called, and the words that say it."""
    for name, change in SCALES.items():
        yield "scale", name, change
    low, high = words.get("range") or (0, 255 / words.get("divisor", 1.0))
    yield "inversion", "inverted", {"range": [high, low]}
    other = "RGB" if words.get("channel_order") == "BGR" else "BGR"
    yield "order of colours", other, {"channel_order": other}
    for fit in FITS:
        yield "fit", fit, {"fit": fit}


def _describe_feed(spec: InputSpec) -> tuple[Any, ...]:
    """What decides the values that a model is fed: equal for two ways to say the same."""
    ends: tuple[float, ...] = ()
    if spec.dtype != "uint8" and spec.per_image != "z-score":
        channels = spec.pixels.channels
        mean, std = spec.mean or (0.0,) * channels, spec.std or (1.0,) * channels
        ends = tuple(
            round((value / spec.divisor - m) / s, 5)
            for m, s in zip(mean, std, strict=True)
            for value in (0, 255)
        )
    return spec.pixels, spec.channel_order, spec.per_image, ends
