"""The records of a study: what each experiment is fitted with. No logic beyond names, no I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from covidreport.records import Fit, PixelSpec, Resample

WEIGHT_WORDS = ("imagenet", "pretrained", "none")
"""What `weights` says in place of a file's name."""

LossName = Literal["bce", "focal", "batch-mean-log-focal-as-run"]
AS_RUN: LossName = "batch-mean-log-focal-as-run"
"""The loss that the 2020 study ran under the name of focal loss."""

AS_GIVEN = "as-given"
"""The label convention of the manifest itself."""

TENTH = "tenth of the training patients"
"""In the place of a split's name, under folds: what chooses an epoch is not what is evaluated."""

SelectionMetric = Literal["loss", "accuracy", "false_negatives", "roc_auc", "average_precision"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random changes of an image: rotation by up to ±`rotation` degrees (black corners), a crop of
    `scale` of the area and a `ratio` of width to height resized to the model's size, a horizontal
    flip with probability `flip`.

    frame: what area, ratio and rotation are of: the picture as the model is fed with it, or the
    picture in the file, as the 2020 study had it (nearest pixel, then stretched by bicubic).
    """

    rotation: float
    scale: tuple[float, float]
    ratio: tuple[float, float]
    flip: float
    frame: Literal["fitted", "picture"] = "fitted"


@dataclass(frozen=True, slots=True)
class Transforms:
    """torchvision's v2 transforms in their order, each by name and options, done to the pixels that
    the model is fed with."""

    steps: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]


AUGMENTATIONS: Mapping[str, Augmentation | None] = {
    "none": None,
    # what the 2020 study ran: torchvision's own defaults for the crop
    "study-2020": Augmentation(30, (0.08, 1.0), (3 / 4, 4 / 3), 0.5, "picture"),
    # keeps both lungs in the picture, and the heart mostly on its side
    "mild": Augmentation(10, (0.7, 1.0), (9 / 10, 10 / 9), 0.0),
}


def find_augmentation(stated: str | Transforms) -> Augmentation | Transforms | None:
    """The changes that a study states; None for none. KeyError where there are none such."""
    return AUGMENTATIONS[stated] if isinstance(stated, str) else stated


@dataclass(frozen=True, slots=True)
class EpochRule:
    """Which epoch is exported: the last, or the (first) best by a metric on a split.

    By `false_negatives` as runs are ranked: the fewest missed of the target, then the fewest false
    alarms, then average precision; an epoch that would have no rank (it calls all alike, or clears
    fewer than half of the negatives) is passed over.
    """

    rule: Literal["last", "best"] = "last"
    metric: SelectionMetric | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What one experiment is fitted with: the keys of `[defaults]` and of an entry, in this order.

    Keys without a default must be stated in the study file.
    """

    architecture: str
    """A torchvision classification model, `timm:NAME`, `module:function` or `tiny`."""
    weights: str
    """`imagenet` (torchvision's), `pretrained` (timm's), a file (relative to the study file), or
    `none`: what training starts from."""
    loss: LossName
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float
    epochs: int
    batch_size: int
    head: Literal["study", "plain"] = "plain"
    """`plain`: one linear layer; `study`: the head of the 2020 study (vgg16, resnet18)."""
    frozen: tuple[str, ...] = ()
    """Names of modules, such as `features.0` or `layer1`, whose weights and statistics stay."""
    allow_ineffective_freeze: bool = False
    """Let `frozen` name what freezes nothing, such as a layer that the head replaces."""
    gamma: float | None = None
    alpha: float | None = None
    positive_weight: float | Literal["balanced"] | tuple[tuple[str, float], ...] | None = None
    """What positives weigh in the loss, of all labels or of each that is named; `balanced`:
    negatives / positives of the training split."""
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    """How the learning rate goes on: `cosine` falls towards 0, epoch by epoch; `plateau` to a tenth
    after ten epochs without a better one, by `exported_epoch` or else the validation loss."""
    seed: int = 0
    image_size: int = 224
    fit: Fit = "stretch"
    resample: Resample = "bicubic"
    channels: int = 1
    train_split: str = "train"
    validation_split: str = "validation"
    train_labels: str = AS_GIVEN
    """Label convention of the training split: `as-given` or `<label>-counts-as-<label>`."""
    validation_labels: str = AS_GIVEN
    images: int | None = None
    """As many of the training images at most, drawn so that labels keep their shares."""
    sampling: Literal["shuffled", "class-balanced"] = "shuffled"
    augmentation: str | Transforms = "none"
    """One of `AUGMENTATIONS`, or a list of torchvision's v2 transforms."""
    validation_augmentation: str | Transforms = "none"
    validation_mode: Literal["evaluation", "training"] = "evaluation"
    """`training` leaves dropout on and batch statistics in use while metrics are taken."""
    train_figures: Literal["running", "second-pass"] = "running"
    """Training metrics as the epoch goes, or by a pass of their own after it."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """`auto`: bfloat16 autocast on a GPU that computes in it, else float32."""
    exported_epoch: EpochRule = field(default_factory=EpochRule)
    mean: tuple[float, ...] | None = None
    """What the network sees is pixels / 255, less `mean`, over `std`: one value or three; those
    that its weights were made with where nothing is stated."""
    std: tuple[float, ...] | None = None
    warmup_epochs: float = 0.0
    """In so many the rate rises evenly to the stated one; `cosine` then goes on by update."""
    clip_norm: float | None = None
    """Gradients are made smaller where all of them together are longer."""
    backbone_rate: float | None = None
    """The share of the rate that all but the head trains at."""
    frozen_epochs: int = 0
    """In so many, at first, the head alone trains."""
    patience: int | None = None
    """After so many epochs without a better one, by `exported_epoch`, none is run any more."""
    checkpoint_epochs: int = 1
    """After how many epochs a checkpoint is written; one is after the last."""

    @property
    def pixels(self) -> PixelSpec:
        """The pixels that the model is fitted on and states in its contract."""
        return PixelSpec(
            height=self.image_size,
            width=self.image_size,
            fit=self.fit,
            resample=self.resample,
            channels=self.channels,
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """One entry of a study file, with the defaults filled in."""

    number: str
    name: str
    """The name of its run folder."""
    settings: FitSettings
    block: str | None = None
    description: str = ""
    configuration: str | None = None
    """What it is one fold or one seed of; None where there is one of it."""
    fold: str | None = None
    """The fold that its model never sees."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study file as read: shared facts, and its experiments in their order."""

    path: Path
    name: str
    description: str
    labels: tuple[str, ...]
    target: str
    experiments: tuple[Experiment, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Settings that the command line put in place of the file's, by name."""
    folds: int | None = None
    """In how many folds each is fitted; None where nothing is cross-validated."""
    uncertain: tuple[str, ...] = ()
    """What a label's cell says where nobody is certain, such as `?`: its truth is then unknown and
    counts for nothing, in the loss as in the metrics."""


LOSS_WORDS: dict[LossName, str] = {"bce": "bce", "focal": "focal", AS_RUN: "focal-as-run"}


def name_run(number: str, settings: FitSettings, suffix: str = "") -> str:
    """The run folder's name where an entry gives none: `exp15-vgg16-bce-frozen`."""
    architecture = settings.architecture.replace(":", "-")
    parts = [f"exp{number}", architecture, LOSS_WORDS[settings.loss]]
    if settings.frozen and not settings.allow_ineffective_freeze:
        parts.append("frozen")
    if suffix and not any(part.endswith(suffix) for part in parts):
        parts.append(suffix)
    return "-".join(parts)


def describe_settings(settings: FitSettings) -> dict[str, Any]:
    """The settings as plain values for a file, by name, as a study states them."""
    values = {each.name: getattr(settings, each.name) for each in dataclasses.fields(settings)}
    rule = settings.exported_epoch
    values["exported_epoch"] = dataclasses.asdict(rule)
    return {key: _describe_value(value) for key, value in values.items()}


def _describe_value(value: Any) -> Any:
    if isinstance(value, Transforms):
        return [
            {"name": name, **{key: _describe_value(option) for key, option in options}}
            for name, options in value.steps
        ]
    if not isinstance(value, tuple):
        return value
    if value and isinstance(value[0], tuple) and isinstance(value[0][0], str):
        return dict(value)
    return [_describe_value(each) for each in value]
