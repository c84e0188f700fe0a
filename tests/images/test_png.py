from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images import decode_image, png
from covidreport.images.pixels import MAX_PIXELS
from tests.images.pictures import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    SIGNATURE,
    chunk,
    exif_block,
    insert_chunk,
    noise,
    on_black,
    open_reference,
    save,
    write_png,
)

COLOURS = chunk(b"PLTE", noise(4 * 3, seed=3).tobytes())


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode_image(data).picture)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_of_each_depth_spans_black_to_white(bits, interlaced):
    """A sample of k bits becomes value * 255 / (2^k - 1): the largest is white at every depth."""
    samples = noise(13, 21, high=2**bits)
    data = write_png(samples, bits, GREY, interlaced=interlaced)
    image = decode_image(data)
    assert (image.picture.mode, image.bits, image.maximum) == ("L", bits, None)
    np.testing.assert_array_equal(pixels(data), samples * (255 // (2**bits - 1)))
    np.testing.assert_array_equal(pixels(data), np.asarray(open_reference(data).convert("L")))


@pytest.mark.parametrize("interlaced", [False, True])
def test_rgb_is_kept_as_stored(interlaced):
    """The samples that were written are the ones that are read."""
    samples = noise(13, 21, 3)
    data = write_png(samples, 8, RGB, interlaced=interlaced)
    assert decode_image(data).picture.mode == "RGB"
    np.testing.assert_array_equal(pixels(data), samples)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_opaque_pictures_equal_pillows_own_decoding(mode, level):
    """Every mode that Pillow writes gives Pillow's own grey pixels, bit for bit."""
    picture = Image.fromarray(np.repeat(np.repeat(noise(9, 11, 3), 7, 0), 7, 1)).convert(mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(255)
    data = save(picture, "PNG", compress_level=level)
    ours = decode_image(data).picture
    np.testing.assert_array_equal(
        np.asarray(ours.convert("L")), np.asarray(open_reference(data).convert("L"))
    )


@pytest.mark.parametrize(("channels", "colour"), [(2, GREY_ALPHA), (4, RGB_ALPHA)])
@pytest.mark.parametrize("bits", [8, 16])
def test_transparency_is_put_on_black(bits, channels, colour):
    """colour * alpha, rounded: what is transparent gives no signal."""
    samples = noise(16, 18, channels, high=2**bits)
    data = write_png(samples, bits, colour)
    expected = on_black(samples, 2**bits - 1)
    np.testing.assert_array_equal(pixels(data), expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_is_looked_up(bits):
    """Indices become the palette's colours, at every depth."""
    indices = noise(10, 12, high=min(4, 2**bits))
    data = write_png(indices, bits, PALETTE, extra=COLOURS)
    table = np.frombuffer(noise(4 * 3, seed=3).tobytes(), np.uint8).reshape(4, 3)
    np.testing.assert_array_equal(pixels(data), table[indices])


def test_transparent_palette_entries_are_put_on_black():
    """tRNS gives alpha for the first entries; the rest are opaque."""
    indices = noise(10, 12, high=4)
    table = np.frombuffer(noise(4 * 3, seed=3).tobytes(), np.uint8).reshape(4, 3)
    alpha = np.array([0, 128, 255, 255], np.uint8)
    data = write_png(indices, 8, PALETTE, extra=COLOURS + chunk(b"tRNS", alpha[:3].tobytes()))
    expected = on_black(np.dstack([table[indices], alpha[indices]]), 255)
    np.testing.assert_array_equal(pixels(data), expected)


@pytest.mark.parametrize("bits", [8, 16])
def test_one_transparent_grey_becomes_black(bits):
    """The grey that tRNS names is transparent; its neighbours are not."""
    value = 2**bits - 2
    samples = np.array([[value - 1, value], [value + 1, 0]], f"u{bits // 8}")
    data = write_png(samples, bits, GREY, extra=chunk(b"tRNS", struct.pack(">H", value)))
    scale = 255 / (2**bits - 1)
    expected = np.rint(np.where(samples == value, 0, samples) * scale).astype(np.uint8)
    np.testing.assert_array_equal(pixels(data), expected)


@pytest.mark.parametrize(("channels", "colour"), [(1, GREY), (3, RGB)])
def test_sixteen_bits_are_divided_by_257_and_rounded(channels, colour):
    """All 65536 values: value / 257 to the nearest; none is clipped, no low byte is dropped."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    samples = np.repeat(values[:, :, np.newaxis], channels, axis=2)
    image = decode_image(write_png(samples, 16, colour))
    assert (image.bits, image.maximum) == (16, 65535)
    expected = np.rint(values / 257).astype(np.uint8)
    for channel in np.atleast_3d(np.asarray(image.picture)).transpose(2, 0, 1):
        np.testing.assert_array_equal(channel, expected)


def test_maximum_of_a_16_bit_file_leaves_transparency_out():
    """An opaque alpha of 65535 says nothing about how many bits the picture uses."""
    samples = np.dstack([noise(5, 5, high=4096), np.full((5, 5), 65535, np.uint16)])
    image = decode_image(write_png(samples, 16, GREY_ALPHA))
    assert image.maximum == int(samples[:, :, 0].max())


@pytest.mark.parametrize("width", range(1, 10))
@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 9])
def test_interlaced_pictures_of_every_small_size(height, width):
    """Passes without rows or columns are left out of the file, and 16 bits are kept."""
    samples = noise(height, width, high=65536)
    data = write_png(samples, 16, GREY, interlaced=True)
    np.testing.assert_array_equal(pixels(data), np.rint(samples / 257).astype(np.uint8))


def test_interlaced_palette_with_transparency():
    """Every pass is looked up in the same palette."""
    indices = noise(11, 13, high=4)
    extra = COLOURS + chunk(b"tRNS", b"\x40\x00")
    plain = write_png(indices, 2, PALETTE, extra=extra)
    woven = write_png(indices, 2, PALETTE, extra=extra, interlaced=True)
    np.testing.assert_array_equal(pixels(woven), pixels(plain))


def test_an_index_without_a_colour_is_black():
    """A palette may be shorter than its depth allows."""
    indices = np.array([[0, 3, 4, 255]], np.uint8)
    data = write_png(indices, 8, PALETTE, extra=COLOURS)
    assert pixels(data)[0, 2:].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert pixels(data)[0, 0].any()


@pytest.mark.parametrize(
    ("colour", "extra"),
    [(PALETTE, b""), (PALETTE, chunk(b"PLTE", b"1234")), (GREY, chunk(b"tRNS", b"1"))],
)
def test_missing_or_misshapen_colours_are_damage(colour, extra):
    """A palette must be there and hold whole colours; a transparent colour must be a whole one."""
    with pytest.raises(ImageError, match=r"^damaged PNG: (no valid palette|transparency)"):
        decode_image(write_png(noise(3, 3, high=4), 8, colour, extra=extra))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_chunk_turns_the_picture(orientation, order):
    """eXIf is heeded in both byte orders, before or after the pixels, as Pillow turns it."""
    samples = noise(6, 9, 3)
    plain = write_png(samples, 8, RGB)
    block = exif_block(orientation, order)
    expected = np.asarray(
        Image.fromarray(samples)
        if orientation == 1
        else Image.fromarray(samples).transpose(TURNS[orientation])
    )
    np.testing.assert_array_equal(pixels(insert_chunk(plain, b"eXIf", block)), expected)
    np.testing.assert_array_equal(pixels(insert_chunk(plain, b"eXIf", block, b"IEND")), expected)


# EXIF 2.32, 4.6.4: where row 0 and column 0 of the file lie in the scene
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("kept_bytes", [0, 1000, 1 << 20])
def test_one_picture_leaves_nothing_behind_for_the_next(monkeypatch, kept_bytes):
    """Memory is used again from image to image; pictures that are still in use don't change."""
    monkeypatch.setattr(png, "_BUFFER_BYTES", kept_bytes)
    shapes = [(90, 80), (5, 7), (90, 80, 3), (1, 1), (300, 250), (31, 33, 3)]
    pictures = [noise(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    decoded = [decode_image(write_png(p, 8, RGB if p.ndim == 3 else GREY)) for p in pictures]
    for picture, image in zip(pictures, decoded, strict=True):
        np.testing.assert_array_equal(np.asarray(image.picture), picture)


def test_text_and_profiles_are_passed_over():
    """Chunks that don't make pixels never reach a decoder, however odd they are."""
    samples = noise(6, 9)
    data = write_png(samples, 8, GREY)
    for kind, body in ((b"tEXt", b"no separator"), (b"iCCP", b"junk"), (b"acTL", b"\xff" * 8)):
        data = insert_chunk(data, kind, body)
    np.testing.assert_array_equal(pixels(data), samples)


def test_data_split_over_many_chunks_is_joined():
    """An encoder may cut the pixel data anywhere."""
    samples = noise(30, 40)
    whole = write_png(samples, 8, GREY)
    start = whole.index(b"IDAT")
    (n_bytes,) = struct.unpack_from(">I", whole, start - 4)
    body = whole[start + 4 : start + 4 + n_bytes]
    parts = b"".join(chunk(b"IDAT", body[at : at + 7]) for at in range(0, n_bytes, 7))
    data = whole[: start - 4] + parts + chunk(b"IEND", b"")
    np.testing.assert_array_equal(pixels(data), samples)


def test_what_follows_the_end_is_passed_over():
    """Bytes after IEND are no part of the picture."""
    samples = noise(6, 9)
    np.testing.assert_array_equal(pixels(write_png(samples, 8, GREY) + b"more"), samples)


WHOLE = save(Image.fromarray(noise(40, 50)), "PNG")


@pytest.mark.parametrize("kept", [9, 20, 33, 40, len(WHOLE) // 2, len(WHOLE) - 12, len(WHOLE) - 1])
def test_a_cut_off_file_is_truncated(kept):
    """Wherever it is cut, even within the end chunk."""
    with pytest.raises(ImageError, match=r"^truncated: the PNG ends"):
        decode_image(WHOLE[:kept])


@pytest.mark.parametrize("position", [18, 29, 60, len(WHOLE) // 2, len(WHOLE) - 20])
def test_one_wrong_bit_is_damage(position):
    """Every checksum is verified: header, data and their own four bytes."""
    data = bytearray(WHOLE)
    data[position] ^= 1
    with pytest.raises(ImageError, match="checksum"):
        decode_image(bytes(data))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "damaged PNG: its pixel data can't be inflated"),
        (b"junk", "damaged PNG: its pixel data can't be inflated"),
        (WHOLE[41:90], "damaged PNG: its pixel data can't be inflated"),
        (zlib.compress(bytes(51 * 40 + 1)), "damaged PNG: its pixel data can't be inflated"),
        (zlib.compress(bytes(51 * 39)), "truncated: the PNG holds 1989 of 2040 bytes of pixels"),
        (zlib.compress(b"\x05" * 51 * 40), "damaged PNG: unknown row filter"),
    ],
)
def test_wrong_pixel_data_behind_right_checksums_is_refused(body, reason):
    """Chunks may be whole and what is within them not: too little, too much, nonsense."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50, 40, 8, GREY, 0, 0, 0))
    with pytest.raises(ImageError, match=reason):
        decode_image(SIGNATURE + header + chunk(b"IDAT", body) + chunk(b"IEND", b""))


@pytest.mark.parametrize("field", [10, 11, 12])
def test_unknown_methods_are_damage(field):
    """Compression, filter and interlace methods other than the specification's."""
    body = bytearray(struct.pack(">IIBBBBB", 50, 40, 8, GREY, 0, 0, 0))
    body[field] = 2
    with pytest.raises(ImageError, match="unknown compression, filter or interlace method"):
        decode_image(WHOLE[:8] + chunk(b"IHDR", bytes(body)) + WHOLE[33:])


def test_nothing_is_printed(capfd):
    """libpng's warnings don't reach the terminal, where they would break the progress bar."""
    samples = noise(12, 12, high=4)
    for interlaced in (False, True):
        data = write_png(samples, 2, PALETTE, extra=COLOURS, interlaced=interlaced)
        decode_image(insert_chunk(data, b"iCCP", b"junk"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("bits", "colour"), [(8, 1), (8, 7), (3, GREY), (4, RGB), (16, PALETTE)])
def test_a_depth_and_colour_that_do_not_exist_are_damage(bits, colour):
    """The specification allows some combinations only (table 11.1)."""
    data = bytearray(write_png(noise(4, 4), 8, GREY))
    body = struct.pack(">IIBBBBB", 4, 4, bits, colour, 0, 0, 0)
    data[8:33] = chunk(b"IHDR", body)
    with pytest.raises(ImageError, match=r"^damaged PNG"):
        decode_image(bytes(data))


def test_unknown_critical_chunks_are_refused():
    """What must be understood to show the picture, and isn't, makes it unreadable."""
    with pytest.raises(ImageError, match="critical chunk 'WHAT'"):
        decode_image(insert_chunk(WHOLE, b"WHAT", b""))


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0)])
def test_no_pixels_is_refused(width, height):
    """A header that promises no pixels is refused by name."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, GREY, 0, 0, 0))
    with pytest.raises(ImageError, match=f"no pixels: the header says {width} x {height}"):
        decode_image(SIGNATURE + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


def test_a_side_that_libpng_refuses_is_refused_before(capfd):
    """A strip of a million pixels is below the limit of megapixels, and still no radiograph."""
    with pytest.raises(ImageError, match="too large: 1000001 x 1, at most 1000000 a side"):
        decode_image(write_png(np.zeros((1, 1_000_001), np.uint8), 8, GREY))
    assert decode_image(write_png(np.zeros((1, 1_000_000), np.uint8), 8, GREY)).bits == 8
    assert capfd.readouterr() == ("", "")


def test_more_than_100_megapixels_are_refused_by_the_header():
    """The size is judged before anything is decoded: this file has no pixel data at all."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 10_001, 10_000, 8, GREY, 0, 0, 0))
    assert MAX_PIXELS == 100_000_000
    with pytest.raises(ImageError, match="too large: 10001 x 10000 is 100 megapixels"):
        decode_image(SIGNATURE + header + chunk(b"IEND", b""))
