"""Adaptive average pooling that trains the same way twice on a GPU and exports at any size."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AdaptiveMean(nn.Module):
    """`AdaptiveAvgPool2d(size)` as two products with matrices of averages.

    The library's own has no deterministic gradient on a GPU, and no ONNX form where the input's
    size is no multiple of `size` (images below 224 px). Where the input already has the size,
    nothing is done to it.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Float `(N, C, H, W)` to `(N, C, size, size)`."""
        height, width = images.shape[-2:]
        if (height, width) == (self.size, self.size):
            return images
        rows = _averages(height, self.size).to(images)
        columns = _averages(width, self.size).to(images)
        return rows @ images @ columns.T


def _averages(length: int, size: int) -> Tensor:
    """`(size, length)`: row i averages from floor(i·length/size) to ceil((i+1)·length/size)."""
    edges = [(i * length // size, -((-(i + 1) * length) // size)) for i in range(size)]
    return torch.tensor(
        [[(low <= k < high) / (high - low) for k in range(length)] for low, high in edges]
    )
