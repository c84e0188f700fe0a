"""DICOM radiographs made for the tests, and the grey that the standard gives their pixels."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import pytest

from covidreport.images.dicom import decode_dicom

pydicom = pytest.importorskip("pydicom", reason="the extra `dicom` is not installed")
uid = pytest.importorskip("pydicom.uid")

HEIGHT, WIDTH = 24, 32
RNG = np.random.default_rng(2020)
UNSIGNED_12 = RNG.integers(0, 4096, (HEIGHT, WIDTH)).astype(np.uint16)
SIGNED_12 = (UNSIGNED_12.astype(np.int16) - 2048).astype(np.int16)
SMOOTH_8 = np.add.outer(np.arange(HEIGHT) * 4, np.arange(WIDTH) * 5).astype(np.uint8)


class Codec(NamedTuple):
    """A lossless compression of 12-bit values, and its transfer syntax."""

    syntax: Any
    encode: Callable[..., bytes | bytearray]
    options: dict[str, Any]

    def compress(self, stored):
        return bytes(self.encode(stored, **self.options))


LOSSLESS = {
    "JPEG lossless": Codec(uid.JPEGLossless, imagecodecs.jpeg8_encode, {"lossless": True}),
    "JPEG lossless SV1": Codec(
        uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode, {"bitspersample": 12}
    ),
    "JPEG-LS": Codec(uid.JPEGLSLossless, imagecodecs.jpegls_encode, {}),
    "JPEG 2000": Codec(
        uid.JPEG2000Lossless,
        imagecodecs.jpeg2k_encode,
        {"codecformat": "J2K", "reversible": True, "level": 0},
    ),
}


def radiograph(stored, bits=12, syntax=uid.ExplicitVRLittleEndian, frame=None, **attributes):
    """A DX image as a file's bytes; `frame` is its compressed data, attributes replace or add."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    big = syntax == uid.ExplicitVRBigEndian
    raw = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
    dataset.PixelData = raw if frame is None else pydicom.encaps.encapsulate([frame])
    dataset["PixelData"].VR = "OB" if frame is not None or stored.dtype.itemsize == 1 else "OW"
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return write(dataset)


def write(dataset):
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def table(entries, first, bits, explicit="US"):
    """An item of a modality or VOI LUT sequence."""
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else explicit, [len(entries), first, bits])
    item.add_new("LUTData", "US", [int(entry) for entry in entries])
    return item


def pixels(data):
    return np.asarray(decode_dicom(data).picture)


# The standard's formulas, one pixel at a time and in exact fractions, for output from 0 to 255.


def linear(x, c, w):
    """PS3.3 C.11.2.1.2.1, as its pseudo-code has it."""
    x, c, w = Fraction(x), Fraction(c), Fraction(w)
    half = Fraction(1, 2)
    if x <= c - half - (w - 1) / 2:
        return Fraction(0)
    if x > c - half + (w - 1) / 2:
        return Fraction(255)
    return ((x - (c - half)) / (w - 1) + half) * 255


def linear_exact(x, c, w):
    """PS3.3 C.11.2.1.3.2."""
    x, c, w = Fraction(x), Fraction(c), Fraction(w)
    if x <= c - w / 2:
        return Fraction(0)
    if x > c + w / 2:
        return Fraction(255)
    return ((x - c) / w + Fraction(1, 2)) * 255


def sigmoid(x, c, w):
    """PS3.3 C.11.2.1.3.1."""
    power = -4 * (float(x) - float(c)) / float(w)
    return Fraction(0) if power > 700 else Fraction(255 / (1 + math.exp(power)))


FORMULAS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


def assert_nearest(shown, exact):
    """Each 8-bit grey is the whole number nearest to the exact one."""
    assert len(shown) == len(exact)
    tolerance = Fraction(1, 2) + Fraction(1, 10**9)
    for grey, wanted in zip(shown, exact, strict=True):
        assert abs(int(grey) - wanted) <= tolerance
