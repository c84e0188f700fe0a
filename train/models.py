"""The networks that an experiment can name, their heads, and what of them is frozen.

A network takes float images and gives one logit a label; `PixelModel` puts channel expansion,
division by 255 and normalisation in front, so that what is trained is what is exported.
"""

from __future__ import annotations

import difflib
import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import WeightsEnum

from covidreport.errors import UsageError

from .pooling import replace_adaptive_means
from .settings import FitSettings

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ModelError(UsageError):
    """A network can't be built as the study says; the message says why."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a network is built without weights, and the heads that it can be given."""

    build: Callable[[int, WeightsEnum | None], nn.Module]
    """From the channels of the pixels and torchvision's weights to the network, its own head on."""
    heads: tuple[str, ...] = ("plain",)
    """The heads that it can have."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


class PixelModel(nn.Module):
    """uint8 pixels `(N, C, H, W)` in, logits `(N, K)` out.

    The network sees pixels / 255, less `mean`, over `std`; grey pixels are repeated first where it
    wants three channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """float32 logits of a batch."""
        images = pixels.to(self.mean.dtype) / 255
        images = (images - self.mean) / self.std  # one grey channel spreads over three means
        logits: Tensor = self.network(images)
        return logits


class TinyCNN(nn.Module):
    """The demo's network: six convolutions and one linear layer, about 72,000 parameters.

    Mean and maximum of each feature go to the linear layer: how much of the lung is dense, and
    whether any of it is.
    """

    def __init__(self, channels: int, n_labels: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for after, stride in ((16, 2), (16, 1), (32, 2), (32, 1), (64, 2), (64, 2)):
            layers += [
                nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
            before = after
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(2 * before, n_labels)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(N, K)` of float images `(N, C, H, W)`."""
        features = self.features(images)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)
        logits: Tensor = self.classifier(pooled)
        return logits


class _NumbersOnCpu(TorchFunctionMode):
    """Tensors made of given numbers lie on the CPU: RegNet computes its widths with them, also
    where weights are only laid out, on `meta`, where no number has a value.
    """

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        """Call a function of torch."""
        named = named or {}
        if function in (torch.arange, torch.tensor):
            named = {"device": "cpu", **named}
        return function(*arguments, **named)


def _torchvision(name: str) -> Callable[[int, WeightsEnum | None], nn.Module]:
    def build(_channels: int, weights: WeightsEnum | None) -> nn.Module:
        with warnings.catch_warnings(), _NumbersOnCpu():
            warnings.simplefilter("ignore")  # two of them warn of how they will be initialised
            network: nn.Module = torchvision.models.get_model(name, weights=weights)
        replace_adaptive_means(network)
        return network

    return build


def _tiny(channels: int, _weights: WeightsEnum | None) -> nn.Module:
    return TinyCNN(channels)


ARCHITECTURES: dict[str, Architecture] = {
    "vgg16": Architecture(_torchvision("vgg16"), ("plain", "study")),
    "resnet18": Architecture(_torchvision("resnet18"), ("plain", "study")),
    "tiny": Architecture(_tiny, mean=(0.5,), std=(0.25,)),
}
"""What is built here; every other name is looked up among torchvision's classification models."""


def find_architecture(name: str) -> Architecture:
    """The architecture of this name; ModelError where there is none."""
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    names = torchvision_names()
    if name in names:
        return Architecture(_torchvision(name))
    near = difflib.get_close_matches(name, [*ARCHITECTURES, *names], n=3)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(ARCHITECTURES)}, or "
    )
    rest = "" if near else "a torchvision classification model, is wanted"
    raise ModelError(f"no architecture {name!r}; {hint}{rest}")


@functools.cache
def torchvision_names() -> tuple[str, ...]:
    """The names of torchvision's classification models."""
    return tuple(torchvision.models.list_models(module=torchvision.models))


def build_network(settings: FitSettings, weights: WeightsEnum | None = None) -> nn.Module:
    """The network as its makers left it, before freezing and head; ModelError where unknown.

    weights: torchvision's, whose file must be at hand; None for random ones.
    """
    return find_architecture(settings.architecture).build(settings.channels, weights)


def replace_head(network: nn.Module, settings: FitSettings, n_labels: int) -> None:
    """Give the network its head for `n_labels` labels, in place; ModelError where that can't be.

    `study` heads are those of the 2020 study: vgg16 keeps its 1000-way classifier and adds ReLU and
    a linear layer; resnet18 has Linear(512, 512), ReLU, Linear(512, K).
    """
    heads, head = find_architecture(settings.architecture).heads, settings.head
    if head not in heads:
        raise ModelError(f"`head` is {head!r}; {settings.architecture} has only {', '.join(heads)}")
    if head == "plain":
        _replace_last_linear(network, settings.architecture, n_labels)
    elif settings.architecture == "vgg16":
        assert isinstance(network.classifier, nn.Sequential)
        network.classifier.extend([nn.ReLU(), nn.Linear(1000, n_labels)])
    else:
        network.fc = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, n_labels))


def _replace_last_linear(network: nn.Module, name: str, n_labels: int) -> None:
    if getattr(network, "aux_logits", False):
        raise ModelError(f"{name} gives two outputs while it trains, which is not supported")
    linears = [(path, m) for path, m in network.named_modules() if isinstance(m, nn.Linear)]
    if not linears or linears[-1][1].out_features != 1000:
        raise ModelError(f"{name} does not end in a 1000-way linear layer that could be replaced")
    path, last = linears[-1]
    parent, _, child = path.rpartition(".")
    owner = network.get_submodule(parent)
    setattr(owner, child, nn.Linear(last.in_features, n_labels, bias=last.bias is not None))


def wrap_network(network: nn.Module, settings: FitSettings) -> PixelModel:
    """The network behind its normalisation."""
    architecture = find_architecture(settings.architecture)
    return PixelModel(network, architecture.mean, architecture.std)
