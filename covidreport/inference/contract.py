"""The contract that an ONNX file states: what goes in, what comes out, what it means.

`train` writes it into the file's `metadata_props`; a model from elsewhere is described in its
run.json under `input`, by the same words. What is neither stated nor described is asked for, never
guessed, and a description that contradicts the file is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from covidreport.errors import RunError
from covidreport.inference.output import name_columns
from covidreport.records import (
    ARGMAX,
    SOFTMAX,
    Activation,
    Decision,
    Dtype,
    Equalization,
    InputSpec,
    Layout,
    PixelSpec,
    Run,
)
from covidreport.storage.contract import (
    LARGEST_SIDE,
    PREFIX,
    VERSION,
    WORDS,
    read_input_words,
    read_stated_words,
    refuse,
)
from covidreport.storage.wire import read_metadata

__all__ = ["PREFIX", "VERSION", "WORDS", "Graph", "Tensor", "contract_metadata", "read_contract",
           "read_decision", "read_labels", "state_words"]  # fmt: skip

ONNX_DTYPES: dict[str, Dtype] = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
}
EQUALIZED: Final = ("histogram", "clahe")
"""What `per_image` does to pixels of 8 bits."""
SCORE_TYPES: Final = ("tensor(float)", "tensor(float16)", "tensor(double)")
"""What scores may be; an int64 is a class, and no score."""
MOST_FED: Final = 2**31
"""Values that a model may be fed at once: 3,500 colour images of 448 x 448."""


class Tensor(Struct, frozen=True):
    """An input or output of a graph: a dimension is None where it is dynamic."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Graph(Struct, frozen=True):
    """What an ONNX file says of itself before anything is run."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str]


def contract_metadata(
    pixels: PixelSpec, labels: Sequence[str], activation: Activation = "logit"
) -> dict[str, str]:
    """The `metadata_props` by which an exported model states its contract; values are JSON."""
    words: dict[str, object] = {
        "labels": list(labels),
        "size": [pixels.height, pixels.width],
        "fit": pixels.fit,
        "resample": pixels.resample,
        "antialias": pixels.antialias,
        "channels": pixels.channels,
        "activation": activation,
        "layout": "NCHW",
    }
    if pixels.shorter_side is not None:
        words["shorter_side"] = pixels.shorter_side
    return state_words(words)


def state_words(words: Mapping[str, Any]) -> dict[str, str]:
    """Words of a contract as `metadata_props`."""
    stated = {"contract": VERSION, **words}
    return {f"{PREFIX}{word}": json.dumps(value) for word, value in stated.items()}


def read_contract(graph: Graph, described: Mapping[str, Any] | None = None) -> InputSpec:
    """The contract of a model, from its file and from `input` in its run.json.

    Raises RunError with everything that is missing, unknown or contradictory, at once.
    """
    words, source, output, dtype = _read_words(graph, described)
    missing = [word for word in _list_needed(words, dtype) if word not in words]
    if missing:
        raise RunError(
            f"the model does not state {', '.join(missing)}; "
            'describe the model in run.json under "input" (see docs/models.md)'
        )
    return _build_spec(words, source, output, dtype)


def complete_words(
    graph: Graph, described: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """All words that are known of a model, and those that `read_contract` would ask for.

    RunError where what is said contradicts itself or the graph.
    """
    words, source, output, dtype = _read_words(graph, described)
    missing = tuple(word for word in _list_needed(words, dtype) if word not in words)
    if not missing:
        _build_spec(words, source, output, dtype)
    return words, missing


def _read_words(
    graph: Graph, described: Mapping[str, Any] | None
) -> tuple[dict[str, Any], Tensor, Tensor, Dtype]:
    """All that is said of a model, by whomever, and the input and output that it is said of."""
    stated = read_stated_words(graph.metadata).stated()
    said = read_input_words(described or {}).stated()
    faults = [
        f"`{word}` is {said[word]!r} in run.json and {stated[word]!r} in the file"
        for word in said
        if word in stated and not _agree(stated[word], said[word])
    ]
    words = {**stated, **said}
    source = _pick_input(graph.inputs, words.get("input_name"), faults)
    output = _pick_output(graph.outputs, words.get("output_name"), faults)
    if faults or source is None or output is None:
        raise _refusal(faults)
    dtype = ONNX_DTYPES.get(source.dtype)
    if dtype is None:
        raise _refusal([f"input {source.name!r} is {source.dtype}; uint8, float or float16 is fed"])
    if len(source.shape) != 4:
        raise _refusal([f"input {source.name!r} has {len(source.shape)} axes; images have 4"])
    _fill_from_shape(words, source)
    return words, source, output, dtype


def read_labels(run: Run) -> tuple[str, ...] | None:
    """The labels that a run's model states, under the data's names, without loading the model.

    None where neither its file nor its run.json says any, or where either can't be used: opening
    the model then says what is wrong.
    """
    words = _peek_words(run)
    if "labels" not in words:
        return None
    names = words.get("label_map") or {}
    labels = tuple(names.get(label, label) for label in words["labels"] if label is not None)
    return labels if len(set(labels)) == len(labels) else None


def read_decision(run: Run) -> Decision:
    """How a run's scores become answers, by its file and its run.json, without loading the model.

    Of a configuration as its folds say; `threshold` where either can't be used.
    """
    said: Decision = _peek_words(run.members[0] if run.members else run).get(
        "decision", "threshold"
    )
    return said


def _peek_words(run: Run) -> dict[str, Any]:
    """The words of a run's contract, from the bytes of its files alone; none where they are
    faulty."""
    if run.faults:
        return {}
    try:
        metadata = read_metadata(run.model) if run.model else {}
        said = read_input_words(run.described or {}).stated()
        return {**read_stated_words(metadata).stated(), **said}
    except (OSError, ValueError, RunError):
        return {}


def _refusal(faults: Sequence[str]) -> RunError:
    return RunError(refuse(faults))


def _agree(stated: object, said: object) -> bool:
    """Whether two values say the same: one number stands for that of every channel."""
    if isinstance(stated, tuple) and isinstance(said, float):
        return all(number == said for number in stated)
    if isinstance(said, tuple) and isinstance(stated, float):
        return _agree(said, stated)
    return stated == said


def _pick_input(tensors: Sequence[Tensor], name: object, faults: list[str]) -> Tensor | None:
    """The input that images go into; a graph that needs another one as well can't be fed.

    ONNX Runtime counts no input that has a default among them; one that may be omitted has a type
    that begins with `optional`.
    """
    needed = [tensor for tensor in tensors if not tensor.dtype.startswith("optional")]
    if name is None and len(needed) > 1:
        names = ", ".join(tensor.name for tensor in needed)
        faults.append(
            f"it needs {len(needed)} inputs ({names}), and only images are fed: export it with all "
            "but one as constants, or with defaults"
        )
        return None
    picked = _pick(needed if name is None else tensors, name, "input", faults)
    others = ", ".join(repr(tensor.name) for tensor in needed if tensor is not picked)
    if picked is not None and others:
        faults.append(
            f"it also needs the input {others}, and only images are fed, to {picked.name!r}: "
            "export it with that input as a constant, or with a default"
        )
    return picked


def _pick_output(tensors: Sequence[Tensor], name: object, faults: list[str]) -> Tensor | None:
    """The output that holds the scores: numbers of a floating type."""
    maps = [tensor for tensor in tensors if tensor.dtype.startswith("seq(map(")]
    if name is None and maps and not any(tensor.dtype in SCORE_TYPES for tensor in tensors):
        name = maps[0].name  # beside the class, which is no score either
    picked = _pick(tensors, name, "output", faults)
    if picked is None or picked.dtype in SCORE_TYPES:
        return picked
    others = [tensor.name for tensor in tensors if tensor.dtype in SCORE_TYPES]
    remedy = f"name one of {', '.join(others)}" if others else "export one that does"
    if picked in maps and not others:  # scikit-learn's, by skl2onnx
        remedy = 'export it with options={"zipmap": False}'
    faults.append(
        f"output {picked.name!r} is {picked.dtype}, which holds no scores (float16, float and "
        f"double do): {remedy}"
    )
    return None


def _pick(tensors: Sequence[Tensor], name: object, kind: str, faults: list[str]) -> Tensor | None:
    """The tensor called `name`, or the only one there is."""
    names = ", ".join(tensor.name for tensor in tensors)
    if name is None:
        if len(tensors) == 1:
            return tensors[0]
        faults.append(f"it has {len(tensors)} {kind}s ({names}): say which in `{kind}_name`")
        return None
    for tensor in tensors:
        if tensor.name == name:
            return tensor
    faults.append(f"it has no {kind} {name!r} (it has {names})")
    return None


def _fill_from_shape(words: dict[str, Any], source: Tensor) -> None:
    """Take layout, channels and size from the input's shape where it allows one reading only."""
    _, a, b, c = source.shape
    if "layout" not in words:
        first, last = a in (1, 3), c in (1, 3)
        if first != last:
            words["layout"] = "NCHW" if first else "NHWC"
    if "layout" not in words:
        return
    channels, height, width = (a, b, c) if words["layout"] == "NCHW" else (c, a, b)
    if channels is not None:
        words.setdefault("channels", channels)
    if height is not None and width is not None:
        words.setdefault("size", (height, width))


