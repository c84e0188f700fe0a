"""A logo as a `data:` address: a small PNG or JPEG, in which nothing can act."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from covidreport.errors import UsageError
from covidreport.storage.address import refuse_address

MOST_BYTES = 256 * 1024
"""A report of 18 runs has 2.5 MB at most; a logo is none of its figures."""
MOST_PIXELS = 4096 * 4096
_RASTERS = {"PNG": "image/png", "JPEG": "image/jpeg"}


def embed_logo(path: Path) -> str:
    """The picture in `path` for the `src` of an image.

    Raises UsageError where the file can't be read, is larger than `MOST_BYTES`, is neither PNG nor
    JPEG, or is broken. An SVG may hold script and addresses, which a report that is handed on
    should not carry.
    """
    refuse_address(path, "--logo")
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise UsageError(f"--logo {path}: can't be read ({error.strerror})") from error
    if size > MOST_BYTES:
        raise UsageError(
            f"--logo {path}: has {size:,} bytes; at most {MOST_BYTES:,} can be embedded: make the "
            "picture smaller"
        )
    return f"data:{_check_picture(path, data)};base64,{base64.b64encode(data).decode()}"


def _check_picture(path: Path, data: bytes) -> str:
    """The media type of a picture that can be shown."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=tuple(_RASTERS)) as picture:
            width, height = picture.size
            if width * height > MOST_PIXELS:
                raise UsageError(f"--logo {path}: has {width} x {height} pixels: make it smaller")
            kind = _RASTERS[str(picture.format)]
            picture.load()
    except UnidentifiedImageError as error:
        raise UsageError(f"--logo {path}: is neither PNG nor JPEG") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"--logo {path}: is a broken picture ({error})") from error
    return kind
