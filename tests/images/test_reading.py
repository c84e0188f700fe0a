from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from covidreport import images
from covidreport.errors import ImageError
from covidreport.images import FORMATS, decode_image, read_image, read_pixels
from covidreport.records import PixelSpec
from tests.images.pictures import noise, save, smooth, write_png

JPEG = save(Image.fromarray(smooth(30, 40)), "JPEG")
PNG = write_png(smooth(30, 40), 8, 0)


@pytest.mark.parametrize(("data", "name"), [(JPEG, "JPEG"), (PNG, "PNG")])
@pytest.mark.parametrize("suffix", ["jpg", "png", "dcm", "txt"])
def test_the_content_decides_and_not_the_name(tmp_path, data, name, suffix):
    """A PNG called .jpg is a PNG."""
    path = tmp_path / f"picture.{suffix}"
    path.write_bytes(data)
    assert read_image(path).format == name


def test_every_format_of_the_table_has_a_magic_of_its_own():
    """No file can be taken for two formats, and each is shown by a file here."""
    assert len({(entry.offset, entry.magic) for entry in FORMATS}) == len(FORMATS)
    assert {entry.name for entry in FORMATS} >= {"JPEG", "PNG"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"not an image", "not an image: JPEG, PNG, DICOM, TIFF, BMP, WebP and GIF are read"),
        (b"\0" * 100, "not an image"),
        (b"\xff\xd8", "not an image"),
        (b"\x89PNG", "not an image"),
        (b"<html><body>404</body></html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the image"),
        (
            b"\0\0\0\x0cjP  \r\n\x87\n",
            "a JPEG 2000 file; JPEG, PNG, DICOM, TIFF, BMP, WebP and GIF",
        ),
    ],
)
def test_what_is_no_image_is_refused_by_name(data, reason):
    """The reason says what the file is instead, where that is known by sight."""
    with pytest.raises(ImageError, match=reason):
        decode_image(data)


def test_a_missing_file_says_so(tmp_path):
    """The reason is the operating system's, without the path: the failure names the image."""
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "gone.png")
    assert str(caught.value) == "cannot be read: No such file or directory"


def test_a_folder_is_no_image(tmp_path):
    """A folder called picture.png is an image error, not a crash."""
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(tmp_path)


def test_an_oversized_file_is_not_read_whole(tmp_path, monkeypatch):
    """The limit bounds the memory, whatever the file claims to be."""
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 100)
    path = tmp_path / "big.png"
    path.write_bytes(PNG)
    with pytest.raises(ImageError, match=r"^too large: more than"):
        read_image(path)


def test_read_pixels_is_reading_and_fitting(tmp_path):
    """uint8 (height, width, channels), whatever the file was."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    pixels = read_pixels(path, PixelSpec(15, 20, channels=3))
    expected = np.asarray(
        Image.fromarray(smooth(30, 40)).resize((20, 15), Image.Resampling.BILINEAR)
    )
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.repeat(expected[:, :, np.newaxis], 3, axis=2))


def test_threads_give_the_same_pixels():
    """Decoding on many threads at once gives what one thread gives."""
    files = [write_png(noise(60, 50, seed=seed), 8, 0) for seed in range(8)]
    files += [save(Image.fromarray(noise(60, 50, 3, seed=seed)), "JPEG") for seed in range(8)]
    alone = [np.asarray(decode_image(data).picture) for data in files]
    with ThreadPoolExecutor(max_workers=4 * (os.cpu_count() or 1)) as pool:
        together = list(pool.map(lambda data: np.asarray(decode_image(data).picture), files * 4))
    for index, pixels in enumerate(together):
        np.testing.assert_array_equal(pixels, alone[index % len(files)])