def _build_spec(
    words: Mapping[str, Any], source: Tensor, output: Tensor, dtype: Dtype
) -> InputSpec:
    channels: int = words["channels"]
    height, width = words["size"]
    labels: tuple[str | None, ...] = words["labels"]
    names = words.get("label_map") or {}
    outputs = tuple(label if label is None else names.get(label, label) for label in labels)
    mapped = tuple(name for name in outputs if name is not None)
    pixels = PixelSpec(
        height=height,
        width=width,
        fit=words["fit"],
        resample=words["resample"],
        antialias=words.get("antialias", True),
        channels=channels,
        shorter_side=words.get("shorter_side"),
        equalize=_read_equalization(words),
    )
    numbers = {word: _spread(words.get(word), channels) for word in ("mean", "std")}
    faults = _check_pixel_words(words, dtype) + [
        f"`{word}` has {len(value)} values for {channels} channels"
        for word, value in numbers.items()
        if value is not None and len(value) != channels
    ]
    if len(set(mapped)) != len(mapped):
        faults.append(f"`label_map` gives two outputs one name: {', '.join(mapped)}")
    faults += _check_input(pixels, words["layout"], source)
    faults += _check_output(output, labels)
    faults += _check_decision(words)
    if faults:
        raise _refusal(faults)
    divisor, mean = _read_scale(words, numbers["mean"], channels)
    per_image = words.get("per_image")
    return InputSpec(
        pixels=pixels,
        labels=mapped,
        input_name=source.name,
        output_name=output.name,
        layout=words["layout"],
        dtype=dtype,
        batch=source.shape[0],
        divisor=divisor,
        mean=mean,
        std=numbers["std"],
        activation=words["activation"],
        outputs=outputs if None in outputs else (),
        channel_order=words.get("channel_order", "RGB"),
        per_image=None if pixels.equalize else per_image,
        decision=words.get("decision", "threshold"),
    )


