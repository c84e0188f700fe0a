"""The contract that an ONNX file states: what goes in, what comes out, what it means.

`train` writes it into the file's `metadata_props`; a model from elsewhere is described in its
run.json under `input`, by the same words. What is neither stated nor described is asked for, never
guessed, and a description that contradicts the file is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from covidreport.errors import RunError
from covidreport.records import Activation, Dtype, Fit, InputSpec, Layout, PixelSpec, Resample, Run
from covidreport.storage.wire import read_metadata

PREFIX = "covidreport."
VERSION = "1"
WORDS = (
    "labels", "size", "fit", "resample", "antialias", "channels", "shorter_side", "activation",
    "layout", "input_name", "output_name", "divisor", "mean", "std", "label_map",
)  # fmt: skip
"""The words of a contract, in a file's metadata (after `covidreport.`) and in run.json."""

ONNX_DTYPES: dict[str, Dtype] = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph: a dimension is None where it is dynamic."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Graph:
    """What an ONNX file says of itself before anything is run."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str]


def contract_metadata(
    pixels: PixelSpec, labels: Sequence[str], activation: Activation = "logit"
) -> dict[str, str]:
    """The `metadata_props` by which an exported model states its contract; values are JSON."""
    words: dict[str, object] = {
        "contract": VERSION,
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
    return {f"{PREFIX}{word}": json.dumps(value) for word, value in words.items()}


def read_contract(graph: Graph, described: Mapping[str, Any] | None = None) -> InputSpec:
    """The contract of a model, from its file and from `input` in its run.json.

    Raises RunError with everything that is missing, unknown or contradictory, at once.
    """
    stated = _stated(graph.metadata)
    described = dict(described or {})
    faults = [f"`{word}` is no word of a contract" for word in described if word not in WORDS]
    faults += [
        f"`{word}` is {described[word]!r} in run.json and {stated[word]!r} in the file"
        for word in described
        if word in stated and stated[word] != described[word]
    ]
    words = {**stated, **described}
    source = _pick(graph.inputs, words.get("input_name"), "input", faults)
    output = _pick(graph.outputs, words.get("output_name"), "output", faults)
    if faults or source is None or output is None:
        raise _refusal(faults)
    dtype = ONNX_DTYPES.get(source.dtype)
    if dtype is None:
        raise _refusal([f"input {source.name!r} is {source.dtype}; uint8, float or float16 is fed"])
    if len(source.shape) != 4:
        raise _refusal([f"input {source.name!r} has {len(source.shape)} axes; images have 4"])
    _fill_from_shape(words, source)
    needed = ["labels", "size", "channels", "activation", "layout", "fit", "resample"]
    if dtype != "uint8":
        needed += ["divisor", "mean", "std"]
    missing = [word for word in needed if word not in words]
    if missing:
        raise RunError(
            f"the model does not state {', '.join(missing)}; "
            'describe the model in run.json under "input" (see docs/models.md)'
        )
    return _build_spec(words, source, output, dtype)


def read_labels(run: Run) -> tuple[str, ...] | None:
    """The labels that a run's model states, under the data's names, without loading the model.

    None where neither its file nor its run.json says any, or the file can't be read: opening the
    model then says what is wrong.
    """
    described = run.settings.get("input") or {}
    try:
        words = {**_stated(read_metadata(run.model) if run.model else {}), **described}
    except (OSError, ValueError, RunError):
        return None
    labels = words.get("labels")
    names = words.get("label_map") or {}
    if not isinstance(labels, list) or not isinstance(names, dict):
        return None
    return tuple(str(names.get(label, label)) for label in labels)


def _refusal(faults: Sequence[str]) -> RunError:
    return RunError("the model's contract can't be used: " + "; ".join(faults))


def _stated(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The words in a file's metadata; a file of a newer contract is refused."""
    stated: dict[str, Any] = {}
    for key, text in metadata.items():
        word = key.removeprefix(PREFIX)
        if not key.startswith(PREFIX):
            continue
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            if word in (*WORDS, "contract"):
                raise RunError(f"the model's metadata {key} is not JSON: {text!r}") from error
            continue  # another tool's note; no word of the contract
        if word == "contract" and value != VERSION:
            raise RunError(
                f"the model's contract is version {value!r}, this covidreport reads {VERSION!r}; "
                "use the newer covidreport"
            )
        if word in WORDS:
            stated[word] = value
    return stated


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
        words.setdefault("size", [height, width])


def _build_spec(
    words: Mapping[str, Any], source: Tensor, output: Tensor, dtype: Dtype
) -> InputSpec:
    faults: list[str] = []
    for word, allowed in (
        ("fit", get_args(Fit)),
        ("resample", get_args(Resample)),
        ("activation", get_args(Activation)),
        ("layout", get_args(Layout)),
        ("channels", (1, 3)),
    ):
        if words[word] not in allowed:
            faults.append(f"`{word}` is {words[word]!r}; one of {', '.join(map(str, allowed))}")
    size = words["size"]
    if not (
        isinstance(size, list | tuple)
        and len(size) == 2
        and all(isinstance(side, int) and side > 0 for side in size)
    ):
        faults.append(f"`size` is {size!r}; [height, width] in pixels")
    labels = words["labels"]
    if not isinstance(labels, list | tuple) or not labels or len(set(labels)) != len(labels):
        faults.append(f"`labels` is {labels!r}; a list of different names")
    for word in ("mean", "std"):
        value = words.get(word)
        if value is not None and len(value) != words["channels"]:
            faults.append(f"`{word}` has {len(value)} values for {words['channels']} channels")
    if faults:
        raise _refusal(faults)
    pixels = PixelSpec(
        height=size[0],
        width=size[1],
        fit=words["fit"],
        resample=words["resample"],
        antialias=bool(words.get("antialias", True)),
        channels=words["channels"],
        shorter_side=words.get("shorter_side"),
    )
    _check_shape(pixels, words["layout"], source)
    names = words.get("label_map") or {}
    mapped = tuple(str(names.get(label, label)) for label in labels)
    if len(set(mapped)) != len(mapped):
        raise _refusal([f"`label_map` gives two outputs one name: {', '.join(mapped)}"])
    width = output.shape[-1] if output.shape else None
    if width is not None and width != len(labels):
        raise RunError(
            f"output {output.name!r} has {width} columns and the contract names {len(labels)} "
            f"labels ({', '.join(map(str, labels))})"
        )
    return InputSpec(
        pixels=pixels,
        labels=mapped,
        input_name=source.name,
        output_name=output.name,
        layout=words["layout"],
        dtype=dtype,
        batch=source.shape[0],
        divisor=float(words.get("divisor", 1.0)),
        mean=_numbers(words.get("mean")),
        std=_numbers(words.get("std")),
        activation=words["activation"],
    )


def _numbers(value: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if value is None else tuple(float(number) for number in value)


def _check_shape(pixels: PixelSpec, layout: Layout, source: Tensor) -> None:
    """The size that is stated must be the size that the graph takes, where it takes only one."""
    stated = (pixels.channels, pixels.height, pixels.width)
    _, a, b, c = source.shape
    taken = (a, b, c) if layout == "NCHW" else (c, a, b)
    for name, want, have in zip(("channels", "height", "width"), stated, taken, strict=True):
        if have is not None and have != want:
            raise RunError(f"the contract says {name} {want}, the graph takes {have}")
