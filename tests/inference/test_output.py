"""What a graph gave, as scores: shapes and types that are taken, and those that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.errors import RunError
from covidreport.inference.output import keep_type, take_scores
from covidreport.records import InputSpec, PixelSpec


def _spec(*labels):
    return InputSpec(PixelSpec(8, 8), labels, "pixels", "logits")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "n", "labels"),
    [
        ((5, 3), 5, "abc"),
        ((5, 3, 1, 1), 5, "abc"),
        ((5,), 5, "a"),
        ((5, 1), 5, "a"),
        ((5, 1, 1), 5, "a"),
        ((), 1, "a"),
        ((1,), 1, "a"),
        ((3,), 1, "abc"),
    ],
)
def test_axes_of_one_may_be_missing_or_be_more(shape, n, labels, dtype):
    """The same numbers, in the same order."""
    output = np.arange(n * len(labels), dtype=dtype).reshape(shape)
    scores = keep_type(take_scores(output, n, _spec(*labels)))
    assert scores.dtype == ("float64" if dtype == "float64" else "float32")
    assert scores.tolist() == np.arange(n * len(labels)).reshape(n, len(labels)).tolist()


@pytest.mark.parametrize(
    ("shape", "n", "labels"),
    [
        ((5,), 5, "abc"),
        ((3, 5), 5, "abc"),
        ((5, 3, 7, 7), 5, "abc"),
        ((1, 5), 5, "a"),
        ((15,), 5, "abc"),
        ((5, 1, 3), 5, "abc"),
        ((1, 3), 5, "abc"),
        ((3,), 5, "abc"),
        ((), 5, "a"),
        ((2,), 1, "a"),
    ],
)
def test_other_shapes_are_refused(shape, n, labels):
    """With what was given and what is expected."""
    with pytest.raises(RunError, match=r"expected .*: one column for each of a"):
        take_scores(np.zeros(shape, np.float32), n, _spec(*labels))


@pytest.mark.parametrize(
    "output", [np.zeros((2, 1), np.int64), np.zeros((2, 1), bool), np.array([["a"], ["b"]]),
               [{"a": 0.5}, {"a": 0.1}]],
)  # fmt: skip
def test_what_holds_no_scores_is_refused(output):
    """Classes, booleans, texts, and the dictionaries of scikit-learn's exporter."""
    with pytest.raises(RunError, match=r"and scores are wanted|which holds no scores"):
        take_scores(output, 2, _spec("a"))


def test_a_double_is_kept_as_it_is():
    """Beyond float32, below its smallest, and where it is not finite, which is said elsewhere."""
    given = np.array([[1e300], [1e-300], [np.inf], [np.nan]])
    assert keep_type(given) is given


def test_a_half_keeps_its_range():
    """65504 is the largest; what the model could not hold is infinite, and no score."""
    scores = keep_type(np.array([[65504], [np.inf]], np.float16))
    assert scores[:, 0].tolist() == [65504, np.inf]
