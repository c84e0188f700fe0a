from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from covidreport.errors import ImageError
from covidreport.images import decode_image
from tests.images.pictures import exif_block, noise, open_reference, save, smooth
from tests.images.test_png import TURNS


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode_image(data).picture)


def blocks(mode: str) -> Image.Image:
    """Coloured blocks, so that every channel matters."""
    bands = {"L": (), "RGB": (3,), "CMYK": (4,)}[mode]
    samples = noise(6, 7, *bands).repeat(9, 0).repeat(9, 1)
    return Image.frombytes(mode, (63, 54), samples.tobytes())


EXIF = b"Exif\0\0"
GREY = save(Image.fromarray(smooth(60, 80)), "JPEG")
PROGRESSIVE = save(Image.fromarray(smooth(60, 80)), "JPEG", progressive=True)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_pixels_equal_pillows_own_decoding(mode, subsampling, progressive):
    """Grey, colour and inks, sequential and progressive: Pillow's pixels, bit for bit."""
    options = {"progressive": progressive, "quality": 90}
    if mode != "L":
        options["subsampling"] = subsampling
    data = save(blocks(mode), "JPEG", **options)
    image = decode_image(data)
    reference = open_reference(data)
    expected = reference if mode == "L" else reference.convert("RGB")
    assert (image.format, image.bits, image.maximum) == ("JPEG", 8, None)
    assert image.picture.mode == expected.mode
    np.testing.assert_array_equal(np.asarray(image.picture), np.asarray(expected))


@pytest.mark.parametrize("stored", ["CMYK", "YCCK"])
def test_both_ways_to_store_inks_equal_pillow(stored):
    """Print shops write CMYK or YCCK; both hold the inks inverted."""
    inks = np.asarray(blocks("CMYK"))
    encoded = imagecodecs.jpeg8_encode(inks, colorspace="CMYK", outcolorspace=stored, level=95)
    data = bytes(encoded)
    np.testing.assert_array_equal(pixels(data), np.asarray(open_reference(data).convert("RGB")))


def test_colour_stored_as_rgb_is_not_taken_for_ycbcr():
    """Adobe's marker tells the two apart."""
    data = save(blocks("RGB"), "JPEG", keep_rgb=True, quality=95)
    np.testing.assert_array_equal(pixels(data), np.asarray(open_reference(data)))
    assert np.abs(pixels(data).astype(int) - np.asarray(blocks("RGB"))).mean() < 4


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture(orientation, order):
    """All eight orientations, in both byte orders, as Pillow turns them."""
    data = save(Image.fromarray(smooth(24, 40)), "JPEG", exif=EXIF + exif_block(orientation, order))
    plain = save(Image.fromarray(smooth(24, 40)), "JPEG")
    turned = ImageOps.exif_transpose(open_reference(data))
    np.testing.assert_array_equal(pixels(data), np.asarray(turned))
    if orientation > 1:
        by_hand = open_reference(plain).transpose(TURNS[orientation])
        np.testing.assert_array_equal(pixels(data), np.asarray(by_hand))


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II",
        b"XX*\0\x08\0\0\0",
        exif_block(0),
        exif_block(9),
        exif_block(6)[:30],
        b"II*\0\xff",
    ],
    ids=["none", "mark", "order", "zero", "nine", "cut", "offset"],
)
def test_damaged_exif_leaves_the_picture_as_it_is(block):
    """A reader's guess must not turn a radiograph."""
    segment = b"\xff\xe1" + struct.pack(">H", 8 + len(block)) + EXIF + block
    np.testing.assert_array_equal(pixels(GREY[:2] + segment + GREY[2:]), pixels(GREY))


@pytest.mark.parametrize("whole", [GREY, PROGRESSIVE], ids=["sequential", "progressive"])
@pytest.mark.parametrize("kept", [3, 5, 30, 200, 0.5, 0.75, -10, -2, -1])
def test_a_cut_off_file_is_truncated(whole, kept):
    """Wherever it is cut: libjpeg alone would fill the rest with grey and say nothing."""
    end = round(kept * len(whole)) if isinstance(kept, float) else kept
    with pytest.raises(ImageError, match=r"^truncated: the JPEG"):
        decode_image(whole[:end])


def test_the_end_marker_of_a_thumbnail_is_not_the_end():
    """A picture within the metadata has an end marker of its own."""
    thumbnail = save(Image.fromarray(smooth(8, 8)), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    whole = GREY[:2] + segment + GREY[2:]
    np.testing.assert_array_equal(pixels(whole), pixels(GREY))
    with pytest.raises(ImageError, match=r"^truncated"):
        decode_image(whole[:-30])


def test_bytes_after_the_end_are_passed_over():
    """Phones put a second picture behind the first."""
    np.testing.assert_array_equal(pixels(GREY + PROGRESSIVE), pixels(GREY))


def test_a_marker_within_the_compressed_data_is_damage():
    """Where libjpeg would stop decoding and leave the rest grey."""
    middle = len(GREY) - 100
    with pytest.raises(ImageError, match=r"^damaged JPEG: marker 0x05 inside"):
        decode_image(GREY[:middle] + b"\xff\x05" + GREY[middle + 2 :])


def test_restart_markers_are_part_of_the_data():
    """Files with restart intervals are ordinary."""
    data = save(Image.fromarray(smooth(60, 80)), "JPEG", restart_marker_blocks=3)
    assert b"\xff\xd0" in data
    np.testing.assert_array_equal(pixels(data), pixels(GREY))


def test_damaged_tables_are_an_image_error():
    """libjpeg's own words are kept behind ours."""
    at = GREY.index(b"\xff\xc4")
    data = GREY[: at + 5] + b"\xff" * 16 + GREY[at + 21 :]
    with pytest.raises(ImageError, match=r"^damaged JPEG: "):
        decode_image(data)


def reframe(**fields: int) -> bytes:
    """GREY with other values in its frame header (T.81, figure B.3)."""
    at = GREY.index(b"\xff\xc0") + 4
    names = ("bits", "height", "width", "components")
    values = dict(zip(names, struct.unpack_from(">BHHB", GREY, at), strict=True)) | fields
    return GREY[:at] + struct.pack(">BHHB", *values.values()) + GREY[at + 6 :]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"bits": 12}, "a JPEG of 12 bits; only 8 are read: convert it to PNG"),
        ({"components": 2}, "a JPEG of 2 components; 1, 3 or 4 are read"),
        ({"height": 0}, "no pixels: the header says 80 x 0"),
        ({"width": 0}, "no pixels: the header says 0 x 60"),
        ({"width": 40_000, "height": 40_000}, "too large: 40000 x 40000 is 1600 megapixels"),
    ],
)
def test_the_frame_header_is_judged_before_decoding(fields, reason):
    """What can't be read is refused by name, from the header alone."""
    with pytest.raises(ImageError, match=reason):
        decode_image(reframe(**fields))


def test_a_file_without_a_frame_is_damage():
    """Start and end markers alone make no picture."""
    with pytest.raises(ImageError, match="damaged JPEG: no frame header"):
        decode_image(b"\xff\xd8\xff\xd9")
