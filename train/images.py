"""The pixels of a data set, decoded once for all epochs and experiments that want them.

They come from `covidreport.images`, so an image is the same when a model is fitted, when its
epochs are measured, and when `covidreport evaluate` scores it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.dataset.files import UNREADABLE
from covidreport.errors import ImageError
from covidreport.images import DecodedImage, decode_image, read_bytes
from covidreport.images.cache import READ, PixelCache, open_pixel_cache
from covidreport.images.resize import fit_picture
from covidreport.records import Dataset, Failure, PixelSpec

from .augmentation import find_margin
from .sampling import Indices
from .settings import Augmentation, Transforms

DEFAULT_CACHE_BYTES = 4 * 2**30


def count_workers() -> int:
    """How many threads may keep this process's cores busy."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Kept(NamedTuple):
    """An entry of the cache, and which of its rows an image has: int32 `(N,)`, -1 for none."""

    cache: PixelCache
    rows: NDArray[np.int32]


class ImageStore:
    """The images of one data set, decoded once for all runs and processes that want them.

    What a model is fed with lies in the cache that `covidreport evaluate` reads too, by the digest
    of each file. Where there is none, and for changes of whole pictures, images are kept in memory
    up to `cache_bytes`, and decoded again beyond it. Safe to be asked by several threads. An image
    is named by its index in the data set.

    digests: the sha256 of files, by the id of the image; without them nothing is cached.
    """

    def __init__(
        self,
        dataset: Dataset,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        self.dataset = dataset
        self._digests = digests or {}
        self._room = cache_bytes
        self._pictures: dict[tuple[int, int], Image.Image] = {}
        self._fitted: dict[tuple[int, PixelSpec, int], NDArray[np.uint8]] = {}
        self._kept: dict[tuple[PixelSpec, int], list[_Kept]] = {}
        self._reasons: dict[int, str | None] = {}

    def check(
        self,
        indices: Iterable[int],
        spec: PixelSpec,
        workers: int,
        kind: Augmentation | Transforms | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> tuple[Failure, ...]:
        """Decode these images and give a `Failure` for each that can't be.

        Kept are the pixels that changes of this kind need. What was decoded before, by whatever
        process, is not decoded again to be checked. indices: of a split as a whole, so that the
        cache has it as `covidreport evaluate` looks for it.
        """
        margin = find_margin(kind, spec) if isinstance(kind, Augmentation) else 0
        whole = isinstance(kind, Augmentation) and kind.frame == "picture"
        given = list(indices)
        rows = np.sort(np.array(given, np.intp))
        kept = self._open(rows, spec, margin)

        def visit(i: int) -> None:
            if kept is None and self._reasons.get(i, "") is None and not self._room:
                return
            try:
                if kept is None and whole:
                    self.picture(i, spec)
                else:
                    self.fitted(i, spec, margin)
            except ImageError as error:
                self._reasons[i] = str(error)
            else:
                self._reasons[i] = None

        left = rows.tolist()
        if kept is not None:
            # checksums are asked for when pixels are: here they would read all that there is
            left = rows[kept.cache.states[kept.rows[rows]] != READ].tolist()
            self._reasons |= dict.fromkeys(rows.tolist())
            advance(len(rows) - len(left))
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(visit, left):
                advance(1)
        return tuple(
            Failure(self.dataset.ids[i], "decode", reason)
            for i in given
            if (reason := self._reasons[i]) is not None
        )

    def fitted(self, i: int, spec: PixelSpec, margin: int = 0) -> NDArray[np.uint8]:
        """uint8 `(H, W, C)`: image i as `covidreport evaluate` feeds it. ImageError if broken.

        margin: with so many pixels around it; see `find_margin`.
        """
        for cache, rows in self._kept.get((spec, margin), ()):
            if rows[i] >= 0:
                return self._read_kept(cache, int(rows[i]), i, spec, margin)
        key = (i, spec, margin)
        pixels = self._fitted.get(key)
        if pixels is None:
            pixels = fit_picture(self._decode(i).picture, spec, margin)
            if self._take(pixels.nbytes):
                self._fitted[key] = pixels
        return pixels

    def picture(self, i: int, spec: PixelSpec) -> Image.Image:
        """Image i as it is in its file; grey where `spec` has one channel. ImageError if broken."""
        key = (i, spec.channels)
        picture = self._pictures.get(key)
        if picture is None:
            picture = self._decode(i).picture
            if spec.channels == 1:
                picture = picture.convert("L")
            if self._take(picture.width * picture.height * len(picture.getbands())):
                self._pictures[key] = picture
        return picture

    def _open(self, rows: Indices, spec: PixelSpec, margin: int) -> _Kept | None:
        """The cache's entry for these images, in their order; None where there is none."""
        ids = [self.dataset.ids[i] for i in rows]
        if not ids or not self._digests.keys() >= set(ids):
            return None
        entries = self._kept.setdefault((spec, margin), [])
        for kept in entries:
            if (kept.rows[rows] >= 0).all():
                return kept
        cache = open_pixel_cache([self._digests[sample] for sample in ids], spec, margin)
        if cache is None:
            return None
        places = np.full(len(self.dataset), -1, np.int32)
        places[rows] = np.arange(len(rows))
        entries.append(_Kept(cache, places))
        return entries[-1]

    def _read_kept(
        self, cache: PixelCache, row: int, i: int, spec: PixelSpec, margin: int
    ) -> NDArray[np.uint8]:
        """A row of the cache, which is filled where it is empty or damaged."""
        if cache.missing(row, row + 1)[0]:
            data = self._read(i)
            try:
                image = decode_image(data)
                cache.pixels[row] = fit_picture(image.picture, spec, margin)
            except ImageError as error:
                if isinstance(error.__cause__, MemoryError):
                    raise
                cache.pixels[row] = 0
                cache.fail(row, str(error))
            else:
                cache.store(row, image.peak, image.transforms, image.measured)
        reason = cache.reason(row)
        if reason is not None:
            raise ImageError(reason)
        pixels: NDArray[np.uint8] = cache.pixels.view(np.ndarray)[row]
        return pixels

    def _decode(self, i: int) -> DecodedImage:
        return decode_image(self._read(i))

    def _read(self, i: int) -> bytes:
        """The bytes of a file; ImageError where they are not those of its digest any more."""
        data = read_bytes(self.dataset.root / self.dataset.paths[i])
        digest = self._digests.get(self.dataset.ids[i], UNREADABLE)
        if digest != UNREADABLE and hashlib.sha256(data).hexdigest() != digest:
            raise ImageError("the file changed while it was fitted on")
        return data

    def _take(self, n_bytes: int) -> bool:
        """Whether there is room to keep so many bytes; threads may overshoot by an image each."""
        if n_bytes > self._room:
            self._room = 0
            return False
        self._room -= n_bytes
        return True


def stack_fitted(store: ImageStore, indices: Sequence[int], spec: PixelSpec) -> NDArray[np.uint8]:
    """uint8 `(N, C, H, W)`: a batch of images as they are evaluated."""
    batch = np.stack([store.fitted(i, spec) for i in indices])
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
