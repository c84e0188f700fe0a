"""PNG: 1 to 16 bits, grey, RGB, palette, with and without transparency, interlaced or not.

Three decoders share the work. The structure is read here, to the last byte and checksum, and what
makes no pixels (text, colour profiles, animation) is left behind. libdeflate inflates, twice as
fast as the zlib within libpng. libpng then undoes the row filters, and keeps all 16 bits where
Pillow keeps 8 of RGB; it is only given streams that were found valid, because `png_decode` of
imagecodecs prints libpng's warnings and, on an error, drops a reference to None: some thousand
damaged files would end the interpreter (Python 3.11).
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.errors import ImageError
from covidreport.images.exif import read_orientation
from covidreport.images.pixels import DecodedImage, check_size, develop_samples

_codecs: Any = imagecodecs  # its stubs leave out arrays and memoryviews, which it takes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE = 0, 2, 3
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
"""Samples a pixel by colour type (PNG specification, table 11.1); a palette has an index."""
_DEPTHS = {_GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_USED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf")
_ADAM7 = (
    (slice(0, None, 8), slice(0, None, 8)),
    (slice(0, None, 8), slice(4, None, 8)),
    (slice(4, None, 8), slice(0, None, 4)),
    (slice(0, None, 4), slice(2, None, 4)),
    (slice(2, None, 4), slice(0, None, 2)),
    (slice(0, None, 2), slice(1, None, 2)),
    (slice(1, None, 2), slice(0, None, 1)),
)
"""Rows and columns of the seven passes of an interlaced image (PNG specification, 8.2)."""

_STORED_BYTES = 65535
"""A stored block of the deflate format holds no more (RFC 1951, 3.2.4)."""

_LONGEST_SIDE = 1_000_000
"""libpng's own limit."""

_BUFFER_BYTES = 32 << 20
"""A thread keeps no more memory than this from one image to the next, for each of its two uses."""

Chunks = Sequence[tuple[bytes, bytes]]


class _Scratch(threading.local):
    """Memory that each thread uses again for every image: fresh pages cost a tenth of decoding."""

    def __init__(self) -> None:
        self.buffers: dict[str, NDArray[np.uint8]] = {}

    def borrow(self, use: str, n_bytes: int) -> NDArray[np.uint8]:
        """uint8 `(n_bytes,)`, holding anything, until this thread borrows for the same use."""
        if n_bytes > _BUFFER_BYTES:
            return np.empty(n_bytes, np.uint8)
        memory = self.buffers.get(use)
        if memory is None or memory.size < n_bytes:
            memory = self.buffers[use] = np.empty(n_bytes, np.uint8)
        return memory[:n_bytes]


_scratch = _Scratch()


class _PngHeader(Struct, frozen=True):
    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool

    @property
    def row_bytes(self) -> int:
        """A row as stored, the byte that names its filter included."""
        return 1 + (self.width * _CHANNELS[self.colour] * self.bits + 7) // 8

    @property
    def n_bytes(self) -> int:
        return self.height * self.row_bytes if self.width else 0

    def passes(self) -> list[_PngHeader]:
        """The images that the data consists of: one, or the seven of an interlaced image."""
        if not self.interlaced:
            return [self]
        height, width = range(self.height), range(self.width)
        return [
            replace(self, height=len(height[rows]), width=len(width[columns]), interlaced=False)
            for rows, columns in _ADAM7
        ]


def decode_png(data: bytes) -> DecodedImage:
    """Pixels of a PNG's first (or only) picture. Gamma and colour profiles are not applied.

    Raises ImageError when it is cut off, damaged (any checksum) or larger than is read.
    """
    chunks = _read_chunks(data)
    header = _read_header(chunks[0])
    filtered = _inflate(header, chunks)
    colours = _read_colours(header, chunks)
    if header.interlaced:
        samples = _decode_passes(header, colours, filtered)
    else:
        samples = _decode_rows(header, colours, filtered)
    orientation = next((read_orientation(body) for kind, body in chunks if kind == b"eXIf"), 1)
    return develop_samples(samples, image_format="PNG", bits=header.bits, orientation=orientation)


def _read_chunks(data: bytes) -> Chunks:
    """Kind and content of each chunk that is used, in order; all checksums are verified."""
    chunks = []
    view = memoryview(data)
    start, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        # Length, kind and checksum: the least that a chunk has.
        if start + 12 > len(data):
            raise ImageError("truncated: the PNG ends before its last chunk")
        n_bytes, kind = struct.unpack_from(">I4s", data, start)
        end = start + 8 + n_bytes
        if not kind.isalpha():
            raise ImageError("damaged PNG: no chunk where one should begin")
        name = kind.decode("ascii")
        if end + 4 > len(data):
            raise ImageError(f"truncated: the PNG ends within a chunk {name!r}")
        (checksum,) = struct.unpack_from(">I", data, end)
        if _codecs.deflate_crc32(view[start + 4 : end]) != checksum:
            raise ImageError(f"damaged PNG: wrong checksum of a chunk {name!r}")
        # A kind that begins with a capital letter can't be passed over (specification, 5.4); of the
        # others only the orientation changes what is seen.
        if kind in _USED:
            chunks.append((kind, data[start + 8 : end]))
        elif kind[:1].isupper():
            raise ImageError(f"damaged PNG: unknown critical chunk {name!r}")
        start = end + 4
    return chunks


