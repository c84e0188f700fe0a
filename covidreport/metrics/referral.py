"""What is still missed when the images that a run is least certain of go to a radiologist.

Selective classification: a run answers where it is certain and passes on the rest (El-Yaniv and
Wiener, "On the foundations of noise-free selective classification", J. Mach. Learn. Res. 11 (2010)
1605-1641). Certainty is how far a score lies from the threshold, in logits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.calibration import to_logits
from covidreport.metrics.counts import logit
from covidreport.records import Activation


def measure_certainty(
    scores: NDArray[np.floating], activation: Activation, threshold: float | NDArray[np.floating]
) -> NDArray[np.float64]:
    """|logit(score) - logit(threshold)| of one label, `(N,)`; infinite where there is no score.

    threshold: a probability, or what each score has to exceed `(N,)`, in the scores' own unit.
    An image that could not be scored is referred last: nobody should count on its being noticed.
    ValueError for an activation whose scores are none of one label alone (`softmax-logit`).
    """
    at = logit(threshold) if isinstance(threshold, float) else to_logits(threshold, activation)
    certainty = np.abs(to_logits(scores, activation) - at)
    return np.where(np.isnan(certainty), np.inf, certainty)


def find_cut(certainty: NDArray[np.float64], share: float) -> float:
    """The certainty up to which images are referred, so that it is a share of these, rounded; -1
    where that is none of them."""
    n = round(share * len(certainty))
    return -1.0 if n == 0 else float(np.partition(certainty, n - 1)[n - 1])


def trace_referral(
    certainty: NDArray[np.float64], wrong: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many images are referred and how many of `wrong` `(N,)` are not, at each certainty.

    From nobody to all; images of equal certainty are referred together.
    """
    order = np.argsort(certainty)
    ordered = certainty[order]  # infinite where there is no score: compared, not subtracted
    ends = np.append(ordered[1:] != ordered[:-1], [True] * bool(len(order)))
    referred: NDArray[Any] = np.append(0, np.flatnonzero(ends) + 1)
    caught = np.append(0, np.cumsum(wrong[order]))
    left = wrong.sum() - caught[referred]
    return referred.astype(np.int64), left.astype(np.int64)
