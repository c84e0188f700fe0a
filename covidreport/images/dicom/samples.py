"""The stored values of a DICOM image, from whatever they are compressed as."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from covidreport.errors import ImageError
from covidreport.images.dicom.header import Header

if TYPE_CHECKING:
    from pydicom import FileDataset

_CODEC_FAULTS = (
    imagecodecs.Jpeg8Error,
    imagecodecs.JpeglsError,
    imagecodecs.Jpeg2kError,
    NotImplementedError,
    ValueError,
)
_START_OF_FRAME = (frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
"""Markers of ITU-T T.81 (JPEG) and T.87 (JPEG-LS)."""
_CODESTREAM = b"\xff\x4f\xff\x51"
"""How a JPEG 2000 codestream begins (ITU-T T.800, A.4.1 and A.5.1)."""


class _Frame(NamedTuple):
    """What a compressed frame says about itself."""

    columns: int
    rows: int
    components: int


_DECODERS: Mapping[str, Callable[[bytes], NDArray[Any]]] = {
    "1.2.840.10008.1.2.4.50": imagecodecs.jpeg8_decode,  # JPEG, baseline
    "1.2.840.10008.1.2.4.51": imagecodecs.jpeg8_decode,  # JPEG, extended: 8 or 12 bits
    "1.2.840.10008.1.2.4.57": imagecodecs.jpeg8_decode,  # JPEG, lossless
    "1.2.840.10008.1.2.4.70": imagecodecs.jpeg8_decode,  # JPEG, lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_decode,
    "1.2.840.10008.1.2.4.81": imagecodecs.jpegls_decode,  # near-lossless
    "1.2.840.10008.1.2.4.90": imagecodecs.jpeg2k_decode,  # lossless
    "1.2.840.10008.1.2.4.91": imagecodecs.jpeg2k_decode,
}
"""By transfer syntax. libjpeg-turbo, CharLS and OpenJPEG, all with permissive licences."""
_LOSSLESS = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (57, 70, 80, 90))
_RLE = "1.2.840.10008.1.2.5"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_UNCOMPRESSED = frozenset(
    {
        "1.2.840.10008.1.2",  # implicit VR, little endian
        "1.2.840.10008.1.2.1",  # explicit VR, little endian
        "1.2.840.10008.1.2.1.99",  # the same, deflated: inflated with the header
        _BIG_ENDIAN,
    }
)


class PixelData(NamedTuple):
    """The bytes of the only frame. in_words: they are stored as 16-bit words."""

    frame: bytes
    in_words: bool


def read_pixel_data(dataset: FileDataset, header: Header) -> PixelData:
    """Read the frame's bytes, put together from its fragments where it is compressed."""
    if header.syntax in _UNCOMPRESSED:
        return PixelData(dataset.PixelData, dataset["PixelData"].VR == "OW")
    from pydicom.encaps import get_frame

    return PixelData(get_frame(dataset.PixelData, 0, number_of_frames=1), in_words=False)


def decode_samples(data: PixelData, header: Header) -> NDArray[np.int32]:
    """Give the stored values, int32 `(rows, columns)`, signed where the file says so.

    Raises ImageError when they are cut off, damaged, or compressed in a way that isn't read.
    """
    if header.syntax in _UNCOMPRESSED:
        samples = _read_uncompressed(data, header)
    elif header.syntax == _RLE:
        samples = _decode_rle(data.frame, header)
    elif header.syntax in _DECODERS:
        samples = _decode_jpeg(data.frame, header)
    else:
        raise ImageError(f"compressed as {header.syntax_name}, which is not read")
    return _interpret(samples, header)


def _interpret(samples: NDArray[Any], header: Header) -> NDArray[np.int32]:
    """Read the stored bits as the header says: some codecs know of no sign.

    What lies above the stored bits is no part of the pixel (PS3.5 8.1.1; once used for overlays).
    """
    values = samples.astype(np.int32) & np.int32(2**header.bits_stored - 1)
    if header.signed:
        sign = np.int32(2 ** (header.bits_stored - 1))
        values = (values ^ sign) - sign
    return values


