"""Torch models with random weights that answer as fitted ones do, and how they are exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DRAWN = Path(__file__).resolve().parent.parent / "covidreport" / "images" / "drawn"
PICTURES = ("grey.png", "colour.jpg", "deep.png")
Feed = Callable[[Image.Image], Any]


def open_picture(name: str) -> Image.Image:
    """A drawn picture in 8 bits, grey or RGB; of 16 bits by value / 257, rounded."""
    with Image.open(DRAWN / name) as picture:
        if picture.mode.startswith("I"):
            return Image.fromarray(np.rint(np.asarray(picture) / 257).astype(np.uint8))
        picture.load()
        return picture.copy()


def export_model(model: Any, example: Any, path: Path) -> None:
    """As torch's tutorial does it: one file, a batch of any size."""
    import torch

    torch.onnx.export(
        model.eval(), (example,), path, dynamo=True, external_data=False, verbose=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )  # fmt: skip


def strip_notes(path: Path) -> None:
    """Without the lines of source that torch notes at each node, with this machine's paths."""
    import onnx

    model = onnx.load(path)
    for body in (model.graph, *model.functions):
        body.ClearField("metadata_props")
        for each in (*body.node, *body.value_info):
            each.ClearField("metadata_props")
            each.ClearField("doc_string")
    for each in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        each.ClearField("metadata_props")
    onnx.save(model, path)


def settle_weights(model: Any, feed: Feed) -> Any:
    """Random weights that answer as fitted ones: batch statistics of the drawn pictures, and
    logits of mean 0 and deviation 1 among them, so that a picture fed otherwise shows."""
    import torch

    linear: Any = [each for each in model.modules() if isinstance(each, torch.nn.Linear)][-1]
    logits: list[Any] = []
    hook = linear.register_forward_hook(lambda *call: logits.append(call[2]))
    batch = torch.stack([feed(open_picture(name)) for name in PICTURES])
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()
        model(batch)
        model.eval()
        model(batch)
        mean, deviation = logits[-1].mean(0), logits[-1].std(0)
        alike = ((logits[-1] - mean) * (logits[-1] - mean)[:, :1]).sum(0) > 0
        deviation[1::2] *= torch.where(alike[1::2], -1, 1)  # random features rise together
        linear.weight /= deviation[:, None]
        if linear.bias is not None:  # fastai's has none
            linear.bias.copy_((linear.bias - mean) / deviation)
    hook.remove()
    return model


def score_softmax(model: Any, batch: Any) -> Any:
    import torch

    with torch.no_grad():
        return torch.softmax(model(batch), 1)[0].tolist()


def wrap_logits(inner: Any) -> Any:
    """A module that gives the logits of a Hugging Face model alone."""
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, pixel_values: Any) -> Any:
            return self.inner(pixel_values=pixel_values).logits

    return Logits()
