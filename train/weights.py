"""What training starts from: torchvision's ImageNet weights, a file, or random weights by request.

Weights that can't be had are an error that says how to bring them; they are never replaced by
random ones.
"""

from __future__ import annotations

import hashlib
import pickle
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torch.hub import get_dir, load_state_dict_from_url
from torchvision.models import WeightsEnum

from covidreport.errors import UsageError

from .settings import FitSettings

ENUM_MEMBER = "IMAGENET1K_V1"
"""The weights meant by `imagenet`: fixed by name, since a library's default may change."""

COUNTER = "num_batches_tracked"


class WeightsError(UsageError):
    """The weights that a run is to start from can't be had; the message says how to bring them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where an experiment starts, found and checked: `file` is None for random weights."""

    stated: str
    name: str
    file: Path | None = None
    sha256: str | None = None
    enum: WeightsEnum | None = None
    """torchvision's, whose file is at hand."""

    def describe(self) -> dict[str, str | None]:
        """For run.json: what was asked for, its full name, and the digest of the file."""
        return {"weights": self.stated, "name": self.name, "sha256": self.sha256}


def find_weights(settings: FitSettings, folder: Path) -> Weights:
    """Find (or download) what `settings.weights` names; a relative file is looked up in `folder`.

    Raises WeightsError where it can't be had, or is not what its name says.
    """
    if settings.weights == "none":
        return Weights("none", "random, from the seed")
    if settings.weights == "imagenet":
        return _find_imagenet(settings.architecture)
    file = folder / settings.weights
    if not file.is_file():
        raise WeightsError(
            f'weights = "{settings.weights}": there is no file {file}; say "imagenet", "none", or '
            "the path of a file of weights, relative to the study file"
        )
    return Weights(settings.weights, file.name, file, _digest(file))


def _find_imagenet(architecture: str) -> Weights:
    try:
        enum = torchvision.models.get_model_weights(architecture)
    except ValueError as error:
        raise WeightsError(
            f'weights = "imagenet": there are none for {architecture}; say weights = "none"'
        ) from error
    member = getattr(enum, ENUM_MEMBER)
    name = member.url.rpartition("/")[2]
    file = Path(get_dir()) / "checkpoints" / name
    if not file.is_file():
        _download(member.url, file, architecture)
    digest = _digest(file)
    expected = name.rpartition("-")[2].partition(".")[0]
    if not digest.startswith(expected):
        raise WeightsError(
            f"{file} is damaged: its sha256 begins with {digest[: len(expected)]}, its name says "
            f"{expected}; delete it and bring it again from {member.url}"
        )
    return Weights("imagenet", f"{enum.__name__}.{ENUM_MEMBER}", file, digest, member)


def _download(url: str, file: Path, architecture: str) -> None:
    try:
        load_state_dict_from_url(url, progress=False, check_hash=True, weights_only=True)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"the ImageNet weights of {architecture} can't be downloaded ({error}). Bring them "
            f"from a machine that can: save {url} as {file}; or name a file of weights "
            '(weights = "path/to/file.pth", --weights path/to/file.pth); or start from random '
            'weights on purpose (weights = "none", --weights none)'
        ) from error


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_state(file: Path) -> dict[str, torch.Tensor]:
    """The tensors in a file of weights, by name; WeightsError where it holds anything else.

    The file may hold them under `state_dict`, `model` or `weights`. It is read without running any
    code that it may contain.
    """
    try:
        value: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{file}: can't be read as weights ({reason})") from error
    for key in ("state_dict", "model", "weights"):
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
    if not isinstance(value, Mapping) or not all(
        isinstance(t, torch.Tensor) for t in value.values()
    ):
        raise WeightsError(f"{file}: holds no table of weights by name")
    return dict(value)


def fits(network: nn.Module, state: Mapping[str, torch.Tensor]) -> bool:
    """Whether the tensors are exactly those of the network, by name and shape.

    Old files lack batch norm's counters of batches, which nothing here reads.
    """
    return not describe_misfit(network, state)


def describe_misfit(network: nn.Module, state: Mapping[str, torch.Tensor]) -> str:
    """In words, what stands between a file of weights and a network."""
    own = network.state_dict()
    missing = [key for key in own if key not in state and not key.endswith(COUNTER)]
    strange = [key for key in state if key not in own]
    reshaped = [key for key in own if key in state and own[key].shape != state[key].shape]
    parts = []
    for kind, keys in (("lacks", missing), ("has besides", strange), ("has otherwise", reshaped)):
        if keys:
            more = f" and {len(keys) - 2} more" if len(keys) > 2 else ""
            parts.append(f"{kind} {', '.join(keys[:2])}{more}")
    return "; ".join(parts)
