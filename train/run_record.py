"""run.json of a fitted run: what was fitted on what, from where, with which versions.

`describe_experiment` and `read_settings` are each other's inverse, so a run folder can be told
from another fit, and exported again, without its study file.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import covidreport
from covidreport.errors import RunError
from covidreport.records import Dataset

from . import IN_CHECKOUT
from .batches import Split
from .fields import SETTING_FIELDS
from .freezing import frozen_in_effect
from .models import Loaded, PixelModel, find_normalisation
from .networks import IMAGENET_MEAN, IMAGENET_STD, describe_source, look_first_in
from .settings import EpochRule, Experiment, FitSettings, Study, describe_settings
from .weights import Weights

_ELSEWHERE = {
    "seed": ("seed",),
    "weights": ("started_from", "weights"),
    "train_split": ("data", "train_split"),
    "validation_split": ("data", "validation_split"),
    "train_labels": ("data", "train_labels"),
    "validation_labels": ("data", "validation_labels"),
    "augmentation": ("data", "augmentation"),
    "validation_augmentation": ("data", "validation_augmentation"),
}
"""Settings that stand outside `hyperparameters`; `exported_epoch` is spread over its own object."""

PACKAGES = ("torch", "torchvision", "onnx", "onnxscript", "onnxruntime-gpu", "onnxruntime",
            "safetensors", "timm", "numpy", "pillow", "imagecodecs")  # fmt: skip


def describe_experiment(experiment: Experiment, study: Study) -> dict[str, Any]:
    """The part of run.json that the study file settles; two fits are the same where it is."""
    settings = experiment.settings
    values = describe_settings(settings)
    hyperparameters = {
        key: value
        for key, value in values.items()
        if key not in _ELSEWHERE and key != "exported_epoch" and value is not None
    }
    described: dict[str, Any] = {
        "name": experiment.name,
        "experiment": experiment.number,
        "block": experiment.block,
        "description": experiment.description,
        "study": study.name,
        "hyperparameters": hyperparameters,
        "seed": settings.seed,
        "started_from": {"weights": settings.weights},
        "data": {
            "labels": list(study.labels),
            "target": study.target,
            **({"uncertain": list(study.uncertain)} if study.uncertain else {}),
        },
        "exported_epoch": values["exported_epoch"],
    }
    if experiment.configuration is not None:
        described["configuration"] = experiment.configuration
    if experiment.fold is not None:
        described["fold"] = experiment.fold
    for key, (section, *rest) in _ELSEWHERE.items():
        if rest:
            described[section][rest[0]] = values[key]
    if study.overrides:
        described["overrides"] = dict(study.overrides)
    return described


def _state_all(hyperparameters: Any) -> Any:
    """With what runs did not record that were fitted before it could be stated.

    Where the study named no head, vgg16 and resnet18 had that of the 2020 study.
    """
    if not isinstance(hyperparameters, Mapping):
        return hyperparameters
    study = hyperparameters.get("architecture") in ("vgg16", "resnet18")
    unsaid = {"head": "study" if study else "plain", "warmup_epochs": 0.0, "frozen_epochs": 0}
    return {**unsaid, **hyperparameters}


def read_settings(run: Mapping[str, Any], path: Path) -> FitSettings:
    """The settings in a run.json; RunError where it is none that `train` wrote."""
    try:
        values = dict(_state_all(run["hyperparameters"]))
        for key, keys in _ELSEWHERE.items():
            value: Any = run
            for part in keys:
                value = value[part]
            values[key] = value
        for key, value in values.items():
            if isinstance(value, list | dict):
                values[key] = SETTING_FIELDS[key](value)
        rule = run["exported_epoch"]
        values["exported_epoch"] = EpochRule(rule["rule"], rule["metric"], rule["split"])
        return FitSettings(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: is not a run that this `train` fitted ({error})") from error


def describe_data(dataset: Dataset, folder: Path, prints: Mapping[str, str]) -> dict[str, Any]:
    """Which images: where they are (from the run folder), and the fingerprint of each split."""
    source = dataset.source.resolve()
    try:
        path = Path(os.path.relpath(source, folder.resolve())).as_posix()
    except ValueError:  # another drive
        path = source.as_posix()
    return {"name": dataset.name, "source": path, "fingerprints": dict(prints)}


def describe_splits(splits: Mapping[str, Split], study: Study) -> dict[str, Any]:
    """By role: the split's name, its images, its positives of each label as they were counted."""
    return {
        role: {
            "split": split.name,
            "images": len(split) + len(split.lost_truth),
            "unreadable": len(split.lost_truth),
            "positives": {
                label: int((split.truth[:, k] == 1).sum() + (split.lost_truth[:, k] == 1).sum())
                for k, label in enumerate(study.labels)
            },
        }
        for role, split in splits.items()
    }


