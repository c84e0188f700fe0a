"""One unit of work: some images, decoded once each for all who want their pixels."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.dataset import UNREADABLE
from covidreport.errors import ImageError
from covidreport.evaluate.disturbances import Disturbances
from covidreport.images import DecodedImage, decode_image, read_ahead, read_bytes
from covidreport.images.cache import PixelCache
from covidreport.images.disturb import disturb_picture
from covidreport.images.resize import fit_picture
from covidreport.records import Failure, Measured, Peak, PixelSpec
from covidreport.storage.address import Address


class Chunk(Struct, frozen=True):
    """A run of samples, `start` to `stop`, decoded: uint8 `(n, H, W, C)` for each PixelSpec.

    A sample that could not be decoded is black in `pixels` and has its reason in `reasons`.
    measured: what each is like, as the file was decoded; None where it was not.
    strange: which may have no finite score since they are no radiographs; none where it is empty.
    chains: how many of the samples are DICOM images that went through each chain of transforms.
    """

    start: int
    stop: int
    pixels: Mapping[PixelSpec, NDArray[np.uint8]]
    reasons: tuple[str | None, ...]
    peaks: tuple[Peak | None, ...]
    measured: tuple[Measured | None, ...]
    seconds: float
    chains: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    strange: tuple[bool, ...] = ()


class _Decoded(NamedTuple):
    """What became of one image: why it failed, its largest raw sample, its chain of transforms, and
    what it is like."""

    reason: str | None = None
    peak: Peak | None = None
    chain: tuple[str, ...] = ()
    measured: Measured | None = None
    lasting: bool = True
    """Whether the bytes of the digest always fail: not where memory was short, by our own fault,
    or where other bytes, or none, were read."""


def decode_chunk(
    paths: Sequence[Path],
    start: int,
    specs: Iterable[PixelSpec],
    caches: Mapping[PixelSpec, PixelCache] | None = None,
    digests: Sequence[str] | None = None,
    changes: Disturbances | None = None,
) -> Chunk:
    """Decode the images at `paths`, each once, for all `specs`; the first has index `start`.

    What stands whole in a cache is not decoded again, and what is decoded goes there. Without
    caches an image that follows itself is not decoded again either. A file whose
    bytes no longer have their sha256 in `digests` fails: it is not what the fingerprint names.
    changes: of each of them, after it was decoded; there are no caches of changed pictures.
    """
    began = time.perf_counter()
    caches = caches or {}
    stop = start + len(paths)
    # A view into the cache where there is one: what is decoded lands there without a copy.
    pixels: dict[PixelSpec, NDArray[np.uint8]] = {}
    missing: dict[PixelSpec, NDArray[np.bool_]] = {}
    for spec in specs:
        cache = caches.get(spec)
        if cache is None:
            shape = (len(paths), spec.height, spec.width, spec.channels)
            pixels[spec] = np.zeros(shape, np.uint8)
            missing[spec] = np.ones(len(paths), np.bool_)
        else:
            pixels[spec] = cache.pixels[start:stop]
            missing[spec] = cache.missing(start, stop)
    images: list[_Decoded] = []
    source: _Source | None = None
    wanted = [p for i, p in enumerate(paths) if any(rows[i] for rows in missing.values())]
    reads = _read_each(wanted if caches else [path for path, _ in groupby(wanted)])
    for i, path in enumerate(paths):
        again = i > 0 and not caches and path == paths[i - 1]
        if again and changes is None:  # rows of which each hides another part
            for each in pixels.values():
                each[i] = each[i - 1]
            images.append(images[-1])
            continue
        # Runs of several sizes share one decoding, and one size may be cached without another.
        needed = [spec for spec in pixels if missing[spec][i]]
        known = next((caches[spec] for spec in pixels if not missing[spec][i]), None)
        image = _read_one(known, start + i) if known else _Decoded()
        if needed and image.reason is None:
            targets = {spec: pixels[spec][i] for spec in needed}
            if source is None or not again:
                read = next(read for read_path, read in reads if read_path == path)
                source = _Source(read, digests[i] if digests else None)
            decode = partial(_decode_one, source, targets, changes and changes.take((i,)))
            decoded = attempt(path.name, "decode", decode)
            if isinstance(decoded, Failure):
                _blacken(targets)
                decoded = _Decoded(decoded.explanation, lasting=False)
            image = decoded
        # A failure is remembered only where these bytes always fail: a full memory may not be,
        # and a file that changed meanwhile is another image.
        for spec in needed:
            if spec in caches and image.measured is not None:
                caches[spec].store(start + i, image.peak, image.chain, image.measured)
            elif spec in caches and image.reason is not None and image.lasting:
                caches[spec].fail(start + i, image.reason)
        images.append(image)
    return Chunk(
        start, stop, pixels,
        tuple(image.reason for image in images), tuple(image.peak for image in images),
        tuple(image.measured for image in images),
        time.perf_counter() - began,
        Counter(image.chain for image in images if image.chain),
        () if changes is None else tuple(not each.is_radiograph for each in changes.rows),
    )  # fmt: skip


def join_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks that follow each other as one, without their pixels."""
    chains: Counter[tuple[str, ...]] = Counter()
    for chunk in chunks:
        chains.update(chunk.chains)
    return Chunk(
        chunks[0].start, chunks[-1].stop, {},
        tuple(reason for chunk in chunks for reason in chunk.reasons),
        tuple(peak for chunk in chunks for peak in chunk.peaks),
        tuple(one for chunk in chunks for one in chunk.measured),
        sum(chunk.seconds for chunk in chunks), chains,
        tuple(each for chunk in chunks for each in chunk.strange),
    )  # fmt: skip


