"""maps/maps.json beside an evaluation: how a run's scores change while patches are hidden.

Every score stands as the model gave it (a float of 32 bits by the fewest digits that give it back),
one image a line; differences and means are made by who reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from covidreport.errors import StoreError
from covidreport.records import StoredMaps
from covidreport.storage.codec import FileFormat, write_lines

MAPS_FOLDER: Final = "maps"
MAPS_FILE: Final = "maps.json"
SHOWN: Final = ("logit", "sigmoid", "softmax")
"""What stored scores are; the logits of a softmax are turned into it before."""


def _check(maps: StoredMaps) -> None:
    """StoreError unless each image has a score for each patch, of an input that has pixels."""
    if min(maps.rows, maps.columns) < 1:
        raise StoreError("No patches - at `$.rows`")
    if min(maps.pixels.height, maps.pixels.width) < 1:
        raise StoreError("An input without pixels - at `$.pixels`")
    if any(len(each.occluded) != maps.rows * maps.columns for each in maps.maps):
        raise StoreError("Scores of other patches than are stated - at `$.maps`")
    if maps.activation not in SHOWN:
        raise StoreError(f"Scores that are {maps.activation} - at `$.activation`")


MAPS: Final = FileFormat(
    "covidreport.maps/1",
    StoredMaps,
    "does not hold whole maps",
    "`covidreport evaluate --maps` makes them again, or delete the file",
    check=_check,
)


def maps_file(evaluation: Path) -> Path:
    """Where an evaluation's folder keeps its maps."""
    return evaluation / MAPS_FOLDER / MAPS_FILE


def write_maps(evaluation: Path, maps: StoredMaps) -> None:
    """Write the maps into an evaluation's folder; WriteError where that can't be done."""
    write_lines(maps_file(evaluation), MAPS.encode(maps))


def read_maps(evaluation: Path) -> StoredMaps | None:
    """The maps in an evaluation's folder; None where there are none, StoreError where broken."""
    path = maps_file(evaluation)
    return MAPS.read(path) if path.exists() else None
