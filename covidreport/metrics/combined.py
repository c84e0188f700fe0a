"""Several models as one, and a model with a layer behind it: what their scores come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.metrics.logistic import fit_logistic
from covidreport.records import UNKNOWN

CombinedBy = Literal["mean", "either", "majority"]
"""How runs become one: by the mean of their probabilities, by the vote of any, or of most."""
LEAST: Final = 2.0**-24
"""How near to 0 a probability is taken to lie where its logarithm is needed."""
_STEEPEST: Final = 1e3
"""A softmax whose logits were multiplied by more would answer 0 and 1 alone."""
_FLAT: Final = 1e-9
"""So little of a mean log-likelihood is no gain."""


def combine_logits(logits: NDArray[np.float64], by: CombinedBy) -> NDArray[np.float64]:
    """Logits `(N, K)` of several runs as one, from theirs `(R, N, K)`.

    mean: the logit of the mean of their probabilities. either: the largest; majority: the median.
    For a vote subtract the logit of each run's threshold first: the vote is then positive above 0,
    a probability of 0.5.
    """
    if by == "mean":
        positive = np.logaddexp.reduce(-np.logaddexp(0, -logits), axis=0)
        negative = np.logaddexp.reduce(-np.logaddexp(0, logits), axis=0)
        return np.asarray(positive - negative)
    return np.asarray(logits.max(axis=0) if by == "either" else np.median(logits, axis=0))


class Layer(Struct, frozen=True):
    """What is put behind a model: each label's logit is multiplied by a scale, and moved."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    images: int
    """On which it was fitted."""
    left: Mapping[str, str] = field(default_factory=dict)
    """The labels that stay as they are, and why."""

    def apply(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of logits `(N, K)`."""
        return np.asarray(logits * np.array(self.scales) + np.array(self.offsets))


def fit_platt(truth: NDArray[np.int8], logits: NDArray[np.float64], labels: Sequence[str]) -> Layer:
    """A scale and an offset for each label, from truth and logits `(N, K)`.

    Platt, "Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods" (1999): logistic regression on (N+ + 1) / (N+ + 2) in place of 1 and on
    1 / (N- + 2) in place of 0, which has a maximum where the logits part the classes. Images whose
    truth is unknown are left out. A label of one class alone stays as it is, and so does one whose
    logits do not rise with its truth, which would be turned around; RunError where all do.
    """
    lines = [_fit_line(truth[:, k], logits[:, k]) for k in range(len(labels))]
    left = {label: line for label, line in zip(labels, lines, strict=True) if isinstance(line, str)}
    if len(left) == len(labels):
        raise RunError("no layer fits: " + "; ".join(f"{label}: {left[label]}" for label in left))
    fits = [(1.0, 0.0) if isinstance(line, str) else line for line in lines]
    scales, offsets = zip(*fits, strict=True)
    return Layer(scales, offsets, len(truth), left)


def _fit_line(truth: NDArray[np.int8], logits: NDArray[np.float64]) -> tuple[float, float] | str:
    """Scale and offset of one label, or why there are none."""
    known = truth != UNKNOWN
    x, positive = logits[known], truth[known] == 1
    n = int(positive.sum())
    if not 0 < n < positive.size:
        return f"{n} positives among {positive.size} images"
    y = np.where(positive, (n + 1) / (n + 2), 1 / (positive.size - n + 2))
    centre, spread = float(x.mean()), float(x.std()) or 1.0
    columns = np.column_stack([np.ones(x.size), (x - centre) / spread])
    fit = fit_logistic(columns, y, np.zeros(x.size))
    scale = 0.0 if fit is None else float(fit.weights[1]) / spread
    if fit is None or scale <= 0:
        return "its scores do not rise with its truth on these images"
    return scale, float(fit.weights[0]) - scale * centre


def fit_temperature(truth: NDArray[np.int8], logits: NDArray[np.float64]) -> Layer:
    """One scale for all labels, 1 / temperature, from truth and logits `(N, K)`.

    Each label is a yes or no of its own: the scale has the greatest likelihood over all of them.
    RunError where there is none: where every label's logits part its classes, or all are wrong.
    """
    known = truth != UNKNOWN
    x, y = logits[known], (truth[known] == 1).astype(np.float64)
    fit = fit_logistic(x[:, np.newaxis], y, np.zeros(x.size)) if x.size else None
    return _scale_all(None if fit is None else float(fit.weights[0]), truth.shape)


def fit_softmax_temperature(truth: NDArray[np.int8], logits: NDArray[np.float64]) -> Layer:
    """As `fit_temperature`, of logits `(N, K)` of which a softmax is taken.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML (2017).
    Images that do not have exactly one label are left out.
    """
    from scipy.optimize import minimize_scalar

    one = ((truth == 1).sum(axis=1) == 1) & (truth != UNKNOWN).all(axis=1)
    x, right = logits[one], truth[one] == 1
    if not len(x):
        return _scale_all(None, truth.shape)

    def loss(log_scale: float) -> float:
        scaled = x * np.exp(log_scale)
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - scaled[right]))

    ends = (-np.log(_STEEPEST), np.log(_STEEPEST))
    best = float(minimize_scalar(loss, bounds=ends, options={"xatol": 1e-9}).x)
    least = min(map(loss, ends))  # at an end, or as good there: there is no maximum between
    scale = float(np.exp(best)) if loss(best) < least - _FLAT else None
    return _scale_all(scale, (len(x), truth.shape[1]))


def _scale_all(scale: float | None, shape: tuple[int, ...]) -> Layer:
    if scale is None or not 0 < scale < _STEEPEST:
        raise RunError(
            "no temperature fits these images: the likelihood has no maximum, since the scores "
            "part the labels, or say nothing of them"
        )
    images, labels = shape
    return Layer((scale,) * labels, (0.0,) * labels, images)
