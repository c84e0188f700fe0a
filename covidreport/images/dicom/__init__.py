"""DICOM radiographs: pixels as a viewer would show them first, and the attributes of the patient.

Needs the extra `dicom`; nothing of it is loaded before the first DICOM file is met. From a file to
its pixels: `header` (facts), `acceptance` (what is refused, and why), `samples` (stored values),
`grayscale` (stored values to grey).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.errors import ImageError, UsageError
from covidreport.images.dicom.acceptance import check_kind, refuse_format
from covidreport.images.dicom.grayscale import Grayscale, Rescale
from covidreport.images.dicom.header import (
    Header,
    read_attributes,
    read_grayscale,
    read_header,
    read_kind,
)
from covidreport.images.dicom.samples import decode_samples, read_pixel_data
from covidreport.images.pixels import DAMAGE, DecodedImage, check_size
from covidreport.storage.files import open_regular

if TYPE_CHECKING:
    from pydicom import FileDataset

__all__ = ["MAGIC", "MAGIC_OFFSET", "decode_dicom", "is_dicom", "read_dicom_attributes"]

MAGIC, MAGIC_OFFSET = b"DICM", 128
"""How a DICOM file is known by its content (PS3.10 7.1)."""
_ATTRIBUTES = [
    "SOPClassUID",  # every file states it: one that doesn't is cut off
    "PatientID",
    "PatientSex",
    "PatientAge",
    "BodyPartExamined",
    "ViewPosition",
    "ViewCodeSequence",
    "SpecificCharacterSet",
]


def is_dicom(path: Path) -> bool:
    """Whether a file says that it is DICOM; False where it can't be read. Needs no extra."""
    try:
        with open_regular(path) as file:
            return file.read(MAGIC_OFFSET + len(MAGIC))[MAGIC_OFFSET:] == MAGIC
    except OSError:
        return False


def decode_dicom(data: bytes) -> DecodedImage:
    """Give a radiograph's picture: modality LUT, the first VOI view, MONOCHROME1 inverted, 8 bits.

    Its `transforms` name these steps. Raises ImageError when it is no frontal radiograph of one
    grey frame, or is damaged; UsageError when the extra `dicom` isn't installed.
    """
    with _reading(io.BytesIO(data)) as dataset:
        if not dataset:  # pydicom gives up what it has read when compressed pixels break off
            raise ImageError("truncated: the DICOM file ends within its data")
        doubts = check_kind(read_kind(dataset))
        header = read_header(dataset)
        refuse_format(header)
        check_size(header.columns, header.rows)
        grayscale = read_grayscale(dataset, header)
        pixel_data = read_pixel_data(dataset, header)
    stored = decode_samples(pixel_data, header)
    low, high = header.stored_range
    picture = Image.fromarray(
        np.take(grayscale.tabulate(low, high), stored - np.int32(low), mode="clip")
    )
    return DecodedImage(
        picture,
        "DICOM",
        header.bits_stored,
        _find_maximum(stored, header, grayscale),
        (*doubts, _describe_storage(header), *grayscale.steps),
    )


def read_dicom_attributes(path: Path) -> Mapping[str, str]:
    """Read patient_id, view, sex, age (full years) and body_part; empty where not stated.

    Pixels are not read. Raises ImageError when the file can't be read as DICOM; UsageError when the
    extra `dicom` isn't installed.
    """
    try:
        with open_regular(path) as file, _reading(file, only=_ATTRIBUTES) as dataset:
            if not dataset:
                raise ImageError("truncated: the DICOM file ends within its header")
            return read_attributes(dataset)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error


@cache
def _load_pydicom() -> ModuleType:
    """Load pydicom, whose warnings name no file: what matters of them ends as an ImageError."""
    try:
        import pydicom
    except ImportError as error:
        raise UsageError(
            "DICOM files are read with pydicom: pip install 'covidreport[dicom]'"
        ) from error
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom(\.|$)")
    return pydicom


@contextmanager
def _reading(file: BinaryIO, only: list[str] | None = None) -> Iterator[FileDataset]:
    """Open a data set, whole or some of its attributes; what pydicom raises is an ImageError."""
    pydicom = _load_pydicom()
    try:
        if only is None:
            yield pydicom.dcmread(file)
        else:
            yield pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(only))
    except pydicom.errors.InvalidDicomError as error:
        raise ImageError("not a DICOM file: the mark DICM is missing") from error
    except (pydicom.errors.BytesLengthException, *DAMAGE) as error:
        raise ImageError(f"damaged DICOM: {error}") from error


def _find_maximum(stored: NDArray[np.int32], header: Header, grayscale: Grayscale) -> int | None:
    """The largest value where the depth decides what is white; `describe_bit_depth` wants it."""
    by_depth = grayscale.voi is None and isinstance(grayscale.modality, Rescale)
    if header.bits_stored == 8 or header.signed or not by_depth:
        return None
    return int(stored.max(where=~grayscale.is_padding(stored), initial=0))


def _describe_storage(header: Header) -> str:
    sign = "signed" if header.signed else "unsigned"
    return f"{header.bits_stored} bits, {sign}, {header.syntax_name}"
