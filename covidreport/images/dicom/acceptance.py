"""Which DICOM files are frontal radiographs of one grey frame; the others are refused by name."""

from __future__ import annotations

from covidreport.errors import ImageError
from covidreport.images.dicom.header import DicomObject, Header
from covidreport.images.transforms import NO_MODALITY, OTHER_MODALITY

_OF_RADIOGRAPHY = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
        "1.2.840.10008.5.1.4.1.1.1.1",  # digital X-ray, for presentation
    }
)
_STORAGE = _OF_RADIOGRAPHY | frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.7",  # secondary capture: what many research collections export
        "1.2.840.10008.5.1.4.1.1.7.2",  # multi-frame byte, taken when it has one frame
        "1.2.840.10008.5.1.4.1.1.7.3",  # multi-frame word
    }
)
"""SOP classes (PS3.4 B.5) that hold radiographs ready to be looked at."""
_RAW = "1.2.840.10008.5.1.4.1.1.1.1.1"
_RADIOGRAPHY = ("CR", "DX", "RG")
"""Computed, digital and film radiography (PS3.3 C.7.3.1.1.1)."""
_DIGITAL = "DR"
"""No modality of the standard; what some devices call digital radiography."""
_NOT_FRONTAL = {
    "LL": "left lateral",
    "RL": "right lateral",
    "LAT": "lateral",
    "LATERAL": "lateral",
    "LLO": "left oblique",
    "RLO": "right oblique",
}
"""Views of PS3.3 C.8.1.3 that show another picture than the one a model was trained on."""


def check_kind(kind: DicomObject) -> tuple[str, ...]:
    """Raise ImageError, with the name of what it is, unless the file is a frontal radiograph.

    Gives what of that is in doubt, as a step of its chain: a modality that is not stated where the
    SOP class says what it is, or one that is none of the standard's.
    """
    if kind.sop_class == _RAW:
        raise ImageError(
            "raw detector data (Digital X-Ray, For Processing): export the image for presentation"
        )
    if kind.sop_class and kind.sop_class not in _STORAGE:
        raise ImageError(f"not a radiograph: {kind.sop_class_name}")
    by_class = not kind.modality and kind.sop_class in _OF_RADIOGRAPHY
    if not by_class and kind.modality not in (*_RADIOGRAPHY, _DIGITAL):
        stated = f"modality {kind.modality}" if kind.modality else "no modality is stated"
        raise ImageError(f"not a radiograph: {stated}; {', '.join(_RADIOGRAPHY)} are read")
    if kind.view in _NOT_FRONTAL:
        raise ImageError(f"a {_NOT_FRONTAL[kind.view]} view ({kind.view}); frontal views are read")
    return (NO_MODALITY,) if by_class else (OTHER_MODALITY,) if kind.modality == _DIGITAL else ()


def refuse_format(header: Header) -> None:
    """Raise ImageError, with the reason, unless the pixels are one grey frame of 8 to 16 bits."""
    if header.frames != 1:
        raise ImageError(f"{header.frames} frames; a radiograph has one")
    if header.samples != 1 or header.photometric not in ("MONOCHROME1", "MONOCHROME2"):
        found = header.photometric or "no photometric interpretation"
        raise ImageError(
            f"a colour image ({found}, {header.samples} samples a pixel); "
            "a radiograph is MONOCHROME1 or MONOCHROME2"
        )
    if header.bits_allocated not in (8, 16) or not 8 <= header.bits_stored <= header.bits_allocated:
        raise ImageError(
            f"{header.bits_stored} of {header.bits_allocated} bits a pixel; 8 to 16 bits are read"
        )
    if header.high_bit != header.bits_stored - 1:
        raise ImageError(
            f"{header.bits_stored} bits a pixel that end at bit {header.high_bit}; "
            f"they should end at bit {header.bits_stored - 1} (PS3.3 C.7.6.3)"
        )
