"""Adaptive average pooling that trains the same way twice on a GPU and exports at any size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class AdaptiveMean(nn.Module):
    """`AdaptiveAvgPool2d(size)` as means of slices, first of rows and then of columns.

    The library's own has no deterministic gradient on a GPU, and no ONNX form where the input's
    size is no multiple of `size` (images below 224 px). Where the input already has the size,
    nothing is done to it.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Float `(N, C, H, W)` to `(N, C, *size)`."""
        height, width = images.shape[-2:]
        if (height, width) == self.size:
            return images
        rows = [images[:, :, low:high].mean(2, True) for low, high in _cells(height, self.size[0])]
        images = torch.cat(rows, dim=2)
        columns = [images[..., low:high].mean(3, True) for low, high in _cells(width, self.size[1])]
        return torch.cat(columns, dim=3)


def replace_adaptive_means(network: nn.Module) -> None:
    """Put an `AdaptiveMean` in the place of every `AdaptiveAvgPool2d`, in place.

    Those to 1 x 1 stay: they are a plain mean, whose gradient is deterministic.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size not in (1, (1, 1)):
            size: Any = module.output_size
            network.set_submodule(
                name, AdaptiveMean(size if isinstance(size, tuple) else (size,) * 2)
            )


def _cells(length: int, size: int) -> list[tuple[int, int]]:
    """Cell i reaches from floor(i·length/size) to ceil((i+1)·length/size), as in torch."""
    return [(i * length // size, -((-(i + 1) * length) // size)) for i in range(size)]
