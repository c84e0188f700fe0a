"""Scores within 1e-5 of their threshold are found, counted by hand and moved to either side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from covidreport.metrics import (
    compute_metrics,
    count_near,
    find_near,
    logit,
    move_near,
    predict_labels,
)
from covidreport.records import Counts, Scores


def _scores(values, truth=None, activation="sigmoid", failed=()):
    kind: Any = np.float32 if activation == "sigmoid" else np.float64
    column = np.array(values, kind)[:, np.newaxis]
    n = len(column)
    column[list(failed)] = np.nan
    return Scores(
        tuple(map(str, range(n))), ("covid-19",),
        np.array([1] * n if truth is None else truth, np.int8)[:, np.newaxis], column, activation,
        tuple("lost" if i in failed else None for i in range(n)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("threshold", "probability", "near"),
    [
        (0.5, 0.500009, True),
        (0.5, 0.499991, True),
        (0.5, 0.50002, False),
        (0.5, 0.5, True),
        (0.1, 0.100009, True),
        (0.9, 0.89998, False),
        (1e-6, 1e-7, False),  # ten times less is another answer, though 1e-5 apart it is not
        (1e-6, 1.005e-6, True),
    ],
)
@pytest.mark.parametrize("activation", ["sigmoid", "logit"])
def test_near_is_a_hundred_thousandth_of_a_probability(threshold, probability, near, activation):
    """Also where scores are logits: there the distance is that of their probabilities."""
    value = probability if activation == "sigmoid" else logit(probability)
    assert find_near(_scores([value], activation=activation), [threshold])[0, 0] == near


def test_near_scores_are_counted_by_what_was_answered():
    """One found, one missed, one false alarm, one cleared, one unknown; a failed image is none."""
    up, down = 0.500004, 0.499996
    scores = _scores([up, down, up, down, up, 0.5, 0.9, 0.1], [1, 1, 0, 0, -1, 1, 1, 0], failed=[5])
    (near,) = count_near(scores, [0.5])
    assert near == Counts(tn=1, fp=1, fn=1, tp=1, unknown=1)
    assert compute_metrics(scores, [0.5]).score_metrics.labels["covid-19"].near == near


@pytest.mark.parametrize("activation", ["sigmoid", "logit"])
def test_near_scores_move_to_the_right_or_the_wrong_side(activation):
    """Of four near scores two are right: then all four are, or none, and the far ones stay."""
    values = [0.500004, 0.499996, 0.500004, 0.499996, 0.9, 0.1]
    if activation == "logit":
        values = [logit(value) for value in values]
    truth = [1, 1, 0, 0, 0, 1]
    scores = _scores(values, truth, activation)

    def answers(moved):
        return predict_labels(moved.scores, [0.5], activation)[:, 0].tolist()

    assert answers(move_near(scores, [0.5], "right")) == [True, True, False, False, True, False]
    assert answers(move_near(scores, [0.5], "wrong")) == [False, False, True, True, True, False]
