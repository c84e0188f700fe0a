"""What a model takes and gives: the pixels that it wants, and what its outputs mean."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Fit = Literal["stretch", "crop", "pad", "cut"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Activation = Literal["logit", "sigmoid", "softmax", "softmax-logit"]
SOFTMAX: Final = ("softmax", "softmax-logit")
"""Activations whose outputs are classes that exclude each other."""
Layout = Literal["NCHW", "NHWC"]
Dtype = Literal["uint8", "float32", "float16"]
ChannelOrder = Literal["RGB", "BGR"]
PerImage = Literal["z-score", "min-max", "histogram", "clahe"]
PerImageStep = Literal["before-resize", "after-resize"]
Decision = Literal["threshold", "argmax"]
"""How scores become answers: each label by a threshold of its own, or the one label whose score is
above that of every other output."""
ARGMAX: Final = "argmax"
CALLED: Final = "call"
"""Where the threshold of a reader's ratings comes from: what the reader called positive."""


class Equalization(Struct, frozen=True):
    """How a picture's contrast is made even, as OpenCV does it: of its grey, and in 8 bits.

    clip_limit and tiles (rows, columns) are those of CLAHE.
    """

    method: Literal["histogram", "clahe"]
    step: PerImageStep
    clip_limit: float = 40.0
    tiles: tuple[int, int] = (8, 8)


class PixelSpec(Struct, frozen=True):
    """The pixels that a model wants: runs with equal `PixelSpec` share one decoded image.

    fit: `stretch` to height x width; `crop` scales the shorter side to `shorter_side` (by default
    the smaller of height and width) and cuts the centre out; `pad` scales the longer side and adds
    black; `cut` cuts the centre of the wanted shape out and scales that.
    """

    height: int
    width: int
    fit: Fit = "stretch"
    resample: Resample = "bilinear"
    antialias: bool = True
    channels: int = 1
    shorter_side: int | None = None
    equalize: Equalization | None = None


class InputSpec(Struct, frozen=True):
    """The contract of a model: what goes in, what comes out, and what the outputs mean."""

    pixels: PixelSpec
    labels: tuple[str, ...]
    """The labels of the output columns, in their order, under the data set's names."""
    input_name: str
    output_name: str
    layout: Layout = "NCHW"
    dtype: Dtype = "uint8"
    batch: int | None = None
    """A fixed batch size, or None where the batch axis is dynamic."""
    divisor: float = 1.0
    """Pixels (0 to 255) are divided by this, then `mean` is subtracted and `std` divided by."""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    activation: Activation = "logit"
    outputs: tuple[str | None, ...] = ()
    """What each output column stands for, None for one that nobody asks for; empty where the
    columns are the labels."""
    channel_order: ChannelOrder = "RGB"
    """In which the model is fed; `mean` and `std` are in this order."""
    per_image: Literal["z-score", "min-max"] | None = None
    """What is done to each image by itself, in float32: see `prepare_batch`."""
    decision: Decision = "threshold"

    @property
    def n_outputs(self) -> int:
        """How many columns the graph gives."""
        return len(self.outputs or self.labels)

    @property
    def columns(self) -> tuple[int, ...]:
        """The output column of each label."""
        if not self.outputs:
            return tuple(range(len(self.labels)))
        return tuple(i for i, name in enumerate(self.outputs) if name is not None)


class ModelLimits(Struct, frozen=True):
    """What a model may take that nobody vouches for; a run that takes more has failed."""

    batch_timeout_s: float = 300.0
    """Of one call: a batch, the trial before it, the opening of the file."""
    memory: float = 0.8
    """Of all models together: up to 1 a fraction of what the machine has, above it bytes."""
