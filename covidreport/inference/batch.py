"""Pixels as a model's input takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.records import InputSpec


def prepare_batch(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[Any]:
    """Turn uint8 pixels `(N, H, W, C)` into what the model's input takes.

    Layout, order of the channels and dtype as in `spec`; where the input is a float, divided by
    `divisor`, less `mean`, over `std`, in float32. Before that `min-max` stretches each image to 0
    to 255; `z-score` takes the place of it all. Both are over all pixels and channels of an image,
    and give 0 for one of a single value, as MONAI's `NormalizeIntensity` and `ScaleIntensity`.
    """
    batch: NDArray[Any] = pixels[..., ::-1] if spec.channel_order == "BGR" else pixels
    if spec.dtype != "uint8":
        batch = batch.astype(np.float32)
        if spec.per_image is not None:
            batch = _normalise(batch, spec.per_image)
        batch /= np.float32(spec.divisor)
        if spec.mean is not None:
            batch -= np.asarray(spec.mean, np.float32)
        if spec.std is not None:
            batch /= np.asarray(spec.std, np.float32)
        batch = batch.astype(spec.dtype, copy=False)
    if spec.layout == "NCHW":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch)


def _normalise(batch: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """Each image of `(N, H, W, C)` by itself."""
    axes = (1, 2, 3)
    if how == "z-score":
        wide = batch.astype(np.float64)
        shift, scale = wide.mean(axes, keepdims=True), wide.std(axes, keepdims=True)
    else:
        shift = batch.min(axes, keepdims=True)
        scale = (batch.max(axes, keepdims=True) - shift) / 255
    result: NDArray[np.float32] = (batch - shift) / np.where(scale == 0, 1, scale)
    return result.astype(np.float32)
