"""The same stored values from every transfer syntax, depth and sign."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images.dicom import decode_dicom
from covidreport.images.dicom.samples import _DECODERS
from tests.images.radiographs import (
    HEIGHT,
    LOSSLESS,
    SIGNED_12,
    SMOOTH_8,
    UNSIGNED_12,
    WIDTH,
    pixels,
    pydicom,
    radiograph,
    uid,
    write,
)


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("stored", [UNSIGNED_12, SIGNED_12], ids=["unsigned", "signed"])
def test_byte_order_and_encoding_change_nothing(syntax, stored):
    """All uncompressed syntaxes give the picture of the explicit little-endian one."""
    assert np.array_equal(pixels(radiograph(stored, syntax=syntax)), pixels(radiograph(stored)))


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_8_bit_pixels_in_big_endian_words_are_in_order(vr):
    """PS3.5 8.2: in words, the bytes of two neighbours are swapped; pydicom is the reference."""
    dataset = pydicom.dcmread(io.BytesIO(radiograph(SMOOTH_8, 8, uid.ExplicitVRBigEndian)))
    dataset["PixelData"].VR = vr
    data = write(dataset)
    assert np.array_equal(pixels(data), pydicom.dcmread(io.BytesIO(data)).pixel_array)


@pytest.mark.parametrize(("stored", "bits"), [(UNSIGNED_12, 12), (SIGNED_12, 12), (SMOOTH_8, 8)])
def test_rle_gives_the_stored_values(stored, bits):
    """One and two bytes a pixel, compressed by pydicom's own encoder."""
    dataset = pydicom.dcmread(io.BytesIO(radiograph(stored, bits)))
    dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
    assert np.array_equal(pixels(write(dataset)), pixels(radiograph(stored, bits)))


@pytest.mark.parametrize("codec", LOSSLESS)
def test_lossless_codecs_give_the_stored_values(codec):
    """12 bits, compressed and read back without a difference."""
    frame = LOSSLESS[codec].compress(UNSIGNED_12)
    data = radiograph(UNSIGNED_12, syntax=LOSSLESS[codec].syntax, frame=frame)
    assert np.array_equal(pixels(data), pixels(radiograph(UNSIGNED_12)))


@pytest.mark.parametrize("codec", ["JPEG lossless", "JPEG-LS"])
def test_a_codec_without_sign_carries_signed_values(codec):
    """JPEG knows no sign: its 16 bits are read as two's complement where the header says so."""
    stored = SIGNED_12 * np.int16(16)
    frame = LOSSLESS[codec].compress(stored.view(np.uint16))
    data = radiograph(stored, 16, LOSSLESS[codec].syntax, frame)
    assert np.array_equal(pixels(data), pixels(radiograph(stored, 16)))


def test_jpeg_2000_carries_its_own_sign():
    """A signed codestream in a signed file."""
    codec = LOSSLESS["JPEG 2000"]
    data = radiograph(SIGNED_12, syntax=codec.syntax, frame=codec.compress(SIGNED_12))
    assert np.array_equal(pixels(data), pixels(radiograph(SIGNED_12)))


def test_baseline_jpeg_gives_what_pillow_decodes():
    """8 bits, lossy: Pillow reads the same frame."""
    frame = imagecodecs.jpeg8_encode(SMOOTH_8, level=80)
    data = radiograph(SMOOTH_8, 8, uid.JPEGBaseline8Bit, frame)
    assert np.array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(frame))))


def test_extended_jpeg_of_12_bits_is_read_within_its_loss():
    """A smooth ramp at high quality comes back within two of 255 greys."""
    ramp = SMOOTH_8.astype(np.uint16) * 16
    frame = imagecodecs.jpeg8_encode(ramp, level=98, bitspersample=12)
    shown = pixels(radiograph(ramp, 12, uid.JPEGExtended12Bit, frame)).astype(int)
    assert np.abs(shown - pixels(radiograph(ramp)).astype(int)).max() <= 2


