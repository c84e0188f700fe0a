"""The words of a run's contract, each with its type, and with what is wanted where it does not fit.

What `input` of run.json says and what an ONNX file's metadata states are the same words of one
Struct, which forbids others. The rest of run.json is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from covidreport.records import (
    Activation,
    ChannelOrder,
    Decision,
    Fit,
    Layout,
    PerImage,
    PerImageStep,
    Resample,
)

PREFIX: Final = "covidreport."
"""How the keys of a contract begin in the metadata of an ONNX file."""
VERSION: Final = "1"
RUN_SCHEMA: Final = "covidreport.run/1"
LARGEST_SIDE: Final = 16_384
"""Pixels: radiographs have about 3,000, and one of this size takes 800 MB."""
SMALLEST, LARGEST = 1e-30, 1e30
"""Between them a number and its inverse are float32."""
_COMMANDS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""Characters that end or reorder a line, or are no character: none belongs into a name."""
NOTES: Final = ("run",)
"""What `train` writes beside a contract."""

Name = Annotated[str, Meta(pattern=rf"\A(?=.*\S)[^{_COMMANDS}]+\Z", max_length=1000)]
Tiles = Annotated[int, Meta(ge=1, le=64)]
Side = Annotated[int, Meta(ge=1, le=LARGEST_SIDE)]


class InputWords(Struct, frozen=True, forbid_unknown_fields=True):
    """`input` of run.json, and the metadata of an ONNX file: what a model takes and gives.

    The description of each word says what is wanted where it does not fit.
    """

    labels: Annotated[
        Annotated[tuple[Name | None, ...], Meta(min_length=1)] | UnsetType,
        Meta(
            description="a list of different names, without control characters; null for an output "
            "that nobody asks for"
        ),
    ] = UNSET
    size: Annotated[
        tuple[Side, Side] | UnsetType,
        Meta(description=f"[height, width] in pixels, whole numbers from 1 to {LARGEST_SIDE}"),
    ] = UNSET
    fit: Annotated[Fit | UnsetType, Meta(description="one of stretch, crop, pad, cut")] = UNSET
    resample: Annotated[
        Resample | UnsetType,
        Meta(description="one of nearest, box, bilinear, hamming, bicubic, lanczos"),
    ] = UNSET
    antialias: Annotated[bool | UnsetType, Meta(description="true or false, without quotes")] = (
        UNSET
    )
    channels: Annotated[int | UnsetType, Meta(description="1 (grey) or 3")] = UNSET
    shorter_side: Annotated[
        Side | UnsetType | None,
        Meta(description=f"a whole number of pixels from 1 to {LARGEST_SIDE}, without quotes"),
    ] = UNSET
    activation: Annotated[
        Activation | UnsetType,
        Meta(description="one of logit, sigmoid, softmax, softmax-logit"),
    ] = UNSET
    decision: Annotated[
        Decision | UnsetType,
        Meta(
            description="threshold (each label by its own) or argmax (the one label that scores "
            "highest, of a softmax)"
        ),
    ] = UNSET
    layout: Annotated[Layout | UnsetType, Meta(description="one of NCHW, NHWC")] = UNSET
    input_name: Annotated[
        Name | UnsetType | None, Meta(description="the name of an input of the graph")
    ] = UNSET
    output_name: Annotated[
        Name | UnsetType | None, Meta(description="the name of an output of the graph")
    ] = UNSET
    divisor: Annotated[float | UnsetType, Meta(description="a number other than 0")] = UNSET
    range: Annotated[
        tuple[float, float] | UnsetType,
        Meta(description="[lowest, highest]: what black and white are fed as, such as [-1, 1]"),
    ] = UNSET
    mean: Annotated[
        float | tuple[float, ...] | UnsetType | None,
        Meta(description="a number, or a list of one for each channel"),
    ] = UNSET
    std: Annotated[
        float | tuple[float, ...] | UnsetType | None,
        Meta(description="a number other than 0, or a list of one for each channel"),
    ] = UNSET
    channel_order: Annotated[ChannelOrder | UnsetType, Meta(description="one of RGB, BGR")] = UNSET
    per_image: Annotated[
        PerImage | UnsetType, Meta(description="one of z-score, min-max, histogram, clahe")
    ] = UNSET
    per_image_step: Annotated[
        PerImageStep | UnsetType, Meta(description="one of before-resize, after-resize")
    ] = UNSET
    clip_limit: Annotated[
        Annotated[float, Meta(gt=0, le=LARGEST)] | UnsetType,
        Meta(description="a number above 0, as OpenCV's clipLimit"),
    ] = UNSET
    tiles: Annotated[
        tuple[Tiles, Tiles] | UnsetType,
        Meta(description="[rows, columns], whole numbers from 1 to 64"),
    ] = UNSET
    label_map: Annotated[
        dict[Name, Name] | UnsetType | None,
        Meta(description='names by name, such as {"COVID": "covid-19"}'),
    ] = UNSET

    def stated(self) -> dict[str, Any]:
        """The words that are said, by name."""
        return {
            word: value
            for word in self.__struct_fields__
            if (value := getattr(self, word)) is not UNSET
        }


