"""Runs that are to become one: loaded, and seen to take the same pixels and answer alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.combine.graph import Part
from covidreport.errors import RunError
from covidreport.evaluate.opening import open_model
from covidreport.evaluate.reference import answer_pictures
from covidreport.inference.session import Session
from covidreport.metrics.combined import CombinedBy
from covidreport.records import ARGMAX, SOFTMAX, Activation, Failure, InputSpec, ModelLimits, Run
from covidreport.storage.reference import describe_feeding
from covidreport.text import listed

OF_OUTPUTS: Final = ("activation", "decision", "output_name", "labels", "label_map", "input_name")
"""Words of a contract that are about outputs and names, which may differ between parts."""


class OpenedPart(Struct, frozen=True):
    """A part, loaded. outputs: what its columns are, None for one that nobody asks for."""

    run: Run
    session: Session

    @property
    def spec(self) -> InputSpec:
        """Its contract."""
        return self.session.spec

    @property
    def outputs(self) -> tuple[str | None, ...]:
        """What its columns are, None for one that nobody asks for."""
        return self.spec.outputs or self.spec.labels

    def part(self, columns: tuple[int, ...]) -> Part:
        """As it is put into another model."""
        assert self.run.model is not None
        return Part(self.run.name, self.run.model, self.spec, columns)

    def answer(self) -> tuple[NDArray[np.floating], Activation]:
        """Its scores of the drawn pictures, and what they are."""
        scores = answer_pictures(self.session)[1]
        activation = self.spec.activation
        return scores, "softmax" if activation == "softmax-logit" else activation


def match_parts(
    parts: Sequence[OpenedPart], by: CombinedBy
) -> tuple[list[tuple[int, ...]], Activation]:
    """The columns of each part in the order of the first, and what the whole gives.

    RunError where they take other pixels, or answer other labels.
    """
    first, *others = parts
    softmax = by == "mean" and all(each.spec.activation in SOFTMAX for each in parts)
    for each in others:
        differing = _list_differing(first, each)
        if differing:
            raise RunError(
                f"{first.run.name} and {each.run.name} are not fed alike: {'; '.join(differing)}",
                "Only runs of one pixel contract become one: export both with the same input.",
            )
    argmax = [each.run.name for each in parts if each.spec.decision == ARGMAX]
    if argmax and (not softmax or len(argmax) < len(parts)):
        raise RunError(
            f"{listed(argmax)}: predicts the label that scores highest (argmax), and these runs "
            "become one that is decided by a threshold",
            'Say `"decision": "threshold"` under "input" in its run.json first.',
        )
    columns = [_find_columns(first, each, whole=softmax) for each in parts]
    return columns, "softmax" if softmax else "logit"


def _list_differing(first: OpenedPart, second: OpenedPart) -> list[str]:
    facts = [
        {**describe_feeding(each.spec), "fixed batch": each.spec.batch} for each in (first, second)
    ]
    words = [word for word in dict.fromkeys([*facts[0], *facts[1]]) if word not in OF_OUTPUTS]
    return [
        f"{word} {facts[0].get(word)} and {facts[1].get(word)}"
        for word in words
        if facts[0].get(word) != facts[1].get(word)
    ]


def _find_columns(first: OpenedPart, each: OpenedPart, *, whole: bool) -> tuple[int, ...]:
    """Its columns of the first one's labels; whole: of all classes, those without a name too."""
    if set(first.spec.labels) != set(each.spec.labels):
        raise RunError(
            f"{first.run.name} answers {listed(first.spec.labels)}, and {each.run.name} "
            f"{listed(each.spec.labels)}",
            "Map the names with `label_map` under `input` in run.json where they mean the same.",
        )
    if not whole:
        return tuple(each.outputs.index(label) for label in first.spec.labels)
    if None not in (*first.outputs, *each.outputs):
        return tuple(each.outputs.index(label) for label in first.outputs)
    if first.outputs != each.outputs:
        raise RunError(
            f"{first.run.name} and {each.run.name} have outputs without a name at other places",
            "Name all outputs in `labels` under `input` in run.json.",
        )
    return tuple(range(len(first.outputs)))


def open_part(run: Run, limits: ModelLimits) -> OpenedPart:
    """A run, loaded; RunError where it can't be."""
    session = open_model(run, limits=limits)
    if isinstance(session, Failure):
        raise RunError(f"{run.name}: {session.reason}", session.remedy)
    return OpenedPart(run, session)
