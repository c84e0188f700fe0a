"""How weights are changed: optimizer, learning rate, scaling of gradients; one state for all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .device import Device
from .models import is_inside
from .settings import FitSettings

LEAST_BETTER = 1e-4
"""By so much a figure is to fall to count as better for the plateau: torch's own number."""


class Updates:
    """The updates of a model's weights, from the first of a fit to its last.

    Its state is all that a fit needs to go on from one epoch to the next, beside the weights.
    """

    def __init__(
        self, model: nn.Module, settings: FitSettings, device: Device, head: Sequence[str] = ()
    ) -> None:
        self._settings = settings
        self.optimizer = make_optimizer(model, settings, device, head)
        self._scaler = torch.amp.GradScaler(device.torch.type, enabled=device.float16)
        self._plateau = _Plateau() if settings.schedule == "plateau" else None
        self.rate = settings.learning_rate
        """That of the update before."""

    def step(self, loss: Tensor) -> None:
        """Change the weights once, by the gradients of a loss."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self._settings.clip_norm is not None:
            self._scaler.unscale_(self.optimizer)
            weights = [w for group in self.optimizer.param_groups for w in group["params"]]
            clip_grad_norm_(weights, self._settings.clip_norm)
        self._scaler.step(self.optimizer)
        self._scaler.update()

    def set_rate(self, epoch: int, batch: int, batches: int) -> None:
        """The learning rate of the next update: batch `batch` of an epoch, both from 1 on."""
        factor = 1.0 if self._plateau is None else self._plateau.factor
        self.rate = factor * rate_at(self._settings, epoch, batch, batches)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group.get("share", 1.0)

    def end_epoch(self, value: float) -> None:
        """Take notice of the figure that is to fall, after an epoch."""
        if self._plateau is not None:
            self._plateau.see(value)

    def state_dict(self) -> dict[str, Any]:
        """All of its state, as plain values and tensors."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "plateau": None if self._plateau is None else self._plateau.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to a state; one of before there was more than the optimizer's is taken too."""
        if "param_groups" in state:
            self.optimizer.load_state_dict(dict(state))
            return
        self.optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        if self._plateau is not None:
            self._plateau.load_state_dict(state["plateau"])


class _Plateau:
    """torch's `ReduceLROnPlateau` of a rate of 1: a tenth after ten epochs without a better one."""

    def __init__(self) -> None:
        self._rate = SGD([torch.zeros(1)], lr=1.0)
        self._scheduler = ReduceLROnPlateau(
            self._rate, threshold=LEAST_BETTER, threshold_mode="abs"
        )

    @property
    def factor(self) -> float:
        return float(self._rate.param_groups[0]["lr"])

    def see(self, value: float) -> None:
        self._scheduler.step(value)

    def state_dict(self) -> dict[str, Any]:
        return {"scheduler": self._scheduler.state_dict(), "factor": self.factor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._scheduler.load_state_dict(state["scheduler"])
        self._rate.param_groups[0]["lr"] = state["factor"]


def rate_at(settings: FitSettings, epoch: int, batch: int, batches: int) -> float:
    """The learning rate of an update; epoch and batch count from 1, `batches` is an epoch's.

    `cosine` is Loshchilov and Hutter 2017, eq. 5, epoch by epoch; after `warmup_epochs`, in which
    the rate rises evenly and at whose last update it is the stated one, update by update.
    """
    warmup = round(settings.warmup_epochs * batches)
    if settings.warmup_epochs:
        warmup = max(warmup, 1)
    done = (epoch - 1) * batches + batch - 1
    if done < warmup:
        return settings.learning_rate * (done + 1) / warmup
    if settings.schedule != "cosine":
        return settings.learning_rate
    if warmup:
        # the last update of the warm-up stands at the top of the curve
        gone = (done - warmup + 1) / (settings.epochs * batches - warmup + 1)
    else:
        gone = (epoch - 1) / settings.epochs
    return settings.learning_rate * (1 + math.cos(math.pi * gone)) / 2


def make_optimizer(
    model: nn.Module, settings: FitSettings, device: Device, head: Sequence[str] = ()
) -> Optimizer:
    """SGD, Adam or AdamW over the weights that train; with `backbone_rate` in two groups.

    head: the modules of the network that train at the full rate.
    """
    named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    weights: list[Any] = [weight for _, weight in named]
    if settings.backbone_rate is not None:
        inside = [f"network.{name}" for name in head]
        parts = {
            share: [weight for name, weight in named if is_inside(name, inside) == of_head]
            for of_head, share in ((False, settings.backbone_rate), (True, 1.0))
        }
        weights = [{"params": part, "share": share} for share, part in parts.items() if part]
    rate, decay = settings.learning_rate, settings.weight_decay
    fused = True if device.is_gpu else None
    if settings.optimizer == "adam":
        return Adam(weights, rate, weight_decay=decay, fused=fused)
    if settings.optimizer == "adamw":
        return AdamW(weights, rate, weight_decay=decay, fused=fused)
    return SGD(weights, rate, settings.momentum, weight_decay=decay, fused=fused)
