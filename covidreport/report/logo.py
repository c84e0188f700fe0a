"""A logo as a `data:` address: PNG, JPEG or SVG, small, and with nothing in it that acts."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree

from covidreport.errors import UsageError

MOST_BYTES = 256 * 1024
"""A report of 18 runs has 2.5 MB at most; a logo is none of its figures."""
MOST_PIXELS = 4096 * 4096
_RASTERS = {"PNG": "image/png", "JPEG": "image/jpeg"}
_SVG = "{http://www.w3.org/2000/svg}svg"
_ACTING = frozenset({"script", "foreignobject", "iframe", "object", "embed", "handler", "listener"})
_ADDRESS = re.compile(r"(?i)@import|url\(\s*['\"]?\s*(?!#|data:image/(?:png|jpeg);)[^)]")
_HARMLESS = re.compile(r"(?i)\s*(#|data:image/(png|jpeg);)")


def embed_logo(path: Path) -> str:
    """The picture in `path` for the `src` of an image.

    Raises UsageError where the file can't be read, is larger than `MOST_BYTES`, is neither PNG,
    JPEG nor SVG, is broken, or is an SVG with script or with addresses of other places. Browsers
    run nothing in a picture; a report that is handed on should not carry it all the same.
    """
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
    kind = "image/svg+xml" if _check_svg(path, data) else _check_raster(path, data)
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _check_raster(path: Path, data: bytes) -> str:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=tuple(_RASTERS)) as picture:
            width, height = picture.size
            if width * height > MOST_PIXELS:
                raise UsageError(f"--logo {path}: has {width} x {height} pixels: make it smaller")
            kind = _RASTERS[str(picture.format)]
            picture.load()
    except UnidentifiedImageError as error:
        raise UsageError(f"--logo {path}: is neither PNG, JPEG nor SVG") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"--logo {path}: is a broken picture ({error})") from error
    return kind


def _check_svg(path: Path, data: bytes) -> bool:
    """Whether it is an SVG; UsageError where it is one that can't be embedded."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    # An encoding other than UTF-8 could hide a declaration from the search below.
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"--logo {path}: an SVG must be UTF-8 ({error.reason})") from error
    if re.search(r"(?i)<!(doctype|entity)|<\?(?!xml\s)", text):
        raise UsageError(
            f"--logo {path}: an SVG with a document type, entities or style sheets of other "
            "places can't be embedded: save it as plain SVG, or as PNG"
        )
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # no entities are left to expand
    except ElementTree.ParseError as error:
        raise UsageError(f"--logo {path}: is a broken SVG ({error})") from error
    if root.tag != _SVG:
        raise UsageError(f"--logo {path}: is neither PNG, JPEG nor SVG (its root is {root.tag})")
    for element in root.iter():
        fault = _find_fault(element)
        if fault:
            raise UsageError(f"--logo {path}: an SVG with {fault} can't be embedded: use a PNG")
    return True


def _find_fault(element: ElementTree.Element) -> str:
    """What in an element acts or leads elsewhere; empty where nothing does."""
    name = str(element.tag).rpartition("}")[2].lower()
    if name in _ACTING:
        return f"<{name}>"
    if name == "style" and _ADDRESS.search(element.text or ""):
        return "a style that loads from elsewhere"
    for key, value in element.attrib.items():
        attribute = key.rpartition("}")[2].lower()
        if attribute.startswith("on"):
            return f"the handler {attribute}"
        if attribute in ("href", "src") and not _HARMLESS.match(value):
            return f"an address of another place ({attribute})"
        if _ADDRESS.search(value):
            return f"an address of another place ({attribute})"
    return ""
