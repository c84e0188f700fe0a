"""Radiographs that others ship, in pydicom and pydicom-data; nothing is downloaded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from covidreport.errors import ImageError
from covidreport.images.dicom import decode_dicom
from covidreport.images.dicom.header import read_grayscale, read_header
from tests.images.radiographs import assert_nearest, linear, pixels, pydicom

pytest.importorskip("pydicom.data")
pytest.importorskip("pydicom.pixels.processing")


def shipped(name):
    """A file of pydicom or pydicom-data; nothing is downloaded."""
    path = pydicom.data.get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is in the package pydicom-data, which is not installed")
    return Path(path)


@pytest.mark.parametrize("name", ["CR2/6247", "CR3/6278"])
def test_the_radiographs_in_pydicom_are_shown_by_the_formula(name):
    """MONOCHROME1, slope 0.684 and intercept 200, window 1600 / 2800."""
    path = shipped(f"dicomdirtests/77654033/{name}")
    dataset = pydicom.dcmread(path)
    stored = np.frombuffer(dataset.PixelData, "<u2").tolist()
    slope, intercept = Fraction("0.684"), Fraction(200)
    assert Fraction(str(dataset.RescaleSlope)) == slope
    exact = [255 - linear(slope * x + intercept, 1600, 2800) for x in stored]
    assert_nearest(pixels(path.read_bytes()).ravel(), exact)


def test_the_lateral_radiograph_in_pydicom_is_refused():
    """ViewPosition LL."""
    path = shipped("dicomdirtests/77654033/CR1/6154")
    with pytest.raises(ImageError, match="left lateral"):
        decode_dicom(path.read_bytes())


@pytest.mark.parametrize(("name", "shape"), [("RG1", (1955, 1841)), ("RG3", (1760, 1760))])
def test_full_size_radiographs_are_shown_by_the_formula_from_every_encoding(name, shape):
    """15 and 10 bits, MONOCHROME1: raw and lossless JPEG 2000 are equal, lossy is near."""
    path = shipped(f"{name}_UNCR.dcm")
    dataset = pydicom.dcmread(path)
    stored = np.frombuffer(dataset.PixelData, "<u2", shape[0] * shape[1]).reshape(shape)
    center, width = float(dataset.WindowCenter), float(dataset.WindowWidth)
    exact = 255 - 255 * np.clip((stored - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    shown = pixels(path.read_bytes())
    assert np.abs(shown - exact).max() <= 0.5 + 1e-9
    assert np.array_equal(pixels(shipped(f"{name}_J2KR.dcm").read_bytes()), shown)
    lossy = pixels(shipped(f"{name}_J2KI.dcm").read_bytes()).astype(int)
    assert np.abs(lossy - shown).mean() < 1


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm"])
def test_tables_agree_with_pydicom_s(name):
    """A modality LUT and a VOI LUT as pydicom applies them, scaled from the table's bits."""
    dataset = pydicom.dcmread(shipped(name))
    header = read_header(dataset)
    grayscale = read_grayscale(dataset, header)
    stored = dataset.pixel_array
    sequence = dataset.get("VOILUTSequence") or dataset.ModalityLUTSequence
    white = 2 ** int(sequence[0].LUTDescriptor[2]) - 1
    processing = pydicom.pixels.processing
    theirs = processing.apply_voi_lut(processing.apply_modality_lut(stored, dataset), dataset)
    low, high = header.stored_range
    ours = grayscale.tabulate(low, high)[stored.astype(np.int64) - low]
    assert np.abs(ours - 255 * theirs.astype(np.float64) / white).max() <= 0.5 + 1e-9
