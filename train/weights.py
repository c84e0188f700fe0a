"""What training starts from: published weights, a file, or random weights by request.

Weights that can't be had are an error that says how to bring them; they are never replaced by
random ones. All are loaded in one way: what fits by name and shape, and what does not fit is the
head, or an error. Nothing of a file is run as code.
"""

from __future__ import annotations

import argparse
import importlib
import pickle
import re
import urllib.error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.hub import get_dir, load_state_dict_from_url

from covidreport.errors import UsageError
from covidreport.store import digest_file

from .models import Loaded, is_inside
from .networks import ENUM_MEMBER, TIMM, find_enum, load_timm, torchvision_names
from .settings import FitSettings

COUNTER = "num_batches_tracked"
PREFIXES = ("module.", "model.", "_orig_mod.")
"""What DataParallel, Lightning and `torch.compile` put before the names of weights."""
TABLES = ("state_dict_ema", "model_ema", "state_dict", "model", "weights")
"""Where files of checkpoints hold their weights; averaged ones first, as timm has it."""
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
"""How torchvision's files still call what its DenseNets call `norm1` and `conv1`."""


class WeightsError(UsageError):
    """The weights that a run is to start from can't be had; the message says how to bring them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where an experiment starts, found and checked: `file` is None for random weights."""

    stated: str
    name: str
    file: Path | None = None
    sha256: str | None = None

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
    if settings.weights == "pretrained":
        return _find_pretrained(settings.architecture)
    file = folder / settings.weights
    if not file.is_file():
        raise WeightsError(
            f'weights = "{settings.weights}": there is no file {file}; say "imagenet", '
            '"pretrained" (timm), "none", or the path of a file of weights, relative to the study '
            "file"
        )
    return Weights(settings.weights, file.name, file, digest_file(file))


def _find_imagenet(architecture: str) -> Weights:
    if architecture.startswith(TIMM):
        raise WeightsError(
            'weights = "imagenet" are torchvision\'s: for timm say weights = "pretrained", and the '
            f'tag of the weights, such as architecture = "{TIMM}resnet18.a1_in1k"'
        )
    if architecture not in torchvision_names():
        raise WeightsError(
            f'weights = "imagenet": there are none for {architecture}; say weights = "none"'
        )
    member = find_enum(architecture)
    if member is None:
        raise WeightsError(
            f'weights = "imagenet": torchvision has no {ENUM_MEMBER} of {architecture}; name a '
            'file (weights = "path/to/file.pth") or say weights = "none"'
        )
    name = member.url.rpartition("/")[2]
    file = Path(get_dir()) / "checkpoints" / name
    if not file.is_file():
        _download(member.url, file, architecture)
    digest = digest_file(file)
    expected = name.rpartition("-")[2].partition(".")[0]
    if not digest.startswith(expected):
        raise WeightsError(
            f"{file} is damaged: its sha256 begins with {digest[: len(expected)]}, its name says "
            f"{expected}; delete it and bring it again from {member.url}"
        )
    return Weights("imagenet", f"{type(member).__name__}.{ENUM_MEMBER}", file, digest)


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


def _find_pretrained(architecture: str) -> Weights:
    """timm's weights of a tag, from the hub's cache on this machine, else from the hub."""
    name = architecture.removeprefix(TIMM)
    if name == architecture:
        raise WeightsError(
            'weights = "pretrained" are timm\'s (architecture = "timm:NAME.TAG"); torchvision\'s '
            'are weights = "imagenet"'
        )
    timm = load_timm()
    if "." not in name:
        tags = ", ".join(timm.list_pretrained(f"{name}.*")) or "none"
        raise WeightsError(
            f'weights = "pretrained": which of them? Defaults change, so name the tag; of {name} '
            f"timm has {tags}"
        )
    configuration = timm.get_pretrained_cfg(name)
    repository = configuration.hf_hub_id
    if not repository or configuration.custom_load:
        raise WeightsError(
            f'weights = "pretrained": those of {name} are in a form of their makers; name a file '
            'of weights by the names of timm (weights = "path/to/file.safetensors")'
        )
    hub: Any = importlib.import_module("huggingface_hub")
    filename = configuration.hf_hub_filename or "model.safetensors"
    try:
        found = hub.try_to_load_from_cache(repository, filename)
        file = Path(found if isinstance(found, str) else hub.hf_hub_download(repository, filename))
    except (OSError, hub.errors.HfHubHTTPError) as error:
        reason = str(error).strip().splitlines()
        raise WeightsError(
            f"the weights {name} can't be had ({reason[0] if reason else type(error).__name__}). "
            f"Bring {filename} of the hub's repository {repository} from a machine that can, and "
            f'name it: weights = "path/to/{filename}"'
        ) from error
    return Weights("pretrained", f"{repository}, {file.parent.name}", file, digest_file(file))


