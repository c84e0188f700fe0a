"""One step of training on torch's `meta` device: it copies as a card would, computing nothing."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from covidreport.records import Dataset
from train.batches import Batch, BatchFeed
from train.device import Device
from train.images import ImageStore
from train.losses import make_loss
from train.models import build_network, wrap_network
from train.passes import Passes
from train.ranks import Ranks
from train.settings import FitSettings
from train.task import Task

CARD = torch.device("meta")
NO_IMAGES = Dataset("none", Path(), Path(), ("a", "b", "c"), (), (), np.zeros((0, 3), np.int8))


class Copies(TorchDispatchMode):
    """Notes what is copied from the CPU's memory to another device."""

    def __init__(self):
        super().__init__()
        self.made = []

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        named = named or {}
        if function is torch.ops.aten._to_copy.default and arguments[0].device.type == "cpu":
            self.made.append((tuple(arguments[0].shape), bool(named.get("non_blocking"))))
        return function(*arguments, **named)


def test_a_step_copies_pixels_and_truth_and_waits_for_neither(monkeypatch):
    """The loss's weights lie on the card before the first step."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no `meta`
    settings = FitSettings("tiny", "none", "bce", "adam", 0.01, 1, 4, image_size=32)
    network = build_network(settings, 3)
    task = Task(
        settings, 0, {}, BatchFeed(ImageStore(NO_IMAGES), settings.pixels, 1),
        make_loss("bce", positive_weight=torch.tensor([20.0, 1.0, 0.5])),
        Device(CARD, autocast=False), Ranks(), Path("unused"), (),
    )  # fmt: skip
    passes = Passes(wrap_network(network, settings), task)
    batch = Batch(np.arange(2), torch.zeros(2, 1, 32, 32, dtype=torch.uint8), torch.zeros(2, 3))
    with Copies() as copies:
        passes._step(batch)
    assert copies.made == [((2, 1, 32, 32), True), ((2, 3), True)]