def describe_start(weights: Weights, model: PixelModel, settings: FitSettings) -> dict[str, Any]:
    """What training started from, and how much of it trains."""
    counts = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return {
        **weights.describe(),
        "parameters": sum(n for n, _ in counts),
        "trained_parameters": sum(n for n, trains in counts if trains),
        "frozen_in_effect": list(frozen_in_effect(model.network, settings.frozen)),
        **(dataclasses.asdict(model.loaded) if model.loaded else {}),
    }


def describe_loaded(weights: Weights, loaded: Loaded) -> str:
    """In words, what became of a file's weights."""
    words = f"{loaded.loaded} weights of {weights.name} are loaded"
    for kind, names in (("new", loaded.new), ("left over", loaded.left_over)):
        if names:
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            words += f"; {kind}: {', '.join(names[:6])}{more}"
    return words


def describe_network(settings: FitSettings, folder: Path) -> dict[str, Any]:
    """What decides about a network beside the settings: how it is fed; one's own file."""
    mean, std = find_normalisation(settings)
    source = describe_source(settings.architecture, folder)
    return {"mean": list(mean), "std": list(std), **source}


def pin_network(run: Mapping[str, Any], settings: FitSettings, folder: Path) -> FitSettings:
    """The settings of a run, with how its network was fed; RunError where one's own has changed."""
    network = _state_network(run)
    if "sha256" in network:
        look_first_in(folder / network["folder"])
        if describe_source(settings.architecture, folder).get("sha256") != network["sha256"]:
            raise RunError(
                f"{folder / network['folder'] / network['file']} is not the file that the run in "
                f"{folder} was fitted with (sha256 {network['sha256']}); bring that one back"
            )
    return dataclasses.replace(settings, mean=tuple(network["mean"]), std=tuple(network["std"]))


def _state_network(run: Mapping[str, Any]) -> Mapping[str, Any]:
    """What run.json says of the network; before it did, all of torchvision were fed alike."""
    if "network" in run:
        network: Mapping[str, Any] = run["network"]
        return network
    if dict(run.get("hyperparameters", {})).get("architecture") == "tiny":
        return {"mean": [0.5], "std": [0.25]}
    return {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)}


def describe_versions() -> dict[str, str]:
    """Of Python, of this package and of those that a fit depends on."""
    versions = {"python": platform.python_version(), "covidreport": covidreport.__version__}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_circumstances() -> dict[str, str]:
    """What the bytes of a fit's weights depend on beside its study and its data.

    torch's threads add up in parts, and so another number of them rounds otherwise.
    """
    versions = describe_versions()
    names = ["covidreport", "torch", "torchvision", "numpy", "pillow", "imagecodecs"]
    if "timm" in sys.modules:  # some network here is of it
        names.append("timm")
    return {
        "threads": str(torch.get_num_threads()),
        **{name: versions[name] for name in names if name in versions},
    }


def find_revision() -> str | None:
    """The git revision of this checkout, with `-modified` where files differ; None where this is
    none, or without git."""
    if not IN_CHECKOUT:
        return None
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40",
               "--exclude=*", "--dirty=-modified"]  # fmt: skip
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


_NO_MATTER = frozenset({
    ("data", "source"), ("data", "name"), ("network", "folder"),
    ("hyperparameters", "checkpoint_epochs"),
})  # fmt: skip
"""What two equal fits need not share."""


def find_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the study's settings, the weights and the images two fits do not share.

    Where the images lie and what their data set is called makes no difference: their fingerprints
    would tell; nor does how often a checkpoint is written.
    """
    differences = []
    before = {
        **before, "hyperparameters": _state_all(before.get("hyperparameters")),
        "network": _state_network(before),
    }  # fmt: skip
    for key in ("hyperparameters", "network", "seed", "started_from", "data", "exported_epoch"):
        for name, old, new in _pairs(key, before.get(key), now.get(key, {})):
            if (key, name) in _NO_MATTER:
                continue
            differences.append(f"{name} was {old!r}, is now {new!r}")
    return tuple(differences)


def _pairs(name: str, before: Any, now: Any) -> list[tuple[str, Any, Any]]:
    if not isinstance(now, Mapping):
        return [] if before == now else [(name, before, now)]
    before = before if isinstance(before, Mapping) else {}
    return [p for key in now for p in _pairs(str(key), before.get(key), now[key])]
