from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images import decode_image
from tests.images.pictures import exif_block, noise, open_reference, save, smooth, write_tiff

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, INKS = 0, 1, 2, 3, 5
GREY, COLOUR = noise(20, 33), noise(20, 33, 3)
DEEP = noise(20, 33, high=65536)


def decode(data):
    """The pixels, as an array."""
    image = decode_image(data)
    assert image.format == "TIFF"
    return np.asarray(image.picture)


def narrow(samples):
    """16 bits as 8, as PNG's are: 65535 is 255."""
    return np.rint(samples / 257).astype(np.uint8)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_eight_bits_are_the_samples_themselves(picture, compression):
    """Whatever they are packed as."""
    data = save(Image.fromarray(picture), "TIFF", compression=compression)
    np.testing.assert_array_equal(decode(data), picture)


@pytest.mark.parametrize("picture", [smooth(40, 56), noise(40, 56, 3)], ids=["grey", "colour"])
def test_jpeg_in_a_tiff_is_what_pillow_makes_of_it(picture):
    """YCbCr among them."""
    data = save(Image.fromarray(picture), "TIFF", compression="jpeg", quality=90)
    np.testing.assert_array_equal(decode(data), np.asarray(open_reference(data)))


def test_a_palette_is_looked_up():
    """As in GIF: each index is its colour."""
    data = save(Image.fromarray(COLOUR).quantize(200), "TIFF")
    np.testing.assert_array_equal(decode(data), np.asarray(open_reference(data).convert("RGB")))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [0, 16])
def test_sixteen_bits_become_eight_as_those_of_png(order, tile):
    """In both byte orders, in strips and in tiles; the largest value is kept for the audit."""
    data = write_tiff(DEEP, BLACK_IS_ZERO, order=order, tile=tile)
    np.testing.assert_array_equal(decode(data), narrow(DEEP))
    assert decode_image(data).maximum == DEEP.max()
    assert decode_image(data).bits == 16


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("samples", [GREY, DEEP], ids=["8", "16"])
def test_white_is_zero_is_inverted(samples, order):
    """Pillow inverts 8 bits and leaves 16 as they are: a negative, without a word."""
    data = write_tiff(samples, WHITE_IS_ZERO, order=order)
    plain = 255 - samples if samples is GREY else narrow(65535 - samples)
    np.testing.assert_array_equal(decode(data), plain)


def test_colour_of_sixteen_bits_is_rounded():
    """Pillow drops the lower half of each sample."""
    samples = noise(20, 33, 3, high=65536)
    np.testing.assert_array_equal(decode(write_tiff(samples, RGB)), narrow(samples))


def test_channels_that_are_stored_apart_are_put_together():
    """Planar configuration 2: all of red, then of green, then of blue."""
    apart = np.moveaxis(COLOUR, 2, 0).reshape(60, 33)
    begins, sizes = (8, 8 + 660, 8 + 1320), (660,) * 3
    tags = {257: (20,), 258: (8, 8, 8), 273: begins, 277: (3,), 278: (20,), 279: sizes, 284: (2,)}
    np.testing.assert_array_equal(decode(write_tiff(apart, RGB, tags=tags)), COLOUR)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_once(orientation):
    """By its own tag, as JPEG is by EXIF's."""
    jpeg = save(Image.fromarray(smooth(24, 32)), "JPEG", exif=b"Exif\0\0" + exif_block(orientation))
    data = write_tiff(smooth(24, 32), BLACK_IS_ZERO, tags={274: (orientation,)})
    upright = decode_image(save(Image.fromarray(smooth(24, 32)), "JPEG")).picture
    turned = decode_image(jpeg).picture
    assert decode(data).shape == np.asarray(turned).shape
    near = np.abs(decode(data).astype(int) - np.asarray(turned).astype(int)).mean()
    assert near < 3
    assert (orientation == 1) == (turned.tobytes() == upright.tobytes())


@pytest.mark.parametrize("extra", [(), (1,), (2,)])
def test_a_fourth_channel_that_hides_nothing_is_left_behind(extra):
    """Opaque all over, whether the file says what it is or not."""
    opaque = np.dstack([COLOUR, np.full((20, 33), 255, np.uint8)])
    np.testing.assert_array_equal(decode(write_tiff(opaque, RGB, tags={338: extra})), COLOUR)


def test_a_fourth_channel_that_means_nothing_is_left_behind():
    """ExtraSamples 0: it is no transparency, whatever stands there."""
    odd = np.dstack([COLOUR, GREY])
    np.testing.assert_array_equal(decode(write_tiff(odd, RGB, tags={338: (0,)})), COLOUR)


EMPTY = np.zeros((20, 33), np.uint8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (write_tiff(np.dstack([COLOUR, EMPTY]), RGB), "with transparent pixels"),
        (write_tiff(np.dstack([GREY, GREY]), BLACK_IS_ZERO, tags={338: (2,)}), "transparent"),
        (write_tiff(GREY.astype(np.float32), 1, tags={339: (3,)}), "floating-point samples"),
        (write_tiff(DEEP.astype(np.int16), 1, tags={339: (2,)}), "signed samples"),
        (write_tiff(DEEP.astype(np.uint32), 1), "32 bits a sample; 8 and 16 are read"),
        (write_tiff(DEEP, 1, tags={258: (12,)}), "12 bits a sample; 8 and 16 are read"),
        (save(Image.fromarray(GREY > 99), "TIFF"), "1 bits a sample"),
        (write_tiff(np.dstack([COLOUR, GREY]), INKS), "a TIFF of inks"),
        (write_tiff(GREY, None), "tags that it needs are missing or damaged"),
        (write_tiff(GREY, 1, tags={256: (60_000,), 257: (60_000,)}), "too large: 60000 x 60000"),
        (write_tiff(GREY, 1, tags={256: (0,)}), "missing or damaged|no pixels"),
        (write_tiff(GREY, 1, tags={257: (21,)}), "damaged TIFF"),
        (write_tiff(GREY, 1, page=8), "several pages"),
        (save(Image.fromarray(GREY), "TIFF", save_all=True,
              append_images=[Image.fromarray(GREY)]), "several pages"),
        (b"II+\0" + bytes(40), "a BigTIFF file"),
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused_by_name(data, reason):
    """A failed image with its reason, never a guess at what is black."""
    with pytest.raises(ImageError, match=reason):
        decode_image(data)


def test_directories_that_lead_in_circles_end():
    """A page that says that it is its own successor."""
    data = bytearray(write_tiff(GREY, 1))
    directory = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, directory)[0]
    struct.pack_into("<I", data, directory + 2 + 12 * count, directory)
    with pytest.raises(ImageError, match="several pages"):
        decode_image(bytes(data))
