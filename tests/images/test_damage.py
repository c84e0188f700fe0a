from __future__ import annotations

import gc
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images import decode_image, fit_pixels
from covidreport.records import PixelSpec
from tests.images.pictures import SIGNATURE, chunk, exif_block, noise, save, smooth, write_png

# pytest's filters go before the one by which `images.pillow` ignores what Pillow says of sizes
pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")

FILES = [
    save(Image.fromarray(smooth(24, 32)), "JPEG"),
    save(Image.fromarray(smooth(24, 32)), "JPEG", exif=b"Exif\0\0" + exif_block(6)),
    save(Image.fromarray(noise(24, 32, 3)), "JPEG", progressive=True),
    save(Image.fromarray(noise(8, 8, 4)).convert("CMYK"), "JPEG", restart_marker_blocks=1),
    write_png(noise(12, 16), 8, 0),
    write_png(noise(12, 16, 4, high=65536), 16, 6),
    write_png(noise(12, 16, high=4), 2, 3, extra=chunk(b"PLTE", bytes(range(12)))),
    write_png(noise(12, 16, 3), 8, 2, interlaced=True),
    save(Image.fromarray(noise(12, 16)), "TIFF"),
    save(Image.fromarray(noise(12, 16, high=65536)), "TIFF", compression="tiff_deflate"),
    save(Image.fromarray(noise(12, 16, 3)), "TIFF", compression="tiff_lzw"),
    save(Image.fromarray(smooth(24, 32)), "TIFF", compression="jpeg"),
    save(Image.fromarray(noise(12, 16)), "BMP"),
    save(Image.fromarray(noise(12, 16, 3)), "BMP"),
    save(Image.fromarray(noise(12, 16, 3)), "WEBP"),
    save(Image.fromarray(noise(12, 16, 3)), "WEBP", lossless=True),
    save(Image.fromarray(noise(12, 16)), "GIF"),
]


def rewrite_checksums(data: bytes) -> bytes:
    """A PNG whose checksums fit what it holds, so that damage reaches the decoders behind them."""
    start, parts = len(SIGNATURE), [SIGNATURE]
    while start + 12 <= len(data):
        n_bytes = int.from_bytes(data[start : start + 4], "big")
        if start + 12 + n_bytes > len(data):
            break
        parts.append(chunk(data[start + 4 : start + 8], data[start + 8 : start + 8 + n_bytes]))
        start += 12 + n_bytes
    return b"".join([*parts, data[start:]])


@settings(max_examples=400, deadline=None)
@given(
    data=st.sampled_from(FILES),
    edits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 6)),
        min_size=1,
        max_size=4,
    ),
    mend=st.booleans(),
)
def test_damaged_files_give_pixels_or_an_image_error(data, edits, mend):
    """Whatever bytes are changed, put in or cut out: never another exception, never a crash."""
    damaged = bytearray(data)
    for place, new, n_removed in edits:
        at = int(place * len(damaged))
        damaged[at : at + n_removed] = new
    if mend and damaged.startswith(SIGNATURE):
        damaged = bytearray(rewrite_checksums(bytes(damaged)))
    with suppress(ImageError):
        pixels = fit_pixels(decode_image(bytes(damaged)), PixelSpec(8, 8, channels=3))
        assert pixels.shape == (8, 8, 3)
        assert pixels.dtype == np.uint8


def test_thousands_of_damaged_files_leave_the_interpreter_sound():
    """A decoder that fails must not lose references: None's count would reach zero in time."""
    damaged = [data[:-20] for data in FILES]
    damaged += [rewrite_checksums(data[: len(data) // 2] + bytes(8)) for data in FILES[4:8]]
    damaged += [data[:cut] + data[cut + 1 :] for data in FILES for cut in (25, 45, 70, -40)]
    decode_all(damaged)  # what is imported when it is first needed has references of its own
    gc.collect()
    gc.disable()  # what other tests left would be collected within, and its references counted
    try:
        before = sys.getrefcount(None)
        for _ in range(20):
            decode_all(damaged)
        assert abs(sys.getrefcount(None) - before) < 20
    finally:
        gc.enable()


def decode_all(files: list[bytes]) -> None:
    for data in files:
        with suppress(ImageError):
            decode_image(data)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"", *(data[:16] for data in FILES)]), st.binary(max_size=200))
def test_arbitrary_bytes_are_no_image(start, rest):
    """A right beginning doesn't help what isn't an image."""
    with pytest.raises(ImageError):
        decode_image(start + rest)


@settings(max_examples=100, deadline=None)
@given(data=st.sampled_from(FILES), kept=st.floats(0, 1, exclude_max=True))
def test_every_shortened_file_is_refused(data, kept):
    """No prefix of a file passes for the whole, however much of it is there."""
    with pytest.raises(ImageError):
        decode_image(data[: int(kept * len(data))])
