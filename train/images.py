"""The pixels of a data set, decoded once for all epochs and experiments that want them.

They come from `covidreport.images`, so an image is the same when a model is fitted, when its
epochs are measured, and when `covidreport evaluate` scores it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images import DecodedImage, fit_pixels, read_image
from covidreport.records import Dataset, Failure, PixelSpec

from .augmentation import shrink_picture
from .settings import Augmentation, Transforms

DEFAULT_CACHE_BYTES = 4 * 2**30


def count_workers() -> int:
    """How many threads may keep this process's cores busy."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ImageStore:
    """The images of one data set, kept in memory up to `cache_bytes` and decoded again beyond it.

    Safe to be asked by several threads. An image is named by its index in the data set.
    """

    def __init__(self, dataset: Dataset, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self.dataset = dataset
        self._room = cache_bytes
        self._pictures: dict[tuple[int, PixelSpec, Augmentation], Image.Image] = {}
        self._fitted: dict[tuple[int, PixelSpec], NDArray[np.uint8]] = {}
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

        Kept are the pixels of `spec`, or the pictures that changes of this kind need. What was
        decoded before is not decoded again to be checked.
        """

        def visit(i: int) -> None:
            if self._reasons.get(i, "") is None and not self._room:
                return
            try:
                if isinstance(kind, Augmentation):
                    self.picture(i, spec, kind)
                else:
                    self.fitted(i, spec)
            except ImageError as error:
                self._reasons[i] = str(error)
            else:
                self._reasons[i] = None

        rows = list(indices)
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(visit, rows):
                advance(1)
        return tuple(
            Failure(self.dataset.ids[i], "decode", reason)
            for i in rows
            if (reason := self._reasons[i]) is not None
        )

    def fitted(self, i: int, spec: PixelSpec) -> NDArray[np.uint8]:
        """uint8 `(H, W, C)`: image i as `covidreport evaluate` feeds it. ImageError if broken."""
        key = (i, spec)
        pixels = self._fitted.get(key)
        if pixels is None:
            pixels = fit_pixels(self._decode(i), spec)
            if self._take(pixels.nbytes):
                self._fitted[key] = pixels
        return pixels

    def picture(self, i: int, spec: PixelSpec, kind: Augmentation) -> Image.Image:
        """Image i as large as changes of this kind need it; grey where `spec` has one channel.

        ImageError if it is broken.
        """
        key = (i, spec, kind)
        picture = self._pictures.get(key)
        if picture is None:
            picture = self._decode(i).picture
            if spec.channels == 1:
                picture = picture.convert("L")
            picture = shrink_picture(picture, kind, spec)
            if self._take(picture.width * picture.height * len(picture.getbands())):
                self._pictures[key] = picture
        return picture

    def _decode(self, i: int) -> DecodedImage:
        return read_image(self.dataset.root / self.dataset.paths[i])

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
