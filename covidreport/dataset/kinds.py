"""What views, modalities and sexes are called, and rows that are no frontal radiographs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection

from covidreport.dataset.columns import ManifestTable

NOT_FRONTAL = frozenset(
    {
        "l", "ll", "rl", "lat", "lateral", "left lateral", "right lateral", "llo", "rlo", "oblique",
        "axial", "coronal", "sagittal", "lao", "rao", "lpo", "rpo", "xtable lateral", "swimmers",
    }
)  # fmt: skip
"""Views, in lower case, that show another picture than the one a model was trained on: as in DICOM
(PS3.3 C.8.1.3), and as tables write them."""
NO_RADIOGRAPH = frozenset(
    {
        "ct", "mr", "mri", "us", "pt", "pet", "nm", "mg", "xa", "rf", "ultrasound", "mammography",
        "computed tomography", "magnetic resonance",
    }
)  # fmt: skip
"""Modalities, in lower case, that are no radiography (PS3.3 C.7.3.1.1.1), and their names."""
SEXES = {"m": "M", "male": "M", "man": "M", "f": "F", "female": "F", "woman": "F"}
"""Sexes by what tables and headers write, in lower case."""
_KINDS = {"view": NOT_FRONTAL, "modality": NO_RADIOGRAPH}


def refuse_kinds(
    table: ManifestTable, idle: Collection[int], add: Callable[[int, str], None]
) -> None:
    """Tell of rows that are of another kind, once for each value, by its first row and how many.

    idle: rows that nobody asks for. What stands in `accept` is read all the same.
    """
    accepted = {value.strip().casefold() for value in table.reading.accept}
    for column, cells in table.columns.items():
        refused = _KINDS.get(column.strip().lower())
        if refused is None:
            continue
        found: defaultdict[str, list[int]] = defaultdict(list)
        odd = {cell for cell in set(cells) if cell.strip().lower() in refused}
        odd = {cell for cell in odd if cell.strip().casefold() not in accepted}
        for row, cell in enumerate(cells) if odd else ():
            if cell in odd and row not in idle:
                found[cell.strip()].append(row)
        for value, rows in found.items():
            images = "this image is" if len(rows) == 1 else f"{len(rows)} images from here on are"
            add(
                rows[0],
                f"{images} no frontal radiograph by {column} {value!r}: leave such rows out "
                f'(exclude = {{{column} = ["{value}"]}} in [manifest]) or take them '
                f'(accept = ["{value}"])',
            )
