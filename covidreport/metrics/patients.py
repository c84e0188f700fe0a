"""From the answers to images to one answer for each patient, and its counts.

A patient with at least one positive image is positive, and found where his positive images are
called positive; any other of whom a truth is known is negative, and a false alarm where his images
are called positive. How many of them it takes is the rule. An image that could not be scored was
not called where it is positive and was called where it is not: it is wrong under every rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.proportions import sum_units
from covidreport.records import UNKNOWN, Counts, PatientRule

_Rule = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
_RULES: Mapping[PatientRule, _Rule] = {
    "any": lambda called, _: called > 0,
    "majority": lambda called, images: 2 * called > images,
    "all": lambda called, images: called == images,
}


def count_by_patient(
    truth: NDArray[np.int8], called: NDArray[np.bool_], failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]], rule: PatientRule = "any",
) -> Counts:  # fmt: skip
    """One label's counts of patients; every array `(N,)`, groups the number of each one's patient.

    With one image for each patient they are the counts of images. Images of unknown truth count for
    nobody, nor do the negative ones of a positive patient.
    """
    positive = truth == 1
    with_label = sum_units(positive, groups) > 0
    counted = positive | ((truth != UNKNOWN) & ~with_label[groups])
    images, unscored = sum_units(counted, groups), sum_units(counted & failed, groups)
    yes = sum_units(counted & called & ~failed, groups) + np.where(with_label, 0, unscored)
    answer, known, lost = _RULES[rule](yes, images), images > 0, unscored == images
    without = known & ~with_label

    def count(patients: NDArray[np.bool_]) -> int:
        return int(np.count_nonzero(patients))

    return Counts(
        tn=count(without & ~answer),
        fp=count(without & answer & ~lost),
        fn=count(with_label & ~answer & ~lost),
        tp=count(with_label & answer),
        failed_positive=count(with_label & lost),
        failed_negative=count(without & lost),
        unknown=count(~known),
    )
