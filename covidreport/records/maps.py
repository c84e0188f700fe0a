"""Where a run looks: how its score changes while a part of the picture is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from covidreport.records.model import Activation, PixelSpec

MapFill = Literal["black", "blur"]
"""What hides a patch: pixels of value 0 as the model is fed them, or the picture out of focus."""
Grid = tuple[tuple[float, ...], ...]
"""A value for each patch, rows from the top, in each row from the left."""


class StoredMap(Struct, frozen=True):
    """One image's scores of the target, as the model gave them: `occluded` a patch at a time."""

    name: str
    """As its thumbnail is called."""
    score: float
    """Of the whole picture: the evaluation's own."""
    occluded: tuple[float, ...]
    """`(rows * columns,)`, row by row."""


class StoredMaps(Struct, frozen=True):
    """maps.json: the occlusion maps of one run, beside the evaluation that they are of."""

    key: str
    """Of that evaluation: model, images, contract and whatever else its scores depend on."""
    target: str
    fill: MapFill
    rows: int
    columns: int
    activation: Activation
    """What the scores are."""
    pixels: PixelSpec
    """How a picture becomes what the model is fed, in whose coordinates the patches are."""
    positives: int
    """Images with the target that could be scored, of which maps are made of the most part."""
    maps: tuple[StoredMap, ...]
    failed: tuple[str, ...] = ()
    """Images that could not be read again, by name."""


class CaseMap(Struct, frozen=True):
    """How one positive's score (0 to 1) falls with each patch; `drops` below 0 where it rises."""

    found: bool
    score: float
    peak: float
    """The drop that is farthest from 0."""
    peak_row: int
    peak_column: int
    """Of its patch, counted from 0."""
    drops: Grid


class MeanMap(Struct, frozen=True):
    """The mean of the maps of several positives.

    outside: of its weight (the drops above 0) the share that lies outside the middle of the frame,
    a patch that lies on its edge by its area; None where nothing is above 0.
    """

    cases: int
    outside: float | None
    peak: float
    peak_row: int
    peak_column: int
    drops: Grid


class RunMaps(Struct, frozen=True):
    """Where a run looks, of the positives that it has maps of."""

    run: str
    fill: MapFill
    pixels: PixelSpec
    positives: int
    """Images with the target that could be scored."""
    found: MeanMap | None
    """Over those that it found; None where it found none."""
    missed: MeanMap | None
    failed: int = 0
    """Images that could not be read again."""
    cases: Mapping[str, CaseMap] = field(default_factory=dict)
    """By the name of the case."""
