"""Losses of independent yes/no labels, computed from logits.

Each loss is two steps: `elements` gives one value per image and label, `finish` turns their mean
into the loss. They are apart so that several processes can share one batch: the mean is taken over
all of them, and what comes after it is computed on that mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from .settings import AS_RUN, LossName


def bce_elements(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross entropy per element: -t·log p - (1-t)·log(1-p), in log space. Same shape."""
    return functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")


def focal_elements(
    logits: Tensor, truth: Tensor, gamma: float, alpha: float | None = None
) -> Tensor:
    """The focal loss per element, -α_t·(1 - p_t)^γ·log p_t (Lin et al. 2017, eq. 5). Same shape.

    truth: 0 or 1. gamma: 0 or more. alpha: the weight of positives, with 1 - alpha for negatives;
    None for no weights. Computed as exp(γ·log(1 - p_t))·log p_t, both logarithms by `logsigmoid`:
    (1 - p_t)^γ itself has an infinite derivative at p_t = 1 for γ < 1, and p_t reaches 1 in
    floating point; its logarithm has not, so loss and gradient are finite for any logit.
    """
    signed = torch.where(truth > 0, logits, -logits)
    log_p = functional.logsigmoid(signed)
    log_rest = functional.logsigmoid(-signed)
    losses = -torch.exp(gamma * log_rest) * log_p
    if alpha is None:
        return losses
    return torch.where(truth > 0, alpha, 1 - alpha) * losses


def log_of_mean(mean: Tensor, gamma: float, alpha: float) -> Tensor:
    """What the 2020 study called focal loss: α·(1 - exp(-x))^γ·ln(x) of the batch's mean BCE x.

    Kept to run that study as it was, and for nothing else. It is below zero for x < 1 and lowest
    at an x above zero (-0.0269 for γ = 2 and α = 0.25), so it stops a model from fitting.
    """
    return alpha * (1 - torch.exp(-mean)) ** gamma * torch.log(mean)


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss as the loop uses it: `finish(weighted_mean(elements(...)))`."""

    elements: Callable[[Tensor, Tensor], Tensor]
    finish: Callable[[Tensor], Tensor]
    positive_weight: Tensor | None = None
    """`(K,)`: what the elements of positives are multiplied by; None for 1."""

    def at(self, device: torch.device) -> Loss:
        """The same loss, with its weights on a device."""
        weight = self.positive_weight
        return self if weight is None else replace(self, positive_weight=weight.to(device))

    def sum_and_count(self, logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The sum over the elements whose truth is known, and how many these are.

        logits `(N, K)`, of any floating type: computed in float32 or wider. truth `(N, K)`: 1, 0,
        or below 0 where unknown.
        """
        known = truth >= 0
        target = truth.clamp(min=0).to(torch.promote_types(logits.dtype, torch.float32))
        losses = self.elements(logits.to(target.dtype), target)
        if self.positive_weight is not None:
            losses = losses * torch.where(target > 0, self.positive_weight.to(target), 1.0)
        return torch.where(known, losses, 0.0).sum(), known.sum()

    def __call__(self, logits: Tensor, truth: Tensor) -> Tensor:
        """The loss of one batch, a scalar; NaN where no element's truth is known."""
        total, count = self.sum_and_count(logits, truth)
        return self.finish(total / count)


def make_loss(
    name: LossName,
    gamma: float | None = None,
    alpha: float | None = None,
    positive_weight: Tensor | None = None,
) -> Loss:
    """The loss called `name` in a study file: `bce`, `focal` or the 2020 study's own.

    Raises ValueError for another name, or where the loss needs a gamma or alpha that is None.
    """

    def unchanged(mean: Tensor) -> Tensor:
        return mean

    if name == "bce":
        return Loss(bce_elements, unchanged, positive_weight)
    if name == "focal" and gamma is not None:
        focus = gamma
        return Loss(lambda x, t: focal_elements(x, t, focus, alpha), unchanged, positive_weight)
    if name == AS_RUN and gamma is not None and alpha is not None:
        focus, weight = gamma, alpha
        return Loss(bce_elements, lambda mean: log_of_mean(mean, focus, weight), positive_weight)
    raise ValueError(f"no loss {name!r} with gamma {gamma} and alpha {alpha}")