class DataWords(Struct, frozen=True):
    """`data` of run.json: what a run was trained on. Other words in it are free."""

    source: Annotated[Name | UnsetType | None, Meta(description="a path, from the run folder")] = (
        UNSET
    )
    train_split: Annotated[str | UnsetType | None, Meta(description="the name of a split")] = UNSET
    validation_split: Annotated[str | UnsetType | None, Meta(description="the name of a split")] = (
        UNSET
    )


class ExportWords(Struct, frozen=True):
    """`export` of run.json: what was exported. Other words in it are free."""

    sha256: Annotated[
        Annotated[str, Meta(pattern=r"\A[0-9a-fA-F]{64}\Z")] | UnsetType | None,
        Meta(description="a sha256 in 64 hexadecimal digits"),
    ] = UNSET


class RunWords(Struct, frozen=True):
    """The keys of run.json that something here depends on; all others are free."""

    name: Annotated[
        Annotated[str, Meta(pattern=r"\A(?=[\s\S]*\S)[^\ud800-\udfff]+\Z", max_length=1000)]
        | UnsetType
        | None,
        Meta(description="a text that is not empty, of at most 1000 characters"),
    ] = UNSET
    model: Annotated[
        Name | UnsetType | None, Meta(description="the name of an ONNX file in the run folder")
    ] = UNSET
    block: Annotated[
        str | int | float | UnsetType | None, Meta(description="a text or a number")
    ] = UNSET
    experiment: Annotated[
        str | int | float | UnsetType | None, Meta(description="a text or a number")
    ] = UNSET
    description: Annotated[str | UnsetType | None, Meta(description="a text")] = UNSET
    status: Annotated[str | UnsetType | None, Meta(description="a text")] = UNSET
    seed: Annotated[str | int | float | UnsetType | None, Meta(description="a whole number")] = (
        UNSET
    )
    fold: Annotated[
        Name | int | UnsetType | None,
        Meta(description="a whole number or a text: a value of the data's column `fold`"),
    ] = UNSET
    configuration: Annotated[
        Name | UnsetType | None,
        Meta(description="a name, the same in the runs of all folds, or of all seeds"),
    ] = UNSET
    decision: Annotated[
        Annotated[str, Meta(pattern=r"\A(?!(argmax|threshold)\Z)")]
        | int
        | float
        | dict[str, Any]
        | list[Any]
        | UnsetType
        | None,
        Meta(description="it stands under `input`"),
    ] = UNSET
    """Free, but for a word of the contract that nobody would read here."""
    hyperparameters: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="an object: names and values")
    ] = UNSET
    started_from: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="an object: names and values")
    ] = UNSET
    exported_epoch: Annotated[
        dict[str, Any] | int | UnsetType | None, Meta(description="a number, or an object")
    ] = UNSET
    versions: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="an object: names and values")
    ] = UNSET
    data: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="an object: names and values")
    ] = UNSET
    input: Annotated[
        dict[str, Any] | UnsetType | None,
        Meta(description="an object: the words of docs/models.md"),
    ] = UNSET
    export: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="an object: names and values")
    ] = UNSET


WORDS: Final = InputWords.__struct_fields__
"""The words of a contract, in a file's metadata (after `covidreport.`) and in run.json."""
MEANT: Final[Mapping[str, str]] = {
    "classes": "labels", "class_names": "labels", "id2label": "labels", "names": "labels",
    "image_size": "size", "img_size": "size", "input_size": "size", "crop_size": "size",
    "resize": "fit", "resize_mode": "fit", "crop_mode": "fit", "resize_size": "shorter_side",
    "interpolation": "resample", "filter": "resample", "in_chans": "channels",
    "data_format": "layout", "order": "channel_order", "color_order": "channel_order",
    "colour_order": "channel_order", "rescale": "divisor", "scale": "range",
    "pixel_range": "range", "image_mean": "mean", "image_std": "std", "stdev": "std",
    "normalise": "per_image", "normalize": "per_image", "normalisation": "per_image",
    "normalization": "per_image", "equalize": "per_image", "output": "output_name",
    "input": "input_name", "tile_grid_size": "tiles",
}  # fmt: skip
"""What other tools call a word."""
