"""The contract that an ONNX file states: what goes in, what comes out, what it means.

`train` writes it into the file's `metadata_props`; a model from elsewhere is described in its
run.json under `input`, by the same words. What is neither stated nor described is asked for, never
guessed, and a description that contradicts the file is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from covidreport.errors import RunError
from covidreport.inference.graph import (
    ONNX_DTYPES,
    Graph,
    Tensor,
    check_input,
    check_output,
    fill_from_shape,
    pick_input,
    pick_output,
)
from covidreport.records import (
    ARGMAX,
    SOFTMAX,
    Activation,
    Decision,
    Dtype,
    Equalization,
    InputSpec,
    PixelSpec,
    Run,
)
from covidreport.storage.contract import read_input_words, read_stated_words, refuse
from covidreport.storage.wire import read_metadata
from covidreport.storage.words import PREFIX, VERSION, WORDS

__all__ = ["PREFIX", "VERSION", "WORDS", "contract_metadata", "read_contract", "read_decision",
           "read_labels", "state_words"]  # fmt: skip

EQUALIZED: Final = ("histogram", "clahe")
"""What `per_image` does to pixels of 8 bits."""


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
    source = pick_input(graph.inputs, words.get("input_name"), faults)
    output = pick_output(graph.outputs, words.get("output_name"), faults)
    if faults or source is None or output is None:
        raise _refusal(faults)
    dtype = ONNX_DTYPES.get(source.dtype)
    if dtype is None:
        raise _refusal([f"input {source.name!r} is {source.dtype}; uint8, float or float16 is fed"])
    if len(source.shape) != 4:
        raise _refusal([f"input {source.name!r} has {len(source.shape)} axes; images have 4"])
    fill_from_shape(words, source)
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
    faults += check_input(pixels, words["layout"], source)
    faults += check_output(output, labels)
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