def test_near_lossless_jpeg_ls_is_read_within_its_loss():
    """At most 3 of 4095 apart: less than one grey."""
    frame = imagecodecs.jpegls_encode(UNSIGNED_12, level=3)
    shown = pixels(radiograph(UNSIGNED_12, 12, uid.JPEGLSNearLossless, frame)).astype(int)
    assert np.abs(shown - pixels(radiograph(UNSIGNED_12)).astype(int)).max() <= 1


def test_values_above_the_stored_bits_are_clipped_not_wrapped():
    """A lossy codestream of 16 bits in a 12-bit file may overshoot: white stays white."""
    over = np.full((HEIGHT, WIDTH), 4100, np.uint16)
    data = radiograph(over, 12, uid.JPEG2000, LOSSLESS["JPEG 2000"].compress(over))
    assert (pixels(data) == 255).all()


MARKED = UNSIGNED_12 | (UNSIGNED_12 % 5 == 0).astype(np.uint16) << 12
"""An overlay in bit 12."""


@pytest.mark.parametrize("bit", [12, 15])
@pytest.mark.parametrize("codec", [None, *(name for name in LOSSLESS if "SV1" not in name)])
def test_bits_above_the_stored_ones_are_no_part_of_the_pixel(codec, bit):
    """An overlay there changes nothing, however the file is compressed without loss."""
    marked = UNSIGNED_12 | (MARKED & np.uint16(1 << 12)) << (bit - 12)
    data = radiograph(marked)
    if codec is not None:
        data = radiograph(marked, 12, LOSSLESS[codec].syntax, LOSSLESS[codec].compress(marked))
    assert np.array_equal(pixels(data), pixels(radiograph(UNSIGNED_12)))


@pytest.mark.parametrize(
    ("marked", "bit"),
    [(MARKED | (MARKED & 4096) << 3, None), (MARKED, 12), (UNSIGNED_12, 12)],
)
def test_an_overlay_under_loss_is_refused(marked, bit):
    """It rings into the pixels beside it; bit 15 is no overshoot of a codec."""
    frame = LOSSLESS["JPEG 2000"].compress(marked)
    dataset = pydicom.dcmread(io.BytesIO(radiograph(marked, 12, uid.JPEG2000, frame)))
    if bit is not None:
        dataset.add_new((0x6000, 0x0100), "US", 16)
        dataset.add_new((0x6000, 0x0102), "US", bit)
    with pytest.raises(ImageError, match="an overlay in the unused bits"):
        decode_dicom(write(dataset))


@pytest.mark.parametrize("bits", range(8, 17))
def test_8_to_16_stored_bits_are_read(bits):
    """The highest value of each depth is white, and the depth is stated."""
    stored = np.array([[0, 2**bits - 1]], np.uint16)
    image = decode_dicom(radiograph(stored, bits))
    assert np.asarray(image.picture).tolist() == [[0, 255]]
    assert image.bits == bits
    assert image.format == "DICOM"


def test_no_codec_of_a_copyleft_licence_is_asked_for():
    """imagecodecs reads them all; of pydicom's plug-ins pylibjpeg-libjpeg is under the GPL."""
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(name for extra in extras.values() for name in extra)]
    asked += (root / "constraints.txt").read_text().splitlines()
    names = {re.split(r"[^a-z0-9-]", name.lower().replace("_", "-"))[0] for name in asked}
    assert {"imagecodecs", "pydicom"} <= names
    assert "pylibjpeg-libjpeg" not in names
    assert {decoder.__module__.split(".")[0] for decoder in _DECODERS.values()} == {"imagecodecs"}


@pytest.mark.parametrize("bits", [12, 14, 16])
def test_a_file_without_a_view_states_its_largest_value(bits):
    """Elsewhere the file itself says what is white, so nothing hangs on the bits in use."""
    assert decode_dicom(radiograph(UNSIGNED_12, bits)).peak == (int(UNSIGNED_12.max()), bits)
    padded = radiograph(UNSIGNED_12, bits, PixelPaddingValue=int(UNSIGNED_12.max()))
    assert decode_dicom(padded).maximum == int(np.unique(UNSIGNED_12)[-2])
    assert decode_dicom(radiograph(SMOOTH_8, 8)).peak is None
    windowed = radiograph(UNSIGNED_12, 16, WindowCenter=2048, WindowWidth=4096)
    assert decode_dicom(windowed).maximum is None