def _list_needed(words: Mapping[str, Any], dtype: Dtype) -> list[str]:
    """The words that have to be said, somewhere."""
    needed = ["labels", "size", "channels", "activation", "layout", "fit", "resample"]
    per_image = words.get("per_image")
    if per_image in EQUALIZED:
        needed += ["per_image_step", *(["clip_limit"] if per_image == "clahe" else [])]
    if dtype == "uint8" or per_image == "z-score":
        return needed
    return needed if "range" in words else [*needed, "divisor", "mean", "std"]


def _check_pixel_words(words: Mapping[str, Any], dtype: Dtype) -> list[str]:
    """What contradicts itself in what is said of a pixel's way to the graph."""
    per_image = words.get("per_image")
    numbers = [word for word in ("divisor", "range", "mean", "std") if words.get(word) is not None]
    faults = []
    if {"divisor", "range"} <= {*numbers}:
        faults.append("`range` stands for `divisor`: say one of them")
    if per_image == "z-score" and numbers:
        faults.append(f"`per_image` z-score takes the place of {', '.join(numbers)}")
    if per_image in ("z-score", "min-max") and words.get("per_image_step") == "before-resize":
        faults.append(
            f"`per_image` {per_image} is taken after the resize: until then pixels are of 8 bits"
        )
    if dtype == "uint8" and (per_image in ("z-score", "min-max") or "range" in words):
        word = "range" if "range" in words else "per_image"
        faults.append(f"`{word}` gives floats, and the graph takes uint8")
    if words.get("channel_order") == "BGR" and words["channels"] == 1:
        faults.append("`channel_order` is BGR, and there is one channel")
    wanted = {"per_image_step": ("any", per_image), "clip_limit": ("clahe", per_image == "clahe"),
              "tiles": ("clahe", per_image == "clahe")}  # fmt: skip
    return faults + [
        f"`{word}` belongs to {'`per_image`' if of == 'any' else '`per_image` ' + of}"
        for word, (of, there) in wanted.items()
        if word in words and not there
    ]


