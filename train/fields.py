"""What each key of a study file may hold: one check a key, in a table that names them all.

A check takes the value as TOML gave it and returns it as `train.settings` wants it, or raises
ValueError with what is wanted, in words that go on after "is 3; ".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

from covidreport.dataset.truth import name_values
from covidreport.errors import UsageError
from covidreport.records import Fit, Resample

from .settings import AS_GIVEN, EpochRule, LossName, SelectionMetric, Transforms

Check = Callable[[object], Any]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text is wanted")
    return value


def _one_of(*words: str) -> Check:
    def check(value: object) -> str:
        if value not in words:
            raise ValueError(f"one of {', '.join(words)} is wanted")
        return str(value)

    return check


def _whole(low: int) -> Check:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise ValueError(f"a whole number from {low} is wanted")
        return value

    return check


def _number(low: float, high: float = math.inf) -> Check:
    expected = "a number" + ("" if low == -math.inf else f" from {low:g}")
    expected += "" if high == math.inf else f" to {high:g}"

    def check(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{expected} is wanted")
        if not low <= value <= high or not math.isfinite(value):
            raise ValueError(f"{expected} is wanted")
        return float(value)

    return check


def _positive(value: object) -> float:
    number: float = _number(0)(value)
    if number == 0:
        raise ValueError("a number above 0 is wanted")
    return number


def _share(value: object) -> float:
    number = _positive(value)
    if number > 1:
        raise ValueError("a share of the learning rate, above 0 and up to 1, is wanted")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is wanted")
    return value


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError('a list of names is wanted, such as ["features.0"]')
    if len(set(value)) != len(value):
        raise ValueError("a list of different names is wanted")
    return tuple(value)


def _positive_weight(value: object) -> float | str | tuple[tuple[str, float], ...]:
    if value == "balanced":
        return "balanced"
    try:
        if isinstance(value, dict) and value:
            return tuple((str(label), _positive(weight)) for label, weight in value.items())
        return _positive(value)
    except ValueError as error:
        raise ValueError(
            'a number above 0, a table of them by label, or "balanced" is wanted'
        ) from error


def _augmentation(value: object) -> str | Transforms:
    if not isinstance(value, list):
        return _text(value)
    steps = []
    for each in value:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise ValueError(
                "a name or a list of torchvision's v2 transforms is wanted, such as "
                '[{ name = "RandomRotation", degrees = 10 }]'
            )
        options = tuple((key, _fix(option)) for key, option in each.items() if key != "name")
        steps.append((each["name"], options))
    if not steps:
        raise ValueError('"none" is wanted where nothing is to be changed')
    return Transforms(tuple(steps))


def _fix(option: object) -> object:
    return tuple(map(_fix, option)) if isinstance(option, list) else option


def _one_or_three(check: Check) -> Check:
    def check_all(value: object) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) not in (1, 3):
            raise ValueError("a list of one number or of three is wanted")
        return tuple(check(each) for each in value)

    return check_all


def _channels(value: object) -> int:
    if value not in (1, 3) or isinstance(value, bool):
        raise ValueError("1 (grey) or 3 (colour) is wanted")
    return int(str(value))


def _convention(value: object) -> str:
    text = _text(value)
    if text != AS_GIVEN:
        split_convention(text)
    return text


def split_convention(name: str) -> tuple[str, str]:
    """The two labels of `<a>-counts-as-<b>`; ValueError where `name` is no such convention."""
    first, word, second = name.partition("-counts-as-")
    if not word or not first or not second or first == second:
        raise ValueError(f"`{AS_GIVEN}` or `<label>-counts-as-<label>` is wanted")
    return first, second


def _epoch_rule(value: object) -> EpochRule:
    if value == "last":
        return EpochRule()
    metrics = get_args(SelectionMetric)
    if (
        isinstance(value, dict)
        and set(value) == {"best", "split"}
        and value["best"] in metrics
        and isinstance(value["split"], str)
    ):
        return EpochRule("best", value["best"], value["split"])
    raise ValueError(
        f'"last" or {{ best = "{metrics[0]}", split = "…" }} is wanted; best by '
        f"{', '.join(metrics)}"
    )


SETTING_FIELDS: Mapping[str, Check] = {
    "architecture": _text,
    "weights": _text,
    "loss": _one_of(*get_args(LossName)),
    "optimizer": _one_of("sgd", "adam", "adamw"),
    "learning_rate": _positive,
    "epochs": _whole(1),
    "batch_size": _whole(1),
    "head": _one_of("study", "plain"),
    "frozen": _names,
    "allow_ineffective_freeze": _flag,
    "gamma": _number(0),
    "alpha": _number(0, 1),
    "positive_weight": _positive_weight,
    "momentum": _number(0, 1),
    "weight_decay": _number(0),
    "schedule": _one_of("constant", "cosine", "plateau"),
    "seed": _whole(0),
    "image_size": _whole(8),
    "fit": _one_of(*get_args(Fit)),
    "resample": _one_of(*get_args(Resample)),
    "channels": _channels,
    "train_split": _text,
    "validation_split": _text,
    "train_labels": _convention,
    "validation_labels": _convention,
    "images": _whole(1),
    "sampling": _one_of("shuffled", "class-balanced"),
    "augmentation": _augmentation,
    "validation_augmentation": _augmentation,
    "validation_mode": _one_of("evaluation", "training"),
    "train_figures": _one_of("running", "second-pass"),
    "precision": _one_of("auto", "float32", "bfloat16", "float16"),
    "exported_epoch": _epoch_rule,
    "mean": _one_or_three(_number(-math.inf)),
    "std": _one_or_three(_positive),
    "warmup_epochs": _number(0),
    "clip_norm": _positive,
    "backbone_rate": _share,
    "frozen_epochs": _whole(0),
    "patience": _whole(1),
    "checkpoint_epochs": _whole(1),
}
"""The keys of `[defaults]` and of every entry."""

REQUIRED = (
    "architecture", "weights", "loss", "optimizer", "learning_rate", "epochs", "batch_size",
)  # fmt: skip

ENTRY_FIELDS: Mapping[str, Check] = {"name": _text, "block": _text, "description": _text}
"""What an entry says besides its settings and its `number`."""


def check_number(value: object) -> str:
    """An experiment's number, a whole number or a short text such as `11b`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and value and value.replace("-", "").replace("_", "").isalnum():
        return value
    raise ValueError("a whole number, or a text of letters, digits and dashes, is wanted")


def check_labels(value: object) -> tuple[str, ...]:
    """The labels that the models answer, at least one."""
    names = _names(value)
    if not names:
        raise ValueError("at least one label is wanted")
    return names


def check_marks(value: object) -> tuple[str, ...]:
    """What a label's cell says where nobody is certain; none of them may mean yes or no."""
    try:
        marks = _names(value)
        name_values(marks)
    except UsageError as error:
        raise ValueError(str(error)) from error
    except ValueError as error:
        raise ValueError('a list of different texts is wanted, such as ["?", "-1"]') from error
    return marks


def check_seeds(value: object) -> tuple[int, ...]:
    """The seeds that each experiment is fitted with."""
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        raise ValueError("a list of different whole numbers from 0 is wanted, such as [0, 1, 2]")
    return tuple(_whole(0)(each) for each in value)


check_folds: Check = _whole(2)
check_text: Check = _text
