"""What other tools write beside a model about its input, in the words of a contract.

Hugging Face (`config.json` and `preprocessor_config.json`, as `optimum` exports them) and timm
(`config.json` with a `pretrained_cfg`). What these files don't say, and what no word here can
express, is left out: it is asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeGuard

from msgspec import Struct

from covidreport.errors import StoreError
from covidreport.storage.contract import find_faults
from covidreport.storage.files import read_text, stands
from covidreport.storage.words import InputWords

CONFIG: Final = "config.json"
PREPROCESSOR: Final = "preprocessor_config.json"
_MOST_BYTES: Final = 16 * 2**20
_FILTERS: Final = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's filters by their numbers."""
_CONVNEXT_SQUASHED: Final = 384
"""From this shortest edge on ConvNeXt's processor stretches and cuts nothing."""
_TIMM_CROP: Final = 0.875
"""timm's `DEFAULT_CROP_PCT`."""


class Published(Struct, frozen=True):
    """What stands beside a model: words of a contract, the file that says each, and what is wrong
    with these files."""

    words: Mapping[str, Any]
    sources: Mapping[str, str]
    faults: tuple[str, ...] = ()


def read_published(folder: Path) -> Published | None:
    """What the files in a folder say; None where they are none of the known ones."""
    faults: list[str] = []
    config = _load(folder / CONFIG, faults)
    processor = _load(folder / PREPROCESSOR, faults)
    timm = config.get("pretrained_cfg")
    found: list[tuple[str, Mapping[str, Any]]] = []
    if isinstance(timm, dict):
        found = [(CONFIG, read_timm({**timm, **_name_outputs(config)}))]
    elif "image_processor_type" in processor or "image_mean" in processor:
        channels = {"channels": config.get("num_channels", 3), "layout": "NCHW"}
        found = [(PREPROCESSOR, read_processor(processor)), (CONFIG, _read_config(config))]
        found.append((CONFIG if "num_channels" in config else PREPROCESSOR, channels))
    elif not faults:
        return None
    words: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, said in found:
        wrong = find_faults(said, InputWords)
        faults += [f"{folder / source}: {fault.sentence}" for fault in wrong]
        kept = said.keys() - {fault.word for fault in wrong}
        words |= {word: said[word] for word in said if word in kept}
        sources |= dict.fromkeys((word for word in said if word in kept), source)
    return Published(words, sources, tuple(faults))


def _load(path: Path, faults: list[str]) -> dict[str, Any]:
    """The object in a file; empty where there is none."""
    if not stands(path):
        return {}
    try:
        value = json.loads(read_text(path, _MOST_BYTES))
    except (StoreError, ValueError, RecursionError) as error:
        faults.append(f"{path}: can't be read as JSON ({error})")
        return {}
    return value if isinstance(value, dict) else {}


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_positive(value: object) -> TypeGuard[float]:
    """Whether it is a number by which another may be divided."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 1e-6 < value < 1e6  # type: ignore[operator]


def read_processor(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The words that a Hugging Face image processor's configuration comes to.

    `do_rescale` and `do_normalize` are true unless said, as in `BaseImageProcessor`.
    """
    words = _read_resize(stated) if stated.get("do_resize", True) else {}
    number = stated.get("resample")
    if words and _is_whole(number) and 0 <= number < len(_FILTERS):
        words["resample"] = _FILTERS[number]
    factor = stated.get("rescale_factor", 1 / 255) if stated.get("do_rescale", True) else 1
    if not _is_positive(factor):
        return words
    divisor = 1 / factor
    words["divisor"] = round(divisor) if math.isclose(divisor, round(divisor)) else divisor
    normalises = stated.get("do_normalize", True) and "image_mean" in stated
    for word, key in (("mean", "image_mean"), ("std", "image_std")):
        words[word] = stated.get(key) if normalises else None
    if stated.get("rescale_offset"):  # EfficientNet: pixels * factor - 1
        del words["divisor"], words["mean"], words["std"]
        if not normalises:
            words["range"] = [-1, 255 * factor - 1]
    if stated.get("do_flip_channel_order"):
        words["channel_order"] = "BGR"
    return words


def _read_resize(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Size and fit; empty where no word says what the processor does."""
    size, cut = stated.get("size"), stated.get("do_center_crop", False)
    crop = _read_sides(stated.get("crop_size")) if cut else None
    if _is_whole(size):
        size = {"shortest_edge": size} if cut else {"height": size, "width": size}
    if not isinstance(size, dict):
        return {}
    shortest, sides = size.get("shortest_edge"), _read_sides(size)
    if sides is not None:
        return {"size": sides, "fit": "stretch"} if crop in (None, sides) else {}
    if not _is_whole(shortest):
        return {}
    share = stated.get("crop_pct")
    if _is_positive(share):  # ConvNeXt
        square = {"size": [shortest, shortest]}
        if shortest >= _CONVNEXT_SQUASHED:
            return {**square, "fit": "stretch"}
        return {**square, "fit": "crop", "shorter_side": int(shortest / share)}
    return {} if crop is None else {"size": crop, "fit": "crop", "shorter_side": shortest}


def _read_sides(size: object) -> list[int] | None:
    """Height and width, of a number or an object."""
    if _is_whole(size):
        return [size, size]
    sides = [size.get("height"), size.get("width")] if isinstance(size, dict) else []
    return sides if sides and all(map(_is_whole, sides)) else None  # type: ignore[return-value]


def _read_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Labels and activation of a Hugging Face model, as its pipeline decides them."""
    names = read_indices(config.get("id2label"))
    if names is None or all(name.startswith("LABEL_") for name in names):
        names = None  # the default names say nothing
    kind = config.get("problem_type")
    activation = {"multi_label_classification": "logit",
                  "single_label_classification": "softmax-logit"}.get(str(kind))  # fmt: skip
    if activation is None and names is not None and kind is None:
        activation = "logit" if len(names) == 1 else "softmax-logit"
    said = {"labels": names, "activation": activation}
    return {word: value for word, value in said.items() if value is not None}


def read_indices(table: object) -> list[str] | None:
    """Names by number (`{"0": "covid"}`) or numbers by name as a list; None where they are none."""
    if not isinstance(table, dict) or not table:
        return None
    pairs = {str(key): value for key, value in table.items()}
    if all(isinstance(value, int) for value in pairs.values()):
        pairs = {str(value): key for key, value in pairs.items()}
    names = [pairs.get(str(number)) for number in range(len(pairs))]
    return [str(name) for name in names] if all(isinstance(n, str) for n in names) else None


def _name_outputs(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"label_names": config["label_names"]} if "label_names" in config else {}


def read_timm(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The words that timm's `create_transform` makes of a `pretrained_cfg`, for evaluation."""
    words: dict[str, Any] = {"divisor": 255, "layout": "NCHW"}
    words |= {word: stated[word] for word in ("mean", "std") if word in stated}
    if stated.get("interpolation") in _FILTERS:
        words["resample"] = stated["interpolation"]
    names = stated.get("label_names")
    if isinstance(names, list):
        words["labels"] = names
    shape = stated.get("input_size")
    if not (isinstance(shape, list) and len(shape) == 3 and all(map(_is_whole, shape))):
        return words
    words |= {"channels": shape[0], "size": shape[1:]}
    share, mode = stated.get("crop_pct", _TIMM_CROP), stated.get("crop_mode", "center")
    if mode == "center" and shape[1] == shape[2] and _is_positive(share):
        words |= {"fit": "crop", "shorter_side": math.floor(shape[1] / share)}
    elif mode == "squash" and share == 1:
        words["fit"] = "stretch"
    return words
