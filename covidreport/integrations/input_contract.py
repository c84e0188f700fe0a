"""What a model takes and gives, in the words of a model card: enough to feed it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from covidreport.records import ARGMAX, SOFTMAX, Evaluation, InputSpec, PixelSpec
from covidreport.report.blocks import Fact, Facts, Text
from covidreport.storage.codec import decode
from covidreport.text import clean, exact

_FITS = {
    "stretch": "the whole image is stretched",
    "crop": "the shorter side is scaled to {shorter} pixels and the centre cut out",
    "pad": "the longer side is scaled, and black is added",
    "cut": "the centre of that shape is cut out and scaled",
}
_PER_IMAGE = {
    "z-score": "each image less its mean, over its standard deviation",
    "min-max": "each image stretched to 0 to 255",
}
_ACTIVATIONS = {
    "logit": "a logit of each label: a sigmoid gives its probability",
    "sigmoid": "a probability of each label by itself",
    "softmax": "probabilities of classes that exclude each other",
    "softmax-logit": "logits of classes that exclude each other: a softmax gives probabilities",
}


def describe_contract(evaluation: Evaluation) -> Facts | None:
    """As the evaluation recorded it; None where no model was run.

    Raises StoreError where what is recorded is no contract.
    """
    recorded = evaluation.provenance.get("input")
    if recorded is None:
        return None
    spec = decode(recorded, InputSpec, f"evaluation of {evaluation.run}: provenance.input")
    return Facts(tuple(Fact(name, Text(words)) for name, words in _list(spec, evaluation)))


def _list(spec: InputSpec, evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    pixels = spec.pixels
    sides = {"N": str(spec.batch or "N"), "C": str(pixels.channels), "H": str(pixels.height),
             "W": str(pixels.width)}  # fmt: skip
    shape = " × ".join(sides[axis] for axis in spec.layout)
    yield "Input", f"{clean(spec.input_name)}: {spec.dtype}, {shape} ({spec.layout})"
    colours = f"3, {spec.channel_order}" if pixels.channels == 3 else f"{pixels.channels}, grey"
    yield "Channels", colours
    yield "Size", _describe_size(pixels)
    if pixels.equalize is not None:
        step = pixels.equalize.step.replace("-", " ")
        yield "Contrast", f"made even by {pixels.equalize.method}, {step}"
    yield "Values", _describe_values(spec)
    names = [clean(name or "not used") for name in spec.outputs or spec.labels]
    yield "Output", f"{clean(spec.output_name)}: {_ACTIVATIONS[spec.activation]}"
    yield "Columns", ", ".join(names)
    yield "Answer", _describe_answer(spec, evaluation)


def _describe_size(pixels: PixelSpec) -> str:
    shorter = pixels.shorter_side or min(pixels.height, pixels.width)
    widened = "antialiasing" if pixels.antialias else "no antialiasing"
    return (
        f"{pixels.height} × {pixels.width} (height × width): "
        f"{_FITS[pixels.fit].format(shorter=shorter)}, {pixels.resample} with {widened}"
    )


def _describe_values(spec: InputSpec) -> str:
    """In the order in which they are done; a model that takes uint8 does the rest by itself."""
    steps = ["pixels from 0 to 255"]
    if spec.dtype != "uint8":
        steps += [_PER_IMAGE[spec.per_image]] if spec.per_image is not None else []
        steps += [f"divided by {exact(spec.divisor)}"] if spec.divisor != 1 else []
        steps += [f"less {exact(spec.mean)}"] if spec.mean is not None else []
        steps += [f"over {exact(spec.std)}"] if spec.std is not None else []
    return ", then ".join(steps)


def _describe_answer(spec: InputSpec, evaluation: Evaluation) -> str:
    if evaluation.thresholds_from == ARGMAX:
        return "the class that scores highest"
    above = ", ".join(
        f"{clean(label)} {exact(each)}" for label, each in evaluation.thresholds.items()
    )
    of = " of the softmax" if spec.activation in SOFTMAX else ""
    return f"yes where the probability{of} is above: {above}"
