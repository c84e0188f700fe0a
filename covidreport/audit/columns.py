"""Everything that is known of each image beside its labels, as columns of few values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.audit.evidence import DataEvidence, number_texts
from covidreport.metrics import band_ages
from covidreport.metrics.readings import is_reading
from covidreport.records import UNKNOWN, ImageSurvey

NOT_STATED: Final = "not stated"
MOST_VALUES: Final = 20
"""A column of texts with more values is a name, such as a file's, and says nothing of a group."""
PERSONAL: Final = ("age", "sex")
"""Attributes of the patient, which a disease may well depend on; all others are of the picture."""
_QUANTILES: Final = np.linspace(0.1, 0.9, 9)


class AttributeColumn(Struct, frozen=True, eq=False):
    """One attribute: codes int64 `(N,)` into `values`; -1 where an image is to be excluded.

    personal: whether it is the patient's and not the picture's.
    """

    name: str
    values: tuple[str, ...]
    codes: NDArray[np.int64]
    personal: bool = False


def list_label_columns(evidence: DataEvidence) -> tuple[AttributeColumn, ...]:
    """The labels, each as a column of two values; images of unknown truth are excluded."""
    dataset = evidence.dataset
    codes = np.where(dataset.truth == UNKNOWN, -1, dataset.truth).astype(np.int64)
    return tuple(
        AttributeColumn(label, (f"without {label}", f"with {label}"), codes[:, k])
        for k, label in enumerate(dataset.labels)
    )


def list_attribute_columns(evidence: DataEvidence) -> tuple[AttributeColumn, ...]:
    """What the data set states and what its files are like; constant columns are excluded.

    Ages are put into bands, other numbers into tenths of the images, a frequent number on its own.
    """
    stated = (
        _read_stated(name, cells)
        for name, cells in evidence.dataset.attributes.items()
        if cells and not is_reading(name)
    )
    surveyed = () if evidence.survey is None else _list_surveyed(evidence.survey)
    found = [column for column in (*stated, *surveyed) if column is not None]
    return tuple(column for column in found if len(np.unique(column.codes[column.codes >= 0])) > 1)


def _read_stated(name: str, cells: Sequence[str]) -> AttributeColumn | None:
    spelt = name.strip().lower()
    personal = spelt in PERSONAL
    if spelt == "age":
        cells = band_ages(cells)
    values, codes = number_texts([cell or NOT_STATED for cell in cells])
    if len(values) <= MOST_VALUES:
        return AttributeColumn(name, values, codes, personal)
    numbers = [_read_number(cell) for cell in cells]
    if any(number is None for number, cell in zip(numbers, cells, strict=True) if cell):
        return None
    wide = np.array([np.nan if number is None else number for number in numbers])
    return band_numbers(name, wide, personal=personal)


def _read_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _list_surveyed(survey: ImageSurvey) -> Iterator[AttributeColumn | None]:
    """Columns of the files; images that can't be decoded are excluded."""
    decoded = np.array([reason is None for reason in survey.reasons], np.bool_)
    height, width = survey.sizes[:, 0].astype(float), survey.sizes[:, 1].astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        aspect = np.round(width / height, 3)
    for name, texts in (
        ("file format", survey.formats),
        ("bit depth", [f"{bits} bits" for bits in survey.bits.tolist()]),
        ("colour", survey.colours),
    ):
        values, codes = number_texts(texts)
        if len(values) <= MOST_VALUES:
            yield AttributeColumn(name, values, np.where(decoded, codes, -1))
    for name, numbers in (
        ("image width", width),
        ("image height", height),
        ("aspect ratio", aspect),
        ("mean brightness", np.round(survey.brightness.astype(float), 1)),
    ):
        yield band_numbers(name, np.where(decoded, numbers, np.nan), leave_out=True)


def band_numbers(
    name: str, numbers: NDArray[np.floating[Any]], *, personal: bool = False,
    leave_out: bool = False,
) -> AttributeColumn | None:  # fmt: skip
    """Numbers `(N,)` as a column of bands between their deciles; None where there are none.

    A value that is a decile is a band of its own where it is frequent (a tenth of the images or
    more), so that "exactly 512" is told from "about 512". NaN is `NOT_STATED`, or excluded.
    """
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return None
    edges = np.unique(np.quantile(known, _QUANTILES, method="nearest"))
    alone = np.array([np.count_nonzero(known == edge) >= 0.1 * known.size for edge in edges])
    left, right = np.searchsorted(edges, numbers, "left"), np.searchsorted(edges, numbers, "right")
    # Between edges 2i; on edge i 2i + 1, or with the numbers below it where it is not frequent.
    on_edge = np.append(alone, False)[np.minimum(left, len(edges) - 1)] & (left < right)
    codes = np.where(on_edge, 2 * left + 1, 2 * left)
    codes = np.where(np.isfinite(numbers), codes, -1 if leave_out else 2 * len(edges) + 1)
    texts = [*_name_bands(edges.tolist(), alone.tolist()), NOT_STATED]
    present = np.unique(codes[codes >= 0])
    positions = np.full(len(texts), -1)
    positions[present] = np.arange(len(present))
    values = tuple(texts[code] for code in present.tolist())
    return AttributeColumn(name, values, np.where(codes < 0, -1, positions[codes]), personal)


def _name_bands(edges: Sequence[float], alone: Sequence[bool]) -> list[str]:
    """The names of bands 0 to 2E: before the first edge, on it, between it and the next, …"""
    last = f"{edges[-1]:g}"
    names = [f"{'below' if alone[0] else 'up to'} {edges[0]:g}", f"{edges[0]:g}"]
    for (low, high), closed in zip(pairwise(edges), alone[1:], strict=True):
        names += [f"{low:g} to {high:g}" if not closed else f"between {low:g} and {high:g}",
                  f"{high:g}"]  # fmt: skip
    return [*names, f"above {last}"]
