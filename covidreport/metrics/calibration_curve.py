"""A smooth calibration curve: how often the label is there, over the probability that a run gives.

The flexible calibration curve of Van Calster et al., "A calibration hierarchy for risk models was
defined: from utopia to empirical data", J. Clin. Epidemiol. 74 (2016) 167-176: logistic regression
of the truth on a restricted cubic spline of the logit, with the knots of Harrell, "Regression
Modeling Strategies", 2nd ed. (2015), section 2.4.6. Bins depend on where they are cut, and a line
through them jumps by chance.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.intervals import two_sided_z
from covidreport.metrics.logistic import fit_logistic
from covidreport.records import UNKNOWN, CalibrationPoint

POINTS: Final = 21
"""Of a curve, evenly over the probabilities that it is drawn for."""
KNOTS: Final = {
    30: (0.05, 0.35, 0.65, 0.95), 20: (0.10, 0.5, 0.90), 10: (),
}  # fmt: skip
"""Quantiles of the logits at which the pieces of the spline meet, by how many images of the smaller
class they take at least, about ten for each coefficient beyond the first; none for a line."""
TAIL: Final = 10
"""So many of 200 images, and of more images so many, lie beyond each end of the curve: it has
little to go by there (as Harrell's `datadist` has it)."""


def smooth_calibration(
    truth: NDArray[np.int8],
    logits: NDArray[np.float64],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    confidence: float = 0.95,
) -> tuple[CalibrationPoint, ...]:
    """The curve of one label with its pointwise band, from truth, logits and failed `(N,)`.

    groups `(N,)`: patients, for whom the band then allows. The spline has fewer knots where no
    curve of more is likelier than all others, as where one of its pieces divides the classes; empty
    where there is none with any, and where fewer than ten scored images are of one class. The band
    is Wald's on the scale of logits: it takes the spline's knots as given.
    """
    from scipy.special import expit, logit

    scored = (truth != UNKNOWN) & ~failed
    y, x = (truth[scored] == 1).astype(np.float64), logits[scored]
    smaller = min(y.sum(), y.size - y.sum())
    centre, spread = (float(x.mean()), float(x.std())) if x.size else (0.0, 0.0)
    if not spread > 0:
        return ()
    codes = None if groups is None else np.unique(groups[scored], return_inverse=True)[1]
    tail = TAIL / max(x.size, 20 * TAIL)
    first, last = np.quantile(x, [tail, 1 - tail])
    at = np.linspace(float(expit(first)), float(expit(last)), POINTS)
    places = np.concatenate([[first], np.clip(logit(at[1:-1]), first, last), [last]])
    x, places = (x - centre) / spread, (places - centre) / spread  # of one size in any unit
    for quantiles in (each for least, each in KNOTS.items() if smaller >= least):
        knots = np.quantile(x, quantiles)
        if np.unique(knots).size < len(quantiles) or (not quantiles and _are_divided(x, y)):
            continue
        fit = fit_logistic(_spline(x, knots), y, np.zeros(y.size), codes)
        if fit is None:
            continue
        columns = _spline(places, knots)
        line = columns @ fit.weights
        variance = np.einsum("ij,jk,ik->i", columns, fit.covariance, columns)
        margin = two_sided_z(confidence) * np.sqrt(np.maximum(variance, 0.0))
        curve = (at, expit(line), expit(line - margin), expit(line + margin))
        return tuple(CalibrationPoint(*map(float, point)) for point in zip(*curve, strict=True))
    return ()


def _are_divided(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    on, off = x[y == 1], x[y == 0]
    return bool(off.max() <= on.min() or on.max() <= off.min())


def _spline(x: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns `(N, k)` of a restricted cubic spline with k knots: 1, x, and k - 2 cubic ones,
    which are straight beyond the outer knots; each of the size of x. Without knots 1 and x."""

    def cube(knot: float) -> NDArray[np.float64]:
        return np.maximum(x - knot, 0.0) ** 3

    columns = [np.ones_like(x), x]
    for knot in knots[:-2]:
        before, last = knots[-2:]
        left = cube(before) * (last - knot) / (last - before)
        right = cube(last) * (before - knot) / (last - before)
        columns.append((cube(knot) - left + right) / (last - knots[0]) ** 2)
    return np.column_stack(columns)
