"""The network of an experiment with its head, behind its normalisation.

A network takes float images and gives one logit a label; `PixelModel` puts channel expansion,
division by 255 and normalisation in front, so that what is trained is what is exported.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .networks import ModelError, find_architecture
from .pooling import replace_adaptive_means
from .settings import FitSettings

STUDY_HEADS = {"vgg16": "classifier.8", "resnet18": "fc"}
"""The networks that can have the head of the 2020 study, and where it stands."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file's weights, by name."""

    loaded: int
    """How many were taken."""
    new: tuple[str, ...]
    """Of the network, random from the seed."""
    left_over: tuple[str, ...]
    """Of the file, without a place, or of another shape."""


class PixelModel(nn.Module):
    """uint8 pixels `(N, C, H, W)` in, logits `(N, K)` out.

    The network sees pixels / 255, less `mean`, over `std`; grey pixels are repeated first where it
    wants three channels.
    """

    mean: Tensor
    std: Tensor
    loaded: Loaded | None = None
    """Of the file that it began with."""

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


class _NumbersOnCpu(TorchFunctionMode):
    """Tensors made of given numbers lie on the CPU: RegNet computes its widths with them, also
    where weights are only laid out, on `meta`, where no number has a value.
    """

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        """Call a function of torch."""
        named = named or {}
        if function in (torch.arange, torch.linspace, torch.tensor):
            named = {"device": "cpu", **named}
        return function(*arguments, **named)


def find_normalisation(settings: FitSettings) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of what the network sees: the study's, else the network's own."""
    architecture = find_architecture(settings.architecture)
    if settings.mean is None or settings.std is None:
        return architecture.mean, architecture.std
    return settings.mean, settings.std


def build_network(settings: FitSettings, n_labels: int) -> nn.Module:
    """The network with its head for `n_labels` labels; random parts from torch's generator.

    `study` heads are those of the 2020 study: vgg16 keeps its 1000-way classifier and adds ReLU and
    a linear layer; resnet18 has Linear(512, 512), ReLU, Linear(512, K). ModelError where it can't
    be built so.
    """
    name, study = settings.architecture, settings.head == "study"
    architecture = find_architecture(name)
    if study and name not in STUDY_HEADS:
        raise ModelError(f"`head` is {settings.head!r}; {name} has only plain")
    channels = max(settings.channels, len(find_normalisation(settings)[0]))
    with warnings.catch_warnings(), _NumbersOnCpu():
        warnings.simplefilter("ignore")  # two of them warn of how they will be initialised
        network = architecture.build(1000 if study else n_labels, channels)
    if study and name == "vgg16":
        assert isinstance(network.classifier, nn.Sequential)
        network.classifier.extend([nn.ReLU(), nn.Linear(1000, n_labels)])
    elif study:
        network.fc = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, n_labels))
    replace_adaptive_means(network)
    return network


def lay_out(settings: FitSettings, n_labels: int) -> nn.Module:
    """The network on torch's `meta` device, without values; one's own is really built."""
    if find_architecture(settings.architecture).file is not None:
        with torch.random.fork_rng(devices=[]):
            return build_network(settings, n_labels)
    with torch.device("meta"):
        return build_network(settings, n_labels).to("meta")


def needs_head(settings: FitSettings) -> bool:
    """Whether the head trains otherwise than the rest."""
    return settings.frozen_epochs > 0 or settings.backbone_rate is not None


def find_head(settings: FitSettings, n_labels: int) -> tuple[str, ...]:
    """The modules that make up the head: whose weights have as many rows as there are labels.

    With the head of the 2020 study, all that it replaced. ModelError where nothing depends on the
    labels.
    """
    if settings.head == "study":
        return (STUDY_HEADS[settings.architecture],)
    return _find_plain_head(
        FitSettings(
            settings.architecture, "none", "bce", "sgd", 1.0, 1, 1,
            channels=settings.channels, mean=settings.mean, std=settings.std,
        ),
        n_labels,
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def _find_plain_head(settings: FitSettings, n_labels: int) -> tuple[str, ...]:
    here, other = (lay_out(settings, n).state_dict() for n in (n_labels, n_labels + 1))
    names = [
        name for name, value in here.items()
        if name not in other or other[name].shape != value.shape
    ]  # fmt: skip
    if not names:
        raise ModelError(
            f"{settings.architecture}: nothing in it depends on the number of labels; it is to "
            "give one output for each"
        )
    return tuple(dict.fromkeys(name.rpartition(".")[0] or name for name in names))


def is_inside(name: str, modules: Sequence[str]) -> bool:
    """Whether a weight or a module of this name is one of these modules, or a part of one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def wrap_network(network: nn.Module, settings: FitSettings) -> PixelModel:
    """The network behind its normalisation."""
    return PixelModel(network, *find_normalisation(settings))