def _read_each(paths: Sequence[Path]) -> Iterator[tuple[Path, Callable[[], bytes]]]:
    """Each path with what gives its bytes."""
    if paths and isinstance(paths[0], Address):
        return read_ahead(paths)
    return ((path, partial(read_bytes, path)) for path in paths)


def _read_one(cache: PixelCache, index: int) -> _Decoded:
    return _Decoded(
        cache.reason(index), cache.peak(index), cache.chain(index), cache.measured(index)
    )


class _Source(Struct):
    """A file that is read and decoded once, for all rows beside each other that are of it."""

    read: Callable[[], bytes]
    digest: str | None
    image: DecodedImage | None = None
    measured: Measured | None = None
    """Of the picture as it was decoded, whatever is changed of it."""
    sha256: str = ""
    lasting: bool = False
    """Whether the bytes that were read are those of the digest."""

    def open(self) -> DecodedImage:
        """The image as it was decoded. Raises ImageError."""
        if self.image is None:
            data = self.read()
            self.sha256 = hashlib.sha256(data).hexdigest()
            if self.digest not in (None, UNREADABLE, self.sha256):
                raise ImageError("the file changed while it was evaluated")
            self.lasting = self.digest != UNREADABLE
            self.image = decode_image(data)
            self.measured = self.image.measured
        return self.image


def _decode_one(
    source: _Source, targets: Mapping[PixelSpec, NDArray[np.uint8]], change: Disturbances | None
) -> _Decoded:
    """Decode one image into its places, which are black where it fails; change: of this row."""
    try:
        image = source.open()
        picture = image.picture
        if change is not None:
            picture = disturb_picture(picture, change.rows[0], source.sha256, change.seed)
        for spec, target in targets.items():
            target[...] = fit_picture(picture, spec)
    except ImageError as error:
        _blacken(targets)
        return _Decoded(str(error), lasting=source.lasting)
    return _Decoded(None, image.peak, image.transforms, source.measured)


def _blacken(targets: Mapping[PixelSpec, NDArray[np.uint8]]) -> None:
    for target in targets.values():
        target[...] = 0
