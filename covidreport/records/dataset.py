"""Images and their truth, and what the image files are like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

UNKNOWN = -1
"""The truth of a label that nobody stated."""


class Peak(NamedTuple):
    """The largest raw sample of a file, and of how many bits its samples are said to be."""

    maximum: int
    bits: int


class Measured(NamedTuple):
    """What a decoded picture is like, of its own pixels as they were decoded.

    grey: mean level, 0 to 255. contrast: standard deviation of levels. sharpness: how much
    neighbouring points differ in the mean, beside the contrast. borders: the share of the picture
    that is borders of one grey. height, width: in pixels.
    """

    grey: int
    contrast: float
    sharpness: float
    borders: float
    height: int
    width: int


class Dataset(Struct, frozen=True, eq=False):
    """Images and their truth, by column: entry i of every column is image i.

    ids and paths: `(N,)`; a path is relative to `root`. truth: int8 `(N, K)`, 1, 0 or `UNKNOWN`.
    splits and groups: `(N,)` or None where the data has none. A group is a patient: images of one
    group are not independent. attributes: by name, `(N,)` strings, empty where not stated. folds:
    `(N,)`, by which fold's models an image may be scored; empty for none. weights: sampling weights
    `(N,)`, for how many patients of a ward an image stands; finite, not negative, some above 0.
    """

    name: str
    root: Path
    source: Path
    labels: tuple[str, ...]
    ids: Sequence[str]
    paths: Sequence[str]
    truth: NDArray[np.int8]
    splits: tuple[str, ...] | None = None
    groups: Sequence[str] | None = None
    folds: tuple[str, ...] | None = None
    weights: NDArray[np.float64] | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    """Of class folders: the files in them that are not read, by their paths from `root`."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many rows or pictures are no images of this data set, by the reason, such as `view L`."""
    in_splits: Mapping[str, int] = field(default_factory=dict)
    """How many images each split has of the data that these are from; empty where these are all."""

    def __len__(self) -> int:
        return len(self.ids)


class ImageSurvey(Struct, frozen=True, eq=False):
    """What the image files of a data set are like, by column: entry i of every column is image i.

    Where an image can't be decoded its reason stands in `reasons`, and nothing else is known of it.
    """

    reasons: tuple[str | None, ...]
    pixels: tuple[str, ...]
    """A digest of the decoded pixels: equal where the pictures are, whatever the files."""
    formats: tuple[str, ...]
    """Such as `JPEG`."""
    colours: tuple[str, ...]
    """`grey` or `colour`."""
    bits: NDArray[np.int32]
    """Of a sample in the file, `(N,)`."""
    sizes: NDArray[np.int32]
    """Height and width in pixels, `(N, 2)`."""
    brightness: NDArray[np.float32]
    """The mean grey value, 0 to 255, `(N,)`; NaN where the image can't be decoded."""
    peaks: tuple[Peak | None, ...]
    """Of files whose depth decides what is white; None of the others."""
    assumed: tuple[tuple[str, ...], ...]
    """What had to be assumed of DICOM files, as the chain of their transforms says it."""
    contents: NDArray[np.uint8]
    """As thumbnails, without borders of one grey, `(N, 64, 64)`."""
    thumbnails: NDArray[np.uint8]
    """The picture in grey, stretched to a small square, `(N, 32, 32)`."""