def _read_header(chunk: tuple[bytes, bytes]) -> _PngHeader:
    kind, body = chunk
    if kind != b"IHDR" or len(body) != 13:
        raise ImageError("damaged PNG: it doesn't begin with its header")
    width, height, bits, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", body)
    check_size(width, height)
    if max(width, height) > _LONGEST_SIDE:
        raise ImageError(f"too large: {width} x {height}, at most {_LONGEST_SIDE} a side")
    if bits not in _DEPTHS.get(colour, ()):
        raise ImageError(f"damaged PNG: {bits} bits of colour type {colour}")
    if compression or filters or interlace not in (0, 1):
        raise ImageError("damaged PNG: unknown compression, filter or interlace method")
    return _PngHeader(width, height, bits, colour, bool(interlace))


def _inflate(header: _PngHeader, chunks: Chunks) -> NDArray[np.uint8]:
    """The filtered rows, uint8 `(n,)`: exactly as many bytes as the header's size asks for."""
    # One stream runs across all of them.
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    n_bytes = sum(part.n_bytes for part in header.passes())
    try:
        filtered = _codecs.deflate_decode(packed, out=_scratch.borrow("inflated", n_bytes))
    except imagecodecs.DeflateError as error:
        raise ImageError("damaged PNG: its pixel data can't be inflated") from error
    if len(filtered) < n_bytes:
        raise ImageError(f"truncated: the PNG holds {len(filtered)} of {n_bytes} bytes of pixels")
    return np.asarray(filtered)


def _read_colours(header: _PngHeader, chunks: Chunks) -> Chunks:
    """The palette, and which colours are transparent, checked and ready for libpng."""
    # Of chunks that stand twice the first one counts.
    found = dict(reversed(chunks))
    alpha = found.get(b"tRNS", b"")
    colours = []
    if header.colour == _PALETTE:
        palette = found.get(b"PLTE", b"")[: 3 << header.bits]
        if not palette or len(palette) % 3:
            raise ImageError("damaged PNG: no valid palette")
        # an index without a colour is black
        colours.append((b"PLTE", palette.ljust(3 << header.bits, b"\0")))
        alpha = alpha[: len(palette) // 3]
    elif alpha and len(alpha) != 2 * _CHANNELS[header.colour]:
        raise ImageError("damaged PNG: transparency of the wrong size")
    if alpha and header.colour in (_GREY, _RGB, _PALETTE):
        colours.append((b"tRNS", alpha))
    return colours


def _decode_passes(
    header: _PngHeader, colours: Chunks, filtered: NDArray[np.uint8]
) -> NDArray[np.uint8 | np.uint16]:
    """Samples of an interlaced image: each pass is an image of its own, spread over the whole."""
    # Depth and channels of the result are libpng's choice: known with the first pass.
    samples: NDArray[Any] | None = None
    start = 0
    for part, (rows, columns) in zip(header.passes(), _ADAM7, strict=True):
        if not part.n_bytes:
            continue
        decoded = _decode_rows(part, colours, filtered[start : start + part.n_bytes])
        if samples is None:
            samples = np.empty((header.height, header.width, *decoded.shape[2:]), decoded.dtype)
        samples[rows, columns] = decoded
        start += part.n_bytes
    assert samples is not None
    return samples


def _decode_rows(
    header: _PngHeader, colours: Chunks, filtered: NDArray[np.uint8]
) -> NDArray[np.uint8 | np.uint16]:
    """Undo the row filters: libpng is given a PNG whose data is stored, not compressed."""
    # libpng gets valid streams alone: see the module.
    if filtered[:: header.row_bytes].max() > 4:
        raise ImageError("damaged PNG: unknown row filter")
    size = struct.pack(">IIBBBBB", header.width, header.height, header.bits, header.colour, 0, 0, 0)
    start = SIGNATURE + b"".join(_pack_chunk(*chunk) for chunk in [(b"IHDR", size), *colours])
    try:
        return np.asarray(_codecs.png_decode(_store(start, filtered)))
    except (imagecodecs.PngError, ValueError) as error:
        raise ImageError(f"damaged PNG: {error}") from error


def _store(start: bytes, filtered: NDArray[np.uint8]) -> memoryview:
    """A PNG of `start` and of pixel data in stored blocks (RFC 1950 and 1951), in one buffer."""
    # 2 bytes begin a zlib stream, 5 each of its blocks, and 4 of checksum end it.
    blocks = range(0, filtered.size, _STORED_BYTES)
    n_bytes = 2 + 5 * len(blocks) + filtered.size + 4
    end = _pack_chunk(b"IEND", b"")
    buffer = _scratch.borrow("stored", len(start) + 12 + n_bytes + len(end)).data
    at = len(start) + 10
    buffer[:at] = start + struct.pack(">I4s2s", n_bytes, b"IDAT", b"\x78\x01")
    for first in blocks:
        block = filtered[first : first + _STORED_BYTES]
        is_last = first == blocks[-1]
        buffer[at : at + 5] = struct.pack("<BHH", is_last, block.size, block.size ^ 0xFFFF)
        buffer[at + 5 : at + 5 + block.size] = block.data
        at += 5 + block.size
    buffer[at : at + 4] = struct.pack(">I", _codecs.deflate_adler32(filtered))
    at += 4
    buffer[at:] = struct.pack(">I", _codecs.deflate_crc32(buffer[len(start) + 4 : at])) + end
    return buffer


def _pack_chunk(kind: bytes, body: bytes) -> bytes:
    content = kind + body
    return (
        struct.pack(">I", len(body)) + content + struct.pack(">I", _codecs.deflate_crc32(content))
    )