def _check_decision(words: Mapping[str, Any]) -> list[str]:
    """Why the label that scores highest is no answer of this model."""
    if words.get("decision") != ARGMAX:
        return []
    if words["activation"] not in SOFTMAX:
        return [
            f"`decision` is argmax, and `activation` is {words['activation']}: its outputs are a "
            "yes or no each, of which several may be right; leave `decision` out, or say softmax "
            "or softmax-logit where an image has one label"
        ]
    if len(words["labels"]) < 2:
        return ["`decision` is argmax, and there is one output, which always scores highest"]
    return []


def _read_equalization(words: Mapping[str, Any]) -> Equalization | None:
    if words.get("per_image") not in EQUALIZED:
        return None
    stated = {word: words[word] for word in ("clip_limit", "tiles") if word in words}
    return Equalization(words["per_image"], words["per_image_step"], **stated)


def _read_scale(
    words: Mapping[str, Any], mean: tuple[float, ...] | None, channels: int
) -> tuple[float, tuple[float, ...] | None]:
    """Divisor and mean; of a `range` those that bring 0 to its lowest and 255 to its highest."""
    if "range" not in words:
        return words.get("divisor", 1.0), mean
    low, high = words["range"]
    shifted = tuple(value - low for value in mean or (0.0,) * channels)
    return 255 / (high - low), shifted if any(shifted) else None


def _spread(value: float | tuple[float, ...] | None, channels: int) -> tuple[float, ...] | None:
    """A number for each channel; one number is that of every channel."""
    return (value,) * channels if isinstance(value, float) else value


def _check_input(pixels: PixelSpec, layout: Layout, source: Tensor) -> list[str]:
    """What the graph can't take: it must be fed the size that it states, and that must be sane."""
    stated = (pixels.channels, pixels.height, pixels.width)
    batch, a, b, c = source.shape
    taken = (a, b, c) if layout == "NCHW" else (c, a, b)
    faults = [
        f"the contract says {name} {want}, the graph takes {have}"
        for name, want, have in zip(("channels", "height", "width"), stated, taken, strict=True)
        if have is not None and have != want
    ]
    if not faults and max(pixels.height, pixels.width) > LARGEST_SIDE:
        faults.append(
            f"the graph takes {pixels.height} x {pixels.width} pixels; at most {LARGEST_SIDE} a "
            "side are fed"
        )
    if pixels.channels not in (1, 3):
        faults.append(f"the graph takes {pixels.channels} channels; images have 1 (grey) or 3")
    if (batch or 1) * pixels.channels * pixels.height * pixels.width > MOST_FED:
        faults.append(
            f"the graph takes {batch or 1:,} images of {pixels.height} x {pixels.width} at once; "
            f"at most {MOST_FED:,} values are fed: export it with a dynamic batch axis"
        )
    return faults


def _check_output(output: Tensor, labels: Sequence[str | None]) -> list[str]:
    """What the graph can't answer with: a column for each label, or one number for one label.

    Where a graph states no shape at all, its answers show it.
    """
    shape, names = output.shape, name_columns(labels)
    if len(shape) == 1 and len(labels) > 1:
        return [
            f"output {output.name!r} has one axis, and {len(labels)} labels ({names}) need a "
            "column each"
        ]
    if len(shape) > 1 and shape[1] not in (None, len(labels)):
        return [
            f"output {output.name!r} has {shape[1]} columns and the contract names {len(labels)} "
            f"labels ({names})"
        ]
    if any(side not in (None, 1) for side in shape[2:]):
        sides = " x ".join("?" if side is None else str(side) for side in shape[2:])
        return [
            f"output {output.name!r} gives {sides} numbers for each label, and one is wanted: "
            "pool them in the graph"
        ]
    return []
