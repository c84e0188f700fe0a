from __future__ import annotations

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images import decode_image
from tests.images.pictures import exif_block, noise, save, smooth

GREY, COLOUR = noise(20, 33), noise(20, 33, 3)
CLEAR = np.dstack([COLOUR, np.full((20, 33), 255, np.uint8)])
HOLED = CLEAR.copy()
HOLED[3, 4, 3] = 0
FRAMES = {"save_all": True, "append_images": [Image.fromarray(smooth(20, 33))]}


def decode(data, name):
    """The pixels, as an array."""
    image = decode_image(data)
    assert (image.format, image.bits, image.maximum) == (name, 8, None)
    return np.asarray(image.picture)


def write_bmp(samples, bits=32, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)):
    """A BMP by hand with a channel of transparency, as Windows writes them (V4 header)."""
    height, width = samples.shape[:2]
    rows = samples[::-1, :, [2, 1, 0, 3]].tobytes()
    head = struct.pack("<IiiHHIIiiII", 108, width, height, 1, bits, 3, len(rows), 0, 0, 0, 0)
    head += struct.pack("<4I", *masks) + bytes(52)
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(rows), 0, 0, 122) + head + rows


@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_bmp_is_its_samples(picture):
    """Grey by its palette; imagecodecs' own reader says the same of colour."""
    data = save(Image.fromarray(picture), "BMP")
    np.testing.assert_array_equal(decode(data, "BMP"), picture)
    if picture is COLOUR:
        np.testing.assert_array_equal(decode(data, "BMP"), imagecodecs.bmp_decode(data))


@pytest.mark.parametrize("how", [{"lossless": True}, {"quality": 80}], ids=["lossless", "lossy"])
def test_a_webp_is_what_libwebp_makes_of_it(how):
    """By imagecodecs, which calls it another way; without loss the samples themselves."""
    data = save(Image.fromarray(COLOUR), "WEBP", **how)
    np.testing.assert_array_equal(decode(data, "WebP"), imagecodecs.webp_decode(data)[..., :3])
    if "lossless" in how:
        np.testing.assert_array_equal(decode(data, "WebP"), COLOUR)


@pytest.mark.parametrize("interlace", [False, True])
def test_a_gif_is_its_colours(interlace):
    """Grey of 256 values as it was; a palette as imagecodecs' giflib looks it up."""
    data = save(Image.fromarray(GREY), "GIF", interlace=interlace)
    grey = decode(data, "GIF")
    np.testing.assert_array_equal(grey if grey.ndim == 2 else grey[..., 0], GREY)
    data = save(Image.fromarray(COLOUR).quantize(100), "GIF", interlace=interlace)
    np.testing.assert_array_equal(decode(data, "GIF"), imagecodecs.gif_decode(data)[..., :3])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_is_turned_upright(orientation):
    """By EXIF, as JPEG is."""
    block = b"Exif\0\0" + exif_block(orientation)
    data = save(Image.fromarray(COLOUR), "WEBP", lossless=True, exif=block)
    jpeg = save(Image.fromarray(COLOUR), "JPEG", exif=block)
    turned = decode_image(jpeg).picture
    pixels = decode(data, "WebP")
    assert pixels.shape[:2] == (turned.height, turned.width)
    corners = {tuple(pixels[y, x]) for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1))}
    assert corners == {tuple(COLOUR[y, x]) for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1))}
    where = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1),
             8: (-1, 0)}[orientation]  # fmt: skip
    assert tuple(pixels[where]) == tuple(COLOUR[0, 0])


def test_transparency_that_hides_nothing_is_left_behind():
    """Opaque all over."""
    data = save(Image.fromarray(CLEAR), "WEBP", lossless=True)
    np.testing.assert_array_equal(decode(data, "WebP"), COLOUR)
    np.testing.assert_array_equal(decode(write_bmp(CLEAR), "BMP"), COLOUR)


def cut_frame(data):
    """A GIF whose only frame is a pixel narrower than its picture says."""
    screen = struct.pack("<HH", 34, 20)
    return data[:6] + screen + data[10:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (save(Image.fromarray(HOLED), "WEBP", lossless=True, exact=True), "transparent pixels"),
        (write_bmp(HOLED), "a BMP with transparent pixels"),
        (write_bmp(np.dstack([COLOUR, np.zeros((20, 33), np.uint8)])), "transparent pixels"),
        (save(Image.fromarray(GREY), "GIF", transparency=int(GREY[0, 0])), "transparent pixels"),
        (save(Image.fromarray(GREY), "GIF", **FRAMES), "a GIF of several pictures"),
        (save(Image.fromarray(GREY), "WEBP", **FRAMES), "a WebP of several pictures"),
        (cut_frame(save(Image.fromarray(GREY), "GIF")), "does not fill its picture"),
        (save(Image.fromarray(GREY), "GIF")[:-1], "truncated: the GIF has no end mark"),
        (save(Image.fromarray(GREY), "BMP")[:-1], "truncated: the BMP is shorter"),
        (save(Image.fromarray(COLOUR), "WEBP")[:-1], "truncated: the WebP is shorter"),
        (b"RIFF\x20\0\0\0WEBPVP8X" + bytes(24), "no pixels|damaged WebP"),
        (b"BM" + bytes(60), "damaged BMP"),
        (b"GIF89a" + bytes(20) + b";", "damaged GIF|no pixels"),
    ],
)
def test_what_cannot_be_trusted_is_refused_by_name(data, reason):
    """A failed image with its reason."""
    with pytest.raises(ImageError, match=reason):
        decode_image(data)


def test_run_lengths_are_no_bmp_that_is_read():
    """What such a file does not paint would be black, and no pixel of anything."""
    data = bytearray(save(Image.fromarray(COLOUR).quantize(16), "BMP"))
    struct.pack_into("<I", data, 30, 1)
    with pytest.raises(ImageError, match="a compressed BMP"):
        decode_image(bytes(data))


@pytest.mark.parametrize("name", ["BMP", "GIF", "WebP", "TIFF"])
def test_a_size_beyond_the_limit_is_refused_before_anything_is_decoded(name):
    """By the header, so that no room is made: 16,384 times 16,384 is more than any detector has."""
    picture = Image.fromarray(GREY)
    data = bytearray(
        save(picture, "WEBP", lossless=True) if name == "WebP" else save(picture, name)
    )
    if name == "BMP":
        struct.pack_into("<ii", data, 18, 16384, 16384)
    elif name == "GIF":
        struct.pack_into("<HH", data, 6, 16384, 16384)
    elif name == "WebP":
        struct.pack_into("<I", data, 21, 0x3FFF | 0x3FFF << 14)
    else:
        data = bytearray(bytes(data).replace(
            struct.pack("<HHI", 256, 4, 1) + struct.pack("<I", 33),
            struct.pack("<HHI", 256, 4, 1) + struct.pack("<I", 10_000_000)))  # fmt: skip
    with pytest.raises(ImageError, match="too large"):
        decode_image(bytes(data))


def test_a_bomb_that_compresses_well_is_bounded_by_its_size():
    """Deflate within a TIFF: what it holds beyond the stated size is never made."""
    sink = io.BytesIO()
    Image.fromarray(GREY).save(sink, "TIFF", compression="tiff_adobe_deflate")
    data = sink.getvalue()
    bomb = zlib.compress(bytes(50_000_000))
    at = data.index(b"\x78")
    damaged = data[:at] + bomb + data[at:]
    with pytest.raises(ImageError):
        decode_image(damaged)
