"""Metrics that need to know which answers belong to one image."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.counts import predict_labels
from covidreport.records import ARGMAX, UNKNOWN, Scores


class Proportion(Struct, frozen=True, eq=False):
    """A proportion of images: those of which, bool `(N,)`, and those that count, bool `(N,)`."""

    among: NDArray[np.bool_]
    counted: NDArray[np.bool_]


def exact_match(scores: Scores, predicted: NDArray[np.bool_]) -> Proportion:
    """The proportion of images with the right answer for every label (subset accuracy).

    predicted `(N, K)`. A failed image is wrong; an image with an unknown label is excluded, since
    nobody knows whether all its answers are right.
    """
    known = (scores.truth != UNKNOWN).all(axis=1)
    return Proportion(known, (predicted == (scores.truth == 1)).all(axis=1) & ~scores.failed)


def top_1(scores: Scores, predicted: NDArray[np.bool_]) -> Proportion:  # noqa: ARG001
    """The proportion of images whose one label has the highest score, alone (top-1 accuracy).

    A failed image is wrong, and so is a tie. Of no images, and undefined, unless the scores are a
    softmax whose other outputs are known, and every image carries exactly one label.
    """
    failed, truth = scores.failed, scores.truth == 1
    one_each = (scores.truth != UNKNOWN).all() and (truth.sum(axis=1) == 1).all()
    if scores.activation != "softmax" or scores.others is None or not one_each:
        return Proportion(np.zeros_like(failed), np.zeros_like(failed))
    named = predict_labels(scores.scores, ARGMAX, scores.activation, failed, scores.others)
    return Proportion(np.ones_like(failed), (named & truth).any(axis=1))
