"""The contract of a run: the words that people write into run.json, and those in an ONNX file.

Each is typed here and nowhere else. A word that does not fit is refused by name, with where it
stands and what is wanted, and all of them at once; nothing is read as something near it. What
`input` says and what a file's metadata states are the same words of one Struct, which forbids
others. The rest of run.json is free: kept and shown.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from covidreport.errors import RunError, StoreError
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
from covidreport.storage.files import format_path, read_text

PREFIX: Final = "covidreport."
"""How the keys of a contract begin in the metadata of an ONNX file."""
VERSION: Final = "1"
RUN_SCHEMA: Final = "covidreport.run/1"
MOST_RUN_BYTES: Final = 16 * 2**20
"""A run.json holds settings; one of more is no run.json."""
MOST_DEPTH: Final = 32
LARGEST_SIDE: Final = 16_384
"""Pixels: radiographs have about 3,000, and one of this size takes 800 MB."""
_SMALLEST, _LARGEST = 1e-30, 1e30
"""Between them a number and its inverse are float32."""
_COMMANDS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""Characters that end or reorder a line, or are no character: none belongs into a name."""
_SHOWN = 60
_MISSPELT = 0.8
"""How alike two words are of which one is taken for the other, misspelt."""
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
        Annotated[float, Meta(gt=0, le=_LARGEST)] | UnsetType,
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
_INNER: Final[Mapping[str, type[Struct]]] = {
    "data": DataWords, "input": InputWords, "export": ExportWords,
}  # fmt: skip


class RunFile(Struct, frozen=True):
    """What a run.json says, without what does not fit, and what that is."""

    settings: Mapping[str, Any]
    faults: tuple[str, ...] = ()


def read_run_file(path: Path) -> RunFile:
    """Read a run.json, whatever it holds: it never raises, and nothing in it is guessed."""
    try:
        settings = _parse(read_text(path, MOST_RUN_BYTES), format_path(path))
    except StoreError as error:
        return RunFile({}, (str(error),))
    faults = find_faults(settings, RunWords)
    wrong = {fault.word.split(".")[0] for fault in faults}
    said = "; ".join(fault.sentence for fault in faults)
    return RunFile(
        {key: _plain(value) for key, value in settings.items() if key not in wrong},
        (f"{format_path(path)}: {said}",) if faults else (),
    )


def read_input_words(described: Mapping[str, Any]) -> InputWords:
    """The words of `input` in run.json, typed; RunError with everything that does not fit."""
    faults = find_faults(described, InputWords)
    if faults:
        raise RunError(refuse(fault.sentence for fault in faults))
    return msgspec.convert(dict(described), InputWords)


def read_stated_words(metadata: Mapping[str, str]) -> InputWords:
    """The words that a file's metadata states, typed; values there are JSON.

    RunError with everything that does not fit, and for a file of a newer contract. What else
    stands under our prefix is a note of another tool and no word of the contract, unless it is one
    of them misspelt.
    """
    words: dict[str, Any] = {}
    sentences = []
    for key, text in metadata.items():
        word = key.removeprefix(PREFIX)
        if not key.startswith(PREFIX) or word in NOTES:
            continue
        if word not in (*WORDS, "contract"):
            near = difflib.get_close_matches(word, WORDS, 1, _MISSPELT)
            if near:  # nobody would notice that it is not read
                sentences.append(f"the model's metadata {key} is no word of it, `{near[0]}` is")
            continue
        try:
            words[word] = json.loads(text)
        except (ValueError, RecursionError):
            sentences.append(f"the model's metadata {key} is not JSON: {_show(text)}")
    version = words.pop("contract", VERSION)
    if version != VERSION:
        raise RunError(
            f"the model's contract is version {version!r}, this covidreport reads {VERSION!r}; "
            "use the newer covidreport"
        )
    faults = find_faults(words, InputWords)
    sentences += [f"{fault.sentence} (the model's metadata says so)" for fault in faults]
    if sentences:
        raise RunError(refuse(sentences))
    return msgspec.convert(words, InputWords)


