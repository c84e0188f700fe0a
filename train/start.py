"""The model of an experiment: outlined to find faults, then built with its weights, frozen layers
and head.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import nn

from .freezing import freeze, frozen_in_effect
from .models import ModelError, PixelModel, build_network, replace_head, wrap_network
from .settings import Experiment, FitSettings
from .weights import Weights, WeightsError, describe_misfit, fits, read_state


def start_model(settings: FitSettings, weights: Weights, n_labels: int) -> PixelModel:
    """The model that training begins with, on the CPU in float32; random parts from the seed.

    A file of weights may be the network's as its makers left it, or one with the study's head on
    (`weights.pt` of a run folder). WeightsError where it is neither.
    """
    torch.manual_seed(settings.seed)
    network = build_network(settings, weights.enum)
    state = None if weights.file is None or weights.enum else read_state(weights.file)
    if state is not None and fits(network, state):
        network.load_state_dict(state, strict=False)
        state = None
    freeze(network, settings.frozen)
    replace_head(network, settings, n_labels)
    if state is not None:
        _load_whole(network, state, weights)
    return wrap_network(network, settings)


def _load_whole(network: nn.Module, state: dict[str, torch.Tensor], weights: Weights) -> None:
    if not fits(network, state):
        raise WeightsError(
            f"{weights.file}: is not of this network, with or without its head: it "
            f"{describe_misfit(network, state)}"
        )
    network.load_state_dict(state, strict=False)


def find_model_faults(experiments: Sequence[Experiment], n_labels: int) -> list[str]:
    """What is wrong with the networks of these experiments, found without making any weights.

    Each network is laid out on torch's `meta` device and fed with one empty batch of its size.
    """
    faults = []
    for experiment in experiments:
        try:
            _outline(experiment.settings, n_labels)
        except ModelError as error:
            lines = str(error).splitlines()
            faults += [f"experiment {experiment.number}: {line}" for line in lines]
    return faults


@functools.lru_cache(maxsize=64)
def _outline(settings: FitSettings, n_labels: int) -> None:
    """Raise ModelError with what stands in the way of building and running this network."""
    with torch.device("meta"):
        network = build_network(settings)
        freeze(network, settings.frozen)
        replace_head(network, settings, n_labels)
        model = wrap_network(network, settings).eval()
    ineffective = set(settings.frozen) - set(frozen_in_effect(network, settings.frozen))
    if ineffective and not settings.allow_ineffective_freeze:
        raise ModelError(
            f"`frozen`: the head replaces {', '.join(sorted(ineffective))}, so freezing it freezes "
            "nothing; freeze other layers, or say `allow_ineffective_freeze = true`"
        )
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ModelError("`frozen`: nothing is left to train")
    size = (2, settings.channels, settings.image_size, settings.image_size)
    try:
        model(torch.zeros(size, dtype=torch.uint8, device="meta"))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{settings.architecture} can't take {settings.image_size} px images ({reason})"
        ) from error
