"""The model of an experiment: outlined to find faults, then built with its weights, frozen layers
and head.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import nn

from .freezing import freeze, frozen_in_effect
from .models import PixelModel, build_network, find_head, is_inside, lay_out, wrap_network
from .networks import ModelError, find_architecture
from .settings import Experiment, FitSettings, Transforms
from .transforms import check_transforms
from .weights import Weights, load_weights, read_state


def start_model(settings: FitSettings, weights: Weights, n_labels: int) -> PixelModel:
    """The model that training begins with, on the CPU in float32; random parts from the seed.

    WeightsError where a file's weights are not of this network.
    """
    torch.manual_seed(settings.seed)
    network = build_network(settings, n_labels)
    loaded = None
    if weights.file is not None:
        auxiliary = find_architecture(settings.architecture).auxiliary
        head = find_head(settings, n_labels)
        loaded = load_weights(network, read_state(weights.file), weights.file, head, auxiliary)
    _freeze(network, settings, n_labels)
    model = wrap_network(network, settings)
    model.loaded = loaded
    return model


def _freeze(network: nn.Module, settings: FitSettings, n_labels: int) -> None:
    """Freeze what the settings name, but for the head: nobody has trained that."""
    freeze(network, settings.frozen)
    if settings.frozen:
        head = find_head(settings, n_labels)
        for name, weight in network.named_parameters():
            if is_inside(name, head):
                weight.requires_grad_(True)


def find_model_faults(experiments: Sequence[Experiment], n_labels: int) -> list[str]:
    """What is wrong with the networks of these experiments, found without making any weights.

    Each network is laid out on torch's `meta` device and fed with one empty batch of its size; one
    of somebody's own is really built and fed.
    """
    faults = []
    for experiment in experiments:
        try:
            _outline(_keep_network(experiment.settings), n_labels)
            for stated in {experiment.settings.augmentation,
                           experiment.settings.validation_augmentation}:  # fmt: skip
                if isinstance(stated, Transforms):
                    check_transforms(stated, experiment.settings.pixels)
        except ModelError as error:
            lines = str(error).splitlines()
            faults += [f"experiment {experiment.number}: {line}" for line in lines]
    return faults


def _keep_network(settings: FitSettings) -> FitSettings:
    """The settings with nothing in them but what the network depends on."""
    return FitSettings(
        settings.architecture, "none", "bce", "sgd", 1.0, 1, 1, head=settings.head,
        frozen=settings.frozen, allow_ineffective_freeze=settings.allow_ineffective_freeze,
        image_size=settings.image_size, channels=settings.channels,
        mean=settings.mean, std=settings.std,
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def _outline(settings: FitSettings, n_labels: int) -> None:
    """Raise ModelError with what stands in the way of building and running this network."""
    network = lay_out(settings, n_labels)
    _freeze(network, settings, n_labels)
    ineffective = set(settings.frozen) - set(frozen_in_effect(network, settings.frozen))
    if ineffective and not settings.allow_ineffective_freeze:
        raise ModelError(
            f"`frozen`: {', '.join(sorted(ineffective))} holds the head, which is new, so freezing "
            "it freezes nothing; freeze other layers, or say `allow_ineffective_freeze = true`"
        )
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ModelError("`frozen`: nothing is left to train")
    own = find_architecture(settings.architecture).file is not None
    device = torch.device("cpu" if own else "meta")
    size = (2, settings.channels, settings.image_size, settings.image_size)
    with device:
        model = wrap_network(network, settings).eval()
        try:
            with torch.no_grad():
                logits = model(torch.zeros(size, dtype=torch.uint8))
        except (RuntimeError, AssertionError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"{settings.architecture} can't take {settings.image_size} px images ({reason})"
            ) from error
    if not isinstance(logits, torch.Tensor) or logits.shape != (2, n_labels):
        what = tuple(getattr(logits, "shape", ())) or type(logits).__name__
        raise ModelError(
            f"{settings.architecture} gives {what} for 2 images; {(2, n_labels)} is wanted: one "
            "logit a label"
        )