def refuse(faults: Iterator[str] | Sequence[str]) -> str:
    """The sentence by which a contract is refused, for all its faults."""
    return "the model's contract can't be used: " + "; ".join(faults)


class Fault(Struct, frozen=True):
    """A word that does not fit: its path, such as `input.size`, and a sentence about it."""

    word: str
    sentence: str


def find_faults(words: Mapping[str, Any], kind: type[Struct], prefix: str = "") -> list[Fault]:
    """Everything in `words` that does not fit a Struct, each word by itself."""
    fields = _list_words(kind)
    forbids = kind.__struct_config__.forbid_unknown_fields
    found: list[Fault] = []
    for word, value in words.items():
        path = f"{prefix}{word}"
        if word not in fields:
            if forbids:
                found.append(Fault(path, f"`{path}` is no word of a contract{_nearest(word)}"))
        elif not _fits(word, value, fields[word]):
            wanted = fields[word].__metadata__[-1].description
            found.append(Fault(path, f"`{path}` is {_show(value)}; {wanted}"))
        elif word in _INNER and isinstance(value, Mapping) and kind is RunWords:
            found += find_faults(value, _INNER[word], f"{path}.")
    return found


@cache
def _list_words(kind: type[Struct]) -> Mapping[str, Any]:
    """The words of a Struct and their types, which take milliseconds to resolve."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _fits(word: str, value: object, wanted: Any) -> bool:
    """Whether a value is of a word's type, and what no type says."""
    try:
        given = msgspec.convert(value, wanted)
    except (msgspec.ValidationError, OverflowError, UnicodeError):
        return False
    if word == "labels":
        names = [name for name in given if name is not None]
        return 0 < len(names) == len(set(names))
    if word == "range":
        return all(map(math.isfinite, given)) and _is_usable(given[1] - given[0], False)
    if word == "channels":
        return given in (1, 3)
    if word in ("divisor", "std", "mean") and given is not None:
        numbers = given if isinstance(given, tuple) else (given,)
        return bool(numbers) and all(_is_usable(number, word == "mean") for number in numbers)
    return True


def _is_usable(number: float, zero: bool) -> bool:
    return (zero and number == 0) or _SMALLEST <= abs(number) <= _LARGEST


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


def _nearest(word: str) -> str:
    meant = MEANT.get(word.lower().replace("-", "_"))
    near = [meant] if meant else difflib.get_close_matches(word.lower(), WORDS, 1)
    return f" (`{near[0]}` is one)" if near else f"; {', '.join(WORDS)} are"


def _show(value: object) -> str:
    """A value as a sentence quotes it: on one line, and not all of a long one."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _parse(text: str, source: str) -> dict[str, Any]:
    """The object in a run.json; StoreError where it is none, or of another schema."""
    twice: list[str] = []

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.extend(key for key in value if keys.count(key) > 1)
        return value

    try:
        value = json.loads(text, object_pairs_hook=take)
    except json.JSONDecodeError as error:
        raise StoreError(f"{source}: is not valid JSON ({error})") from error
    except ValueError as error:
        raise StoreError(f"{source}: holds a number of too many digits") from error
    except RecursionError as error:
        raise StoreError(f"{source}: {_TOO_DEEP}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{source}: holds {type(value).__name__}, expected an object")
    if value.get("schema") != RUN_SCHEMA:
        raise StoreError(
            f"{source}: its schema is {_show(value.get('schema'))}, this version reads "
            f'{RUN_SCHEMA!r}; write "schema": "{RUN_SCHEMA}" into it, or use the newer covidreport'
        )
    if twice:
        names = ", ".join(f"`{_show(key)[1:-1]}`" for key in dict.fromkeys(twice))
        raise StoreError(
            f"{source}: {names} stands twice in one object; keep the one that is meant"
        )
    if _depth(value) > MOST_DEPTH:
        raise StoreError(f"{source}: {_TOO_DEEP}")
    return value


_TOO_DEEP = f"is nested more than {MOST_DEPTH} levels deep, which is no run.json"


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def _plain(value: Any) -> Any:
    """A free value as every format can hold it: no NaN, no half of a character."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value if value.isprintable() else _mend(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _mend(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
