"""A small DICOM picture, and spoiled ones; None where pydicom is not installed."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

HAS_DICOM = importlib.util.find_spec("pydicom") is not None


def write_dicom(
    pixels: NDArray[np.uint8], *, syntax: str | None = None, without: tuple[str, ...] = (),
    **tags: Any,
) -> bytes | None:  # fmt: skip
    """A DICOM file of these grey values; `tags` are set, those of `without` left out."""
    if not HAS_DICOM:
        return None
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = Dataset()
    image.file_meta = meta
    image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    image.Modality = "DX"
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(image, name, value)
    for name in without:
        delattr(image, name)
    sink = io.BytesIO()
    image.save_as(sink, enforce_file_format=True)
    data = sink.getvalue()
    if syntax is not None:
        old = ExplicitVRLittleEndian.encode()
        data = data.replace(old, syntax.encode().ljust(len(old), b"\0")[: len(old)], 1)
    return data
