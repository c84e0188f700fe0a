"""What an ONNX file says of itself: where pictures go in, where scores come out, and in what shape.

Nothing is run. What is found wrong is told in sentences, of which a contract is refused for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from covidreport.inference.output import name_columns
from covidreport.records import Dtype, Layout, PixelSpec
from covidreport.storage.words import LARGEST_SIDE

if TYPE_CHECKING:  # contracts are read where ONNX Runtime is not imported
    from covidreport.inference.runtime import ort

ONNX_DTYPES: dict[str, Dtype] = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
}
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


def describe_graph(inner: ort.InferenceSession) -> Graph:
    """Inputs, outputs and metadata of an opened model; named or unknown dimensions are None."""

    def tensors(nodes: Any) -> tuple[Tensor, ...]:
        return tuple(
            Tensor(
                node.name,
                tuple(side if isinstance(side, int) and side > 0 else None for side in node.shape),
                node.type,
            )
            for node in nodes
        )

    return Graph(
        inputs=tensors(inner.get_inputs()),
        outputs=tensors(inner.get_outputs()),
        metadata=dict(inner.get_modelmeta().custom_metadata_map),
    )


def pick_input(tensors: Sequence[Tensor], name: object, faults: list[str]) -> Tensor | None:
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


def pick_output(tensors: Sequence[Tensor], name: object, faults: list[str]) -> Tensor | None:
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


def fill_from_shape(words: dict[str, Any], source: Tensor) -> None:
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


def check_input(pixels: PixelSpec, layout: Layout, source: Tensor) -> list[str]:
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


def check_output(output: Tensor, labels: Sequence[str | None]) -> list[str]:
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
