"""Logistic regression by maximum likelihood, with errors that allow for groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

_STEPS, _CLOSE = 100, 1e-10


class LogisticFit(Struct, frozen=True, eq=False):
    """Coefficients `(P,)` and their covariance `(P, P)`; zeros where all rows are of one group."""

    weights: NDArray[np.float64]
    covariance: NDArray[np.float64]


def fit_logistic(
    columns: NDArray[np.float64],
    y: NDArray[np.float64],
    offset: NDArray[np.float64],
    codes: NDArray[np.intp] | None = None,
) -> LogisticFit | None:
    """Of y (0 or 1, `(N,)`) on columns `(N, P)`, by Newton's method with halved steps.

    codes `(N,)`: the group of each row, 0 ... G-1; errors are then those of Liang and Zeger,
    "Longitudinal data analysis using generalized linear models", Biometrika 73 (1986) 13-22, times
    G / (G - 1). None where the likelihood has no maximum that the steps reach, and where any value
    is as likely, all fitted being 0 or 1.
    """
    from scipy.special import expit

    weights = np.zeros(columns.shape[1])
    best = _log_likelihood(columns @ weights + offset, y)
    for _ in range(_STEPS):
        fitted = expit(columns @ weights + offset)
        gradient = columns.T @ (y - fitted)
        information = columns.T @ (columns * (fitted * (1 - fitted))[:, np.newaxis])
        if _is_singular(information):
            # All fitted are 0 or 1 to rounding: a plain step up the gradient leads out of there.
            information = information + np.eye(len(weights)) * max(1.0, np.abs(gradient).max())
        step = np.linalg.solve(information, gradient)
        likelihood = _log_likelihood(columns @ (weights + step) + offset, y)
        while likelihood < best and np.abs(step).max() > _CLOSE:
            step = step / 2
            likelihood = _log_likelihood(columns @ (weights + step) + offset, y)
        weights, best = weights + step, max(best, likelihood)
        if np.abs(step).max() <= _CLOSE:
            fitted = expit(columns @ weights + offset)
            information = columns.T @ (columns * (fitted * (1 - fitted))[:, np.newaxis])
            if _is_singular(information):
                return None
            covariance: NDArray[np.float64] = np.linalg.inv(information).astype(np.float64)
            if codes is not None:
                covariance = _allow_for_groups(covariance, columns * (y - fitted)[:, None], codes)
            return LogisticFit(weights, covariance)
    return None


def _is_singular(information: NDArray[np.float64]) -> bool:
    """To the rounding of float64."""
    return bool(np.linalg.cond(information) > 1 / np.finfo(np.float64).eps)


def _allow_for_groups(
    inverse: NDArray[np.floating[Any]], scores: NDArray[np.float64], codes: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The covariance of coefficients where the rows of a group are not independent; 0 for one."""
    sums = np.stack([np.bincount(codes, column) for column in scores.T], axis=1)
    if len(sums) < 2:
        return np.zeros_like(inverse)
    covariance: NDArray[np.float64] = inverse @ (sums.T @ sums) @ inverse
    return covariance * len(sums) / (len(sums) - 1)


def _log_likelihood(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(np.sum(y * x - np.logaddexp(0, x)))
