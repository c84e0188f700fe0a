"""Where networks come from: torchvision, timm, a function of one's own, and the demo's own.

Each is built with as many outputs as there are labels; none is adapted to what it was not made for.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from covidreport.errors import UsageError
from covidreport.store import digest_file

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
TIMM = "timm:"
OWN = re.compile(r"(?!timm:)([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
"""`module:function`, a network of one's own."""
ENUM_MEMBER = "IMAGENET1K_V1"
"""The weights meant by `imagenet`: fixed by name, since a library's default may change."""
MADE_OTHERWISE: Mapping[str, Mapping[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}
"""Without the second output that both have while they train; initialised as they always were."""


class ModelError(UsageError):
    """A network can't be built as the study says; the message says why."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a network is built without weights, and what it expects."""

    build: Callable[[int, int], nn.Module]
    """From the number of labels and the channels that it is fed."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    auxiliary: tuple[str, ...] = ()
    """Modules that files of its weights have and the network here does not."""
    file: Path | None = None
    """Where the function of one's own stands."""


class TinyCNN(nn.Module):
    """The demo's network: six convolutions and one linear layer, about 72,000 parameters.

    Mean and maximum of each feature go to the linear layer: how much of the lung is dense, and
    whether any of it is.
    """

    def __init__(self, n_labels: int, channels: int) -> None:
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


def find_architecture(name: str) -> Architecture:
    """The architecture of this name; ModelError where there is none."""
    if name == "tiny":
        return Architecture(TinyCNN, mean=(0.5,), std=(0.25,))
    if name.startswith(TIMM):
        return _find_timm(name.removeprefix(TIMM))
    if OWN.fullmatch(name):
        return _find_own(name)
    names = torchvision_names()
    if name in names:
        return _find_torchvision(name)
    near = difflib.get_close_matches(name, ["tiny", *names], n=3)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else "tiny, a torchvision classification model, timm:NAME or module:function is wanted"
    )
    raise ModelError(f"no architecture {name!r}; {hint}")


@functools.cache
def torchvision_names() -> tuple[str, ...]:
    """The names of torchvision's classification models."""
    return tuple(torchvision.models.list_models(module=torchvision.models))


def find_enum(name: str) -> WeightsEnum | None:
    """The weights that `imagenet` means for a torchvision model; None where it has none such."""
    found: WeightsEnum | None = getattr(
        torchvision.models.get_model_weights(name), ENUM_MEMBER, None
    )
    return found


def _find_torchvision(name: str) -> Architecture:
    def build(n_labels: int, channels: int) -> nn.Module:
        if channels != 3:
            raise ModelError(
                f"`mean` and `std`: {name} has three channels, which grey is repeated in; state "
                "three values each, or none"
            )
        network: nn.Module = torchvision.models.get_model(
            name, weights=None, num_classes=n_labels, **MADE_OTHERWISE.get(name, {})
        )
        return network

    if name in MADE_OTHERWISE:  # with ImageNet's weights torchvision puts this in front of both
        return Architecture(build, HALF, HALF, auxiliary=("aux1", "aux2", "AuxLogits"))
    enum = find_enum(name)
    if enum is None:
        return Architecture(build)
    prepared = enum.transforms()
    return Architecture(build, tuple(prepared.mean), tuple(prepared.std))


def load_timm() -> ModuleType:
    """timm, which asks nobody for anything; ModelError where it is not installed."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # read when the hub's client is loaded
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ModelError(
            "timm is not installed: pip install 'covidreport[train,timm]' brings its networks"
        ) from error
    module: ModuleType = timm
    return module


@functools.lru_cache(maxsize=64)
def _find_timm(name: str) -> Architecture:
    timm = load_timm()
    if not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ModelError(f"timm has no network {name!r}{hint}")
    plain, _, tag = name.partition(".")
    if tag and name not in timm.list_pretrained():
        tags = ", ".join(timm.list_pretrained(f"{plain}.*")) or "none"
        raise ModelError(f"timm has no weights {name!r}; of this network it has {tags}")
    configuration = timm.get_pretrained_cfg(name)

    def build(n_labels: int, channels: int) -> nn.Module:
        try:
            network: nn.Module = timm.create_model(name, num_classes=n_labels, in_chans=channels)
        except (RuntimeError, AssertionError, ValueError, TypeError, KeyError) as error:
            raise ModelError(
                f"timm can't make {name} for {n_labels} labels and {channels} channels "
                f"({type(error).__name__}: {error})"
            ) from error
        return network

    return Architecture(build, tuple(configuration.mean), tuple(configuration.std))


def look_first_in(folder: Path) -> None:
    """Let networks of one's own, and what they import, be found in `folder` before elsewhere."""
    place = str(folder.resolve())
    if sys.path[0] != place:
        sys.path.insert(0, place)


def _find_own(name: str) -> Architecture:
    module_name, function_name = name.split(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever somebody's own file raises
        raise ModelError(
            f"{name}: {module_name} can't be imported ({type(error).__name__}: {error}); it is "
            "looked up in the study's folder first"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function) or module.__file__ is None:
        raise ModelError(f"{name}: {module.__file__ or module_name} has no function of this name")

    def build(n_labels: int, _channels: int) -> nn.Module:
        try:
            network = function(n_labels)
        except Exception as error:
            raise ModelError(
                f"{name}: {function_name}({n_labels}) raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(network, nn.Module):
            raise ModelError(f"{name}: {function_name}({n_labels}) gave {network!r}, no network")
        return network

    return Architecture(build, (0.0,), (1.0,), file=Path(module.__file__))


def describe_source(name: str, folder: Path) -> dict[str, Any]:
    """For run.json: where one's own network stands, from `folder` on, and its file's digest."""
    file = find_architecture(name).file
    if file is None:
        return {}
    depth = name.partition(":")[0].count(".") + (file.name == "__init__.py")
    root = file.resolve().parents[depth]
    try:
        place = Path(os.path.relpath(root, folder.resolve())).as_posix()
    except ValueError:  # another drive
        place = root.as_posix()
    return {
        "folder": place,
        "file": file.resolve().relative_to(root).as_posix(),
        "sha256": digest_file(file),
    }
