"""The layer that is put behind a run: fitted on its stored scores of a split of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from covidreport.combine.parts import OpenedPart
from covidreport.errors import RunError, UsageError
from covidreport.evaluate.tune import find_scores
from covidreport.metrics import find_not_finite, to_logits
from covidreport.metrics.combined import (
    LEAST,
    Layer,
    fit_platt,
    fit_softmax_temperature,
    fit_temperature,
)
from covidreport.records import SOFTMAX
from covidreport.text.thresholds import is_trained_on

LAYERS: Final = ("temperature", "platt")


class FittedLayer(Struct, frozen=True):
    """A layer, what kind it is, and the images that it was fitted on."""

    layer: Layer
    kind: str
    dataset: str
    split: str
    fingerprint: str | None

    def facts(self, labels: Sequence[str | None]) -> dict[str, Any]:
        """As run.json keeps it."""
        fitted: dict[str, Any] = {
            "kind": self.kind, "dataset": self.dataset, "split": self.split,
            "fingerprint": self.fingerprint, "images": self.layer.images,
        }  # fmt: skip
        if self.kind == "temperature":
            return {**fitted, "temperature": 1 / self.layer.scales[0]}
        named = [(i, label) for i, label in enumerate(labels) if label is not None]
        return {
            **fitted,
            "scales": {label: self.layer.scales[i] for i, label in named},
            "offsets": {label: self.layer.offsets[i] for i, label in named},
            "left_as_they_are": dict(self.layer.left),
        }


def fit_layer(part: OpenedPart, kind: str, split: str, dataset: str | None) -> FittedLayer:
    """A layer for all outputs of a run; those without a name, or without truth, stay as they are.

    RunError where something of the run was fitted on the split, where its model has no scores of
    it, or where no layer fits.
    """
    run, outputs = part.run, part.outputs
    if is_trained_on(run, split):
        raise RunError(
            f"{run.name} was fitted on {split}: its scores there say nothing of new images",
            "Fit the layer on a split that the run has not seen.",
        )
    evaluation, scores = find_scores(run, split, dataset)
    if evaluation.facts.model_sha256 != part.session.identity.sha256:
        raise RunError(
            f"{run.name}: its scores on {split} are of another model file",
            f"Run `covidreport evaluate --split {split}` on it again.",
        )
    if find_not_finite(scores) is not None:
        raise RunError(f"{run.name} has scores on {split} that are not finite")
    kept = ~scores.failed
    truth, given = scores.truth[kept], scores.scores[kept]
    softmax = part.spec.activation in SOFTMAX
    if softmax and (kind == "platt" or {*outputs} != {*scores.labels}):
        what = (
            "a platt layer fits each label by itself, and these are a softmax's"
            if kind == "platt"
            else "there are no scores of all of its outputs"
        )
        remedy = "Fit a temperature." if kind == "platt" else "Name all outputs in `labels`."
        raise RunError(f"{run.name}: {what}", remedy)
    if softmax:
        logs = np.log(np.maximum(given.astype(np.float64), LEAST))
        layer = fit_softmax_temperature(truth, logs)
    else:
        logits = to_logits(given, scores.activation)
        fitted = (
            fit_platt(truth, logits, scores.labels)
            if kind == "platt"
            else fit_temperature(truth, logits)
        )
        layer = _spread(fitted, scores.labels, outputs, all_alike=kind == "temperature")
    return FittedLayer(layer, kind, evaluation.dataset, evaluation.split, evaluation.fingerprint)


def _spread(
    layer: Layer, labels: Sequence[str], outputs: Sequence[str | None], *, all_alike: bool
) -> Layer:
    """The layer over all outputs; one that was not fitted is multiplied by 1 under platt."""
    at = {label: k for k, label in enumerate(labels)}
    rest = layer.scales[0] if all_alike else 1.0
    known = [at.get(name) if name is not None else None for name in outputs]
    return Layer(
        tuple(rest if k is None else layer.scales[k] for k in known),
        tuple(0.0 if k is None else layer.offsets[k] for k in known),
        layer.images,
        layer.left,
    )


def refuse_reported(split: str, reported: str) -> None:
    """UsageError where a layer would be fitted on the very images that are reported."""
    if split.lower() == reported.lower():
        raise UsageError(
            f"--split {split}: is the split that is reported here, and what is fitted on it says "
            "nothing about it; fit on another, such as tuning"
        )
