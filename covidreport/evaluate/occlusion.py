"""A part of every image blacked out, to see what a run knows without it."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import UsageError
from covidreport.evaluate.disturbances import Disturbances
from covidreport.evaluate.patches import Patches, hide_patches
from covidreport.records import FOREIGN_CHANGES

Region = Literal["centre", "borders", "corners"]
REGIONS: Final[tuple[Region, ...]] = get_args(Region)
FRACTIONS: Final[dict[Region, float]] = {"centre": 0.8, "borders": 0.1, "corners": 0.2}
"""What is blacked out where nothing is said: the lungs, a frame, the places of side markers."""
_MEANINGS: Final[dict[Region, str]] = {
    "centre": "a rectangle in the middle, {0:g} of the height and of the width",
    "borders": "a frame, {0:g} of the height at top and bottom and of the width at the sides",
    "corners": "four rectangles, each {0:g} of the height and of the width",
}


class Occlusion(Struct, frozen=True):
    """What is blacked out of a model's input, in fractions of its height and width.

    centre: the rectangle in the middle with sides of `fraction`. borders: a frame of that
    thickness. corners: four rectangles with sides of `fraction`.
    """

    region: Region
    fraction: float

    def __post_init__(self) -> None:
        """UsageError for a fraction that leaves nothing, or blackens nothing."""
        most = 1.0 if self.region == "centre" else 0.5
        if not 0 < self.fraction < most:
            raise UsageError(
                f"--occlude {self.region}:{self.fraction:g}: with {self.region} a fraction between "
                f"0 and {most:g} is wanted, such as {FRACTIONS[self.region]:g}"
            )

    @property
    def variant(self) -> str:
        """Such as `occlude-centre-0.8`."""
        return f"occlude-{self.region}-{self.fraction:g}"

    def describe(self) -> str:
        """What is blacked out, in words."""
        return _MEANINGS[self.region].format(self.fraction)

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it."""
        return {"region": self.region, "fraction": self.fraction}


LUNGS_BLACK: Final = Occlusion("centre", FOREIGN_CHANGES["lungs-black"].strengths[0])
"""What is black of a foreign picture without lungs: the same as `--occlude centre`."""


def read_occlusion(text: str) -> Occlusion:
    """What `--occlude centre` or `--occlude centre:0.7` says; UsageError lists the regions."""
    region, colon, fraction = text.partition(":")
    try:
        share = float(fraction) if colon else None
    except ValueError:
        raise UsageError(
            f"--occlude {text}: {fraction!r} is no fraction, such as {region}:0.2"
        ) from None
    for known in REGIONS:
        if known == region:
            return Occlusion(known, FRACTIONS[known] if share is None else share)
    raise UsageError(
        f"--occlude {text}: no region is called {region!r}; one of {', '.join(REGIONS)}"
    )


Altered = Occlusion | Patches | Disturbances
"""What of each picture a model does not see, or sees changed."""


def occlude_pixels(
    pixels: NDArray[np.uint8], altered: Altered | None, start: int = 0
) -> NDArray[np.uint8]:
    """A copy of pixels uint8 `(n, H, W, C)` with the region black; the same array without one.

    The pixels are those that were decoded and fitted, before they are scaled or normalised. Edges
    are rounded to whole pixels, alike on both sides. start: which image the first one is, which
    decides which patch of it is hidden. Disturbed pictures were changed before they were fitted,
    but for those whose lungs are to be black.
    """
    if altered is None:
        return pixels
    if isinstance(altered, Patches):
        return hide_patches(pixels, altered, start)
    rows = np.ones(len(pixels), np.bool_)
    occlusion = LUNGS_BLACK
    if isinstance(altered, Occlusion):
        occlusion = altered
    else:
        kinds = (each.kind for each in altered.rows[start : start + len(pixels)])
        rows = np.fromiter((kind == "lungs-black" for kind in kinds), np.bool_, len(pixels))
    if not rows.any():
        return pixels
    black = _mark_region(occlusion, pixels.shape[1], pixels.shape[2])
    changed = pixels.copy()
    changed[rows[:, np.newaxis, np.newaxis] & black] = 0
    return changed


def _mark_region(occlusion: Occlusion, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels are black, bool `(H, W)`."""
    black = np.zeros((height, width), np.bool_)
    if occlusion.region == "corners":
        rows, columns = round(height * occlusion.fraction), round(width * occlusion.fraction)
        for down in (slice(0, rows), slice(height - rows, None)):
            for across in (slice(0, columns), slice(width - columns, None)):
                black[down, across] = True
        return black
    fraction = occlusion.fraction
    edge = (1 - fraction) / 2 if occlusion.region == "centre" else fraction
    rows, columns = round(height * edge), round(width * edge)
    black[rows : height - rows, columns : width - columns] = True
    return ~black if occlusion.region == "borders" else black