def _read_uncompressed(data: PixelData, header: Header) -> NDArray[Any]:
    n_values = header.rows * header.columns
    big = header.syntax == _BIG_ENDIAN
    if len(data.frame) < n_values * header.bits_allocated // 8:
        raise ImageError(
            f"truncated: {len(data.frame)} bytes for {n_values} pixels of "
            f"{header.bits_allocated} bits"
        )
    if header.bits_allocated == 16:
        values = np.frombuffer(data.frame, ">u2" if big else "<u2", n_values)
    elif big and data.in_words:  # two pixels a word (PS3.5 8.2)
        values = np.frombuffer(data.frame, ">u2").astype("<u2").view(np.uint8)[:n_values]
    else:
        values = np.frombuffer(data.frame, np.uint8, n_values)
    return values.reshape(header.rows, header.columns)


def _decode_rle(frame: bytes, header: Header) -> NDArray[Any]:
    """Undo DICOM's run lengths (PS3.5 G): a PackBits segment for each byte of a value.

    The most significant byte comes first. Read here, because the fast plug-in of pydicom panics on
    damaged data (pylibjpeg-rle 2.2): no exception that could be caught as one image's failure.
    """
    n_planes = header.bits_allocated // 8
    try:
        n_segments, *starts = struct.unpack_from("<16I", frame)
    except struct.error as error:
        raise ImageError("truncated: the RLE data end within their header") from error
    if n_segments != n_planes:
        raise ImageError(f"damaged DICOM: {n_segments} RLE segments for {n_planes} bytes a pixel")
    planes = np.empty((n_planes, header.rows * header.columns), np.uint8)
    ends = [*starts[1:n_planes], len(frame)]
    for plane, start, end in zip(planes, starts, ends, strict=False):
        try:
            n_bytes = len(imagecodecs.packbits_decode(frame[start:end], out=plane.data))
        except (imagecodecs.PackbitsError, ValueError) as error:
            raise ImageError(f"damaged pixel data ({header.syntax_name}): {error}") from error
        if n_bytes < plane.size:
            raise ImageError(f"truncated: an RLE segment holds {n_bytes} of {plane.size} bytes")
    values = np.ascontiguousarray(planes.T).view(">u2" if n_planes == 2 else np.uint8)
    return values.reshape(header.rows, header.columns)


def _decode_jpeg(frame: bytes, header: Header) -> NDArray[Any]:
    """Decode JPEG, JPEG-LS or JPEG 2000."""
    # padding to an even length may follow the end marker, which all of these formats share
    if not frame.rstrip(b"\0\xff").endswith(b"\xd9"):
        raise ImageError("truncated: the compressed pixel data have no end marker")
    stated = _measure_frame(frame)
    # decoders make room for what the frame says, so it is compared before they are called
    if stated != (header.columns, header.rows, 1):
        raise ImageError(
            f"damaged DICOM: the header says {header.columns} x {header.rows} x 1, "
            f"the compressed pixel data {' x '.join(map(str, stated))}"
        )
    try:
        samples = np.asarray(_DECODERS[header.syntax](frame))
    except _CODEC_FAULTS as error:
        raise ImageError(f"damaged pixel data ({header.syntax_name}): {error}") from error
    if samples.size != header.rows * header.columns:
        raise ImageError(f"damaged pixel data ({header.syntax_name}): their size is another")
    samples = samples.reshape(header.rows, header.columns)
    return samples if header.syntax in _LOSSLESS else _clip(samples, header)


def _clip(samples: NDArray[Any], header: Header) -> NDArray[Any]:
    """Bring back what a lossy codec overshot: masked, it would wrap around to black."""
    low, high = header.stored_range
    if samples.dtype.kind == "u":
        low, high = 0, (1 << header.bits_stored) - 1
    # beyond the next bit it is no overshoot, but something that was stored above the pixel
    if header.overlay or samples.max(initial=0) > 2 * high + 1:
        raise ImageError(
            f"an overlay in the unused bits of an image with loss ({header.syntax_name}): what "
            "lies below it is not known"
        )
    clipped: NDArray[Any] = np.clip(samples, low, high)
    return clipped


def _measure_frame(frame: bytes) -> _Frame:
    """Size and components, from the header of a JPEG, JPEG-LS or JPEG 2000 frame."""
    try:
        start = frame[:1024].find(_CODESTREAM)
        if start >= 0:
            right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
            (components,) = struct.unpack_from(">H", frame, start + 40)
            return _Frame(right - left, bottom - top, components)
        position = 2
        while True:
            marker, n_bytes = struct.unpack_from(">xBH", frame, position)
            if marker in _START_OF_FRAME:
                rows, columns, components = struct.unpack_from(">HHB", frame, position + 5)
                return _Frame(columns, rows, components)
            position += 2 + n_bytes
    except struct.error as error:
        raise ImageError("damaged DICOM: the compressed pixel data have no header") from error