def read_state(file: Path) -> dict[str, Tensor]:
    """The tensors in a file of weights, by name; WeightsError where it holds anything else.

    A file of torch may hold them under one of `TABLES`. It is read without running any code that it
    may contain.
    """
    if file.suffix == ".safetensors":
        return _read_safetensors(file)
    try:
        # what the options of many a training script are kept in: names and values, no code
        with torch.serialization.safe_globals([argparse.Namespace]):
            value: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{file}: can't be read as weights ({reason})") from error
    for key in TABLES:
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
    if not isinstance(value, Mapping) or not all(isinstance(t, Tensor) for t in value.values()):
        raise WeightsError(f"{file}: holds no table of weights by name")
    return dict(value)


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"{file}: safetensors is not installed: pip install 'covidreport[train]'"
        ) from error
    try:
        state: dict[str, Tensor] = load_file(file)
        return state
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file}: can't be read as weights ({error})") from error


def load_weights(
    network: nn.Module, state: Mapping[str, Tensor], file: Path, head: Sequence[str],
    auxiliary: Sequence[str] = (),
) -> Loaded:  # fmt: skip
    """Load what fits by name and shape, in place; what does not is the head, or a WeightsError.

    head: the modules that may be new. auxiliary: those that a file may have besides. Files from
    before batch norm counted its batches fit: nothing here reads these counters.
    """
    own = network.state_dict()
    given = _rename(state, own, file)
    fitting = {n: t for n, t in given.items() if n in own and own[n].shape == t.shape}
    new = tuple(n for n in own if n not in fitting and not n.endswith(COUNTER))
    left = tuple(n for n in given if n not in fitting and not is_inside(n, auxiliary))
    missing = [n for n in new if n not in given and not is_inside(n, head)]
    strange = [n for n in left if n not in own and not is_inside(n, head)]
    reshaped = [n for n in left if n in own and not is_inside(n, head)]
    misfit = "; ".join(
        f"{words} {_list_some(names)}"
        for words, names in (
            ("lacks", missing), ("has besides", strange),
            ("has otherwise", [_compare_shapes(n, given[n], own[n]) for n in reshaped]),
        ) if names
    )  # fmt: skip
    if misfit:
        hint = ""
        if any(given[n].dim() == 4 and given[n].shape[1] == 1 for n in reshaped[:1]):
            hint = (
                ". Its stem has one channel: of timm's networks such a one is built where `mean` "
                "and `std` are stated with one value each"
            )
        raise WeightsError(
            f"{file}: is not of this network, whose head is {' and '.join(head)}: it {misfit}{hint}"
        )
    network.load_state_dict(fitting, strict=False)
    return Loaded(len(fitting), new, left)


def _rename(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], file: Path
) -> dict[str, Tensor]:
    """The weights under the network's names: without what frameworks put before them."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        short = name
        while short not in own and short.startswith(PREFIXES):
            short = short.partition(".")[2]
        short = short if short in own else OLD_DENSENET.sub(r"\1\2.", short)
        if short in renamed:
            raise WeightsError(f"{file}: has {short} twice, once as {name}")
        renamed[short] = tensor
    return renamed


def _compare_shapes(name: str, given: Tensor, own: Tensor) -> str:
    there, here = (" × ".join(map(str, t.shape)) or "a number" for t in (given, own))
    return f"{name} ({there}, not {here})"


def _list_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}"
