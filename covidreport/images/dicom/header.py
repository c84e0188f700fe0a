"""What is read from a DICOM data set before its pixels: facts, the grey chain, attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from covidreport.errors import ImageError
from covidreport.images.dicom.grayscale import (
    Grayscale,
    LookupTable,
    Rescale,
    Window,
    WindowFunction,
)

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset

_VIEW_CODES = {
    **dict.fromkeys(("272479007", "R-10214", "R-40888"), "PA"),
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    **dict.fromkeys(("399173006", "R-10236"), "LL"),
    **dict.fromkeys(("399198007", "R-10232"), "RL"),
    **dict.fromkeys(("399067008", "R-102CD"), "LATERAL"),
    **dict.fromkeys(("399184004", "R-10238"), "LLO"),
    **dict.fromkeys(("399236003", "R-10234"), "RLO"),
}
"""Views of PS3.16 CID 4010 by SNOMED CT code, and by the codes that were used before."""
_FUNCTIONS: Mapping[str, WindowFunction] = {
    "": "LINEAR",
    "LINEAR": "LINEAR",
    "LINEAR_EXACT": "LINEAR_EXACT",
    "SIGMOID": "SIGMOID",
}
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


class DicomObject(Struct, frozen=True):
    """What sort of thing the file holds; texts are upper case, and empty where not stated."""

    sop_class: str
    sop_class_name: str
    modality: str
    view: str


class Header(Struct, frozen=True):
    """How the pixels are stored."""

    photometric: str
    syntax: str
    syntax_name: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    overlay: bool = False
    """Whether it says that an overlay is stored in bits above those of the pixel (PS3.5 8.1.2)."""

    @property
    def stored_range(self) -> tuple[int, int]:
        """The smallest and the largest value that a pixel can hold."""
        if self.signed:
            return -(2 ** (self.bits_stored - 1)), 2 ** (self.bits_stored - 1) - 1
        return 0, 2**self.bits_stored - 1


def read_kind(dataset: FileDataset) -> DicomObject:
    """Read what sort of thing the file holds."""
    sop_class = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""
    return DicomObject(
        sop_class=str(sop_class),
        sop_class_name=str(getattr(sop_class, "name", "") or sop_class),
        modality=_read_text(dataset, "Modality").upper(),
        view=read_view(dataset),
    )


def read_header(dataset: FileDataset) -> Header:
    """Read how the pixels are stored; ImageError where a number is missing."""
    if "PixelData" not in dataset:
        raise ImageError("no pixel data: cut off, or a header without its image")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise ImageError("damaged DICOM: it doesn't state its transfer syntax")
    bits_stored = _read_number(dataset, "BitsStored", "BitsAllocated")
    return Header(
        photometric=_read_text(dataset, "PhotometricInterpretation").upper(),
        syntax=str(syntax),
        syntax_name=syntax.name,
        rows=_read_number(dataset, "Rows"),
        columns=_read_number(dataset, "Columns"),
        frames=int(dataset.get("NumberOfFrames") or 1),
        samples=int(dataset.get("SamplesPerPixel") or 1),
        bits_allocated=_read_number(dataset, "BitsAllocated"),
        bits_stored=bits_stored,
        high_bit=int(dataset.get("HighBit", bits_stored - 1)),
        signed=bool(dataset.get("PixelRepresentation", 0)),
        overlay=any(_holds_overlay(dataset, group) for group in range(0x6000, 0x6020, 2)),
    )


def _holds_overlay(dataset: FileDataset, group: int) -> bool:
    """Whether an overlay (PS3.3 C.9.2, as it was until 2004) is said to lie among the pixels."""
    if (group, 0x0102) not in dataset or (group, 0x3000) in dataset:
        return False
    return bool(dataset[group, 0x0102].value)


def read_grayscale(dataset: Dataset, header: Header) -> Grayscale:
    """Read the chain from stored values to grey: of several views (windows, LUTs) the first.

    Where the file offers a VOI LUT and a window, the LUT is taken, as pydicom does.
    """
    return Grayscale(
        _read_modality(dataset, header),
        _read_voi(dataset),
        header.photometric == "MONOCHROME1",
        _read_padding(dataset),
    )


def _read_padding(dataset: Dataset) -> tuple[int, int] | None:
    """The stored values, first and last, that fill up a picture that is no rectangle."""
    value = _first(dataset.get("PixelPaddingValue"))
    if value is None:
        return None
    limit = _first(dataset.get("PixelPaddingRangeLimit"))
    first, last = sorted((int(value), int(value if limit is None else limit)))
    return first, last


def _read_modality(dataset: Dataset, header: Header) -> Rescale | LookupTable:
    tables = dataset.get("ModalityLUTSequence")
    if tables:
        return _read_table(tables[0], signed=header.signed)
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    rescale = Rescale(
        1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)
    )
    if not (math.isfinite(rescale.slope) and math.isfinite(rescale.intercept) and rescale.slope):
        raise ImageError(f"damaged DICOM: {rescale}")
    return rescale


def _read_voi(dataset: Dataset) -> Window | LookupTable | None:
    tables = dataset.get("VOILUTSequence")
    if tables:
        # Its input is signed where stored values or the rescale can be negative.
        negative = bool(dataset.get("PixelRepresentation", 0)) or (
            float(dataset.get("RescaleIntercept") or 0) < 0
        )
        return _read_table(tables[0], signed=negative)
    center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if center is None and width is None:
        return None
    if center is None or width is None:
        raise ImageError("damaged DICOM: a window needs both a center and a width")
    name = _read_text(dataset, "VOILUTFunction").upper()
    if name not in _FUNCTIONS:
        raise ImageError(f"the VOI LUT function {name} is not known")
    return Window(float(center), float(width), _FUNCTIONS[name])


def _read_table(item: Dataset, *, signed: bool) -> LookupTable:
    """A LUT from its descriptor (entries, first value, bits) and its data."""
    n_entries, first, bits = (int(value) for value in item.LUTDescriptor)
    n_entries = n_entries % 65536 or 65536  # 16 bits: 0 is 65536, and some read it as signed
    first = first - 65536 if signed and first > 32767 else first
    data = item.LUTData
    if isinstance(data, bytes):
        little = item.is_little_endian is not False
        packed = bits == 8 and len(data) < 2 * n_entries
        order: Any = np.uint8 if packed else ("<u2" if little else ">u2")
        entries = np.frombuffer(data, order).astype(np.uint16)
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)
    if not 1 <= bits <= 16 or len(entries) < n_entries:
        raise ImageError(
            f"damaged DICOM: a LUT of {n_entries} entries of {bits} bits holds {len(entries)}"
        )
    return LookupTable(entries[:n_entries], first, bits)


def read_view(dataset: Dataset) -> str:
    """Read the view as stated (`PA`, `AP`, `LL`, …), or by its code; empty where none is."""
    stated = _read_text(dataset, "ViewPosition").upper()
    if stated:
        return stated
    for item in dataset.get("ViewCodeSequence") or ():
        code = _read_text(item, "CodeValue")
        if code in _VIEW_CODES:
            return _VIEW_CODES[code]
    return ""


def read_attributes(dataset: Dataset) -> dict[str, str]:
    """Read what a manifest may lack, as texts, empty where not stated; the age in full years."""
    return {
        "patient_id": _read_text(dataset, "PatientID"),
        "view": read_view(dataset),
        "sex": _read_text(dataset, "PatientSex").upper(),
        "age": _read_age(_read_text(dataset, "PatientAge")),
        "body_part": _read_text(dataset, "BodyPartExamined").upper(),
    }


def _read_age(stated: str) -> str:
    """An age string (PS3.5 6.2), such as 045Y or 018M, in full years."""
    number, unit = stated[:-1], stated[-1:].upper()
    if unit not in _YEARS or not (number.isascii() and number.isdigit()):
        return ""
    # a 1000th of a year forgives the rounding of 12/12 and 365.25 days
    return str(int(int(number) * _YEARS[unit] + 0.001))


def _read_text(dataset: Dataset, keyword: str) -> str:
    """A text, the first of several; empty where there is none."""
    value = _first(dataset.get(keyword))
    return "" if value is None else str(value).strip().strip("\0")


def _read_number(dataset: Dataset, keyword: str, instead: str | None = None) -> int:
    value = dataset.get(keyword)
    if value is None and instead is not None:
        value = dataset.get(instead)
    if value is None:
        raise ImageError(f"damaged DICOM: it doesn't state its {keyword}")
    return int(value)


def _first(value: Any) -> Any:
    """The first of several values; None where there is none."""
    if value is None or isinstance(value, str | bytes | int | float):
        return value if value != "" else None
    try:
        return value[0] if len(value) else None
    except TypeError:  # a single value that is neither text nor number, such as a person's name
        return value
