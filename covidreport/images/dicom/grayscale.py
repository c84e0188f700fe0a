"""Stored values to shown grey, as DICOM defines it: modality, then values of interest (VOI).

A stored value has at most 16 bits, so the whole chain is computed once for every value that the
file could hold, in float64, and each pixel is looked up. PS3.3 is the DICOM standard's part 3.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import ImageError

WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
Values = NDArray[np.float64]


class Rescale(Struct, frozen=True):
    """The modality transform as a straight line (PS3.3 C.11.1.1.2): slope * value + intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    def __str__(self) -> str:
        return f"rescaled: {self.slope:.10g} x value + {self.intercept:.10g}"


class LookupTable(Struct, frozen=True, eq=False):
    """A modality or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1): `entries[i]` is given for `first` + i.

    Values below and above the table get its first and last entry. bits: of an entry.
    """

    entries: NDArray[np.uint16]
    first: int
    bits: int

    @property
    def white(self) -> int:
        """The largest output that the table's bits allow."""
        return (1 << self.bits) - 1

    def look_up(self, values: Values) -> Values:
        """Give each value's entry, any shape; a value between two whole ones takes the nearer."""
        at = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        entries: Values = self.entries[at].astype(np.float64)
        return entries

    def __str__(self) -> str:
        digest = hashlib.sha256(self.entries.astype("<u2").tobytes()).hexdigest()[:12]
        entries = f"{len(self.entries)} entries of {self.bits} bits from {self.first}"
        return f"{entries}, sha256 {digest}"


class Window(Struct, frozen=True):
    """A VOI window: the part of the values that is spread over black to white."""

    center: float
    width: float
    function: WindowFunction = "LINEAR"

    def __post_init__(self) -> None:
        least = 1 if self.function == "LINEAR" else 0
        if not (np.isfinite(self.center) and np.isfinite(self.width)):
            raise ImageError("damaged DICOM: the window is no finite number")
        if self.width < least or self.width == 0:
            raise ImageError(f"damaged DICOM: a {self.function} window of width {self.width:g}")

    def apply(self, values: Values) -> Values:
        """Give each value's grey from 0 (black) to 1 (white), by the formulas of PS3.3 C.11.2.1."""
        if self.function == "SIGMOID":  # C.11.2.1.3.1
            # beyond 700 the exponential leaves float64; the grey has long been 0 or 1
            power = np.clip(-4 * (values - self.center) / self.width, -700, 700)
            return np.asarray(1 / (1 + np.exp(power)))
        if self.function == "LINEAR_EXACT":  # C.11.2.1.3.2
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:  # C.11.2.1.2.1: no slope is left, only a step
            return np.where(values > self.center - 0.5, 1.0, 0.0)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)

    def __str__(self) -> str:
        return f"window: center {self.center:.10g}, width {self.width:.10g}, {self.function}"


class Grayscale(Struct, frozen=True):
    """The chain of one image. `voi` is None where the file has none: all values are shown then.

    padding: the first and the last stored value that are no part of the picture (PS3.3
    C.7.5.1.1.2).
    """

    modality: Rescale | LookupTable
    voi: Window | LookupTable | None
    inverted: bool
    padding: tuple[int, int] | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The chain in words, in order."""
        steps = []
        if isinstance(self.modality, LookupTable):
            steps.append(f"modality LUT: {self.modality}")
        elif self.modality != Rescale():
            steps.append(str(self.modality))
        if isinstance(self.voi, LookupTable):
            steps.append(f"VOI LUT: {self.voi}")
        else:
            steps.append("no VOI: full range" if self.voi is None else str(self.voi))
        if self.inverted:
            steps.append("inverted: MONOCHROME1")
        if self.padding is not None:
            steps.append("padding is black: values {} to {}".format(*self.padding))
        return tuple(steps)

    def is_padding(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Which stored values are no part of the picture, of the same shape."""
        if self.padding is None:
            return np.zeros(stored.shape, np.bool_)
        first, last = self.padding
        padded: NDArray[np.bool_] = (stored >= first) & (stored <= last)
        return padded

    def tabulate(self, low: int, high: int) -> NDArray[np.uint8]:
        """Give the 8-bit grey of every stored value from `low` to `high`, `(high - low + 1,)`."""
        stored = np.arange(low, high + 1, dtype=np.float64)
        if isinstance(self.modality, LookupTable):
            values, darkest = self.modality.look_up(stored), 0.0
            brightest = float(self.modality.white)
        else:
            values = self.modality.slope * stored + self.modality.intercept
            darkest, brightest = float(values.min()), float(values.max())
        if isinstance(self.voi, Window):
            grey = self.voi.apply(values)
        elif isinstance(self.voi, LookupTable):
            grey = np.clip(self.voi.look_up(values) / self.voi.white, 0, 1)
        else:
            grey = np.clip((values - darkest) / max(brightest - darkest, 1e-300), 0, 1)
        if self.inverted:
            grey = 1 - grey
        grey[self.is_padding(stored)] = 0
        return np.rint(255 * grey).astype(np.uint8)
