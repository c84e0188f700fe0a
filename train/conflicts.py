"""Which settings of an experiment don't go together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .fields import split_convention
from .settings import AS_GIVEN, AS_RUN, AUGMENTATIONS, FitSettings


def find_conflicts(settings: FitSettings, stated: Mapping[str, Any]) -> list[str]:
    """Settings that don't go together; what a default says is only dropped, never a fault."""
    faults = []
    if settings.loss != "bce" and settings.gamma is None:
        faults.append(f"`gamma` is missing: {settings.loss} needs it")
    if settings.loss == AS_RUN and settings.alpha is None:
        faults.append(f"`alpha` is missing: {settings.loss} needs it")
    if settings.loss == AS_RUN and settings.positive_weight is not None:
        faults.append(f"`positive_weight` has no meaning for {settings.loss}")
    if settings.loss == "bce":
        faults += [f"`{key}` has no meaning for bce" for key in ("gamma", "alpha") if key in stated]
    if settings.optimizer != "sgd" and "momentum" in stated:
        faults.append(f"`momentum` has no meaning for {settings.optimizer}")
    for key in ("augmentation", "validation_augmentation"):
        value = getattr(settings, key)
        if isinstance(value, str) and value not in AUGMENTATIONS:
            faults.append(
                f"`{key}` is {value!r}; one of {', '.join(AUGMENTATIONS)}, or a list of "
                "torchvision's v2 transforms, is wanted"
            )
    for key in ("warmup_epochs", "frozen_epochs"):
        if getattr(settings, key) >= settings.epochs:
            faults.append(
                f"`{key}` is {getattr(settings, key):g}, and there are {settings.epochs} epochs"
            )
    if settings.patience is not None and settings.exported_epoch.rule == "last":
        faults.append(
            "`patience` waits for a better epoch, and `exported_epoch` says of none that it is: "
            'say exported_epoch = { best = "…", split = "…" }'
        )
    if (settings.mean is None) != (settings.std is None):
        faults.append("`mean` and `std` go together: state both or neither")
    elif settings.mean and settings.std and len(settings.mean) != len(settings.std):
        faults.append("`mean` and `std` have different numbers of values")
    if settings.allow_ineffective_freeze and not settings.frozen:
        faults.append("`allow_ineffective_freeze` is true and nothing is frozen")
    balancing = {
        '`positive_weight = "balanced"`': settings.positive_weight == "balanced",
        '`sampling = "class-balanced"`': settings.sampling == "class-balanced",
        # with 0.5 both answers weigh the same
        f"`alpha = {settings.alpha}`": settings.loss != "bce" and settings.alpha not in (None, 0.5),
    }
    several = [words for words, there in balancing.items() if there]
    if len(several) > 1:
        faults.append(
            f"{' and '.join(several)} each make up for how rare positives are: keep one of them"
        )
    return faults


def is_frozen_by_chance(settings: FitSettings) -> bool:
    """Whether layers are frozen that nobody has trained."""
    still = bool(settings.frozen) and not settings.allow_ineffective_freeze
    still = still or settings.frozen_epochs > 0
    return settings.weights == "none" and still


def find_strange_labels(settings: FitSettings, facts: Mapping[str, Any]) -> list[str]:
    """Labels of a convention that the study does not have."""
    labels = facts.get("labels", ("covid-19", "normal", "pneumonia"))
    faults = []
    if isinstance(settings.positive_weight, tuple):
        faults += [
            f"`positive_weight` has {label!r}, which is no label of the study"
            for label, _ in settings.positive_weight if label not in labels
        ]  # fmt: skip
    for key in ("train_labels", "validation_labels"):
        convention = getattr(settings, key)
        if convention == AS_GIVEN:
            continue
        faults += [
            f"`{key}` is {convention!r}; {label!r} is no label of the study"
            for label in split_convention(convention)
            if label not in labels
        ]
    return faults


def drop_meaningless(settings: FitSettings) -> FitSettings:
    """The settings without those that say nothing here.

    Shared defaults that say nothing about this experiment are not recorded as its settings."""
    if settings.loss == "bce":
        settings = dataclasses.replace(settings, gamma=None, alpha=None)
    if settings.optimizer != "sgd":
        settings = dataclasses.replace(settings, momentum=0.0)
    return settings
