"""Answers and counts: what a threshold means, and where failed and unknown images go."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import multilabel_confusion_matrix

from covidreport.errors import UsageError
from covidreport.metrics import count_labels, find_not_finite, predict_labels
from covidreport.records import Activation, Counts, Scores


def _column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, np.newaxis]


@pytest.mark.parametrize(
    ("activation", "threshold", "exactly"),
    [("logit", 0.5, 0.0), ("sigmoid", 0.5, 0.5), ("softmax", 0.25, 0.25)],
)
def test_a_score_exactly_at_the_threshold_is_negative(activation, threshold, exactly):
    """The study calls a label positive where its logit is above 0; the next float32 is above."""
    above = float(np.nextafter(np.float32(exactly), np.float32(1)))
    below = float(np.nextafter(np.float32(exactly), np.float32(-1)))
    answers = predict_labels(_column(below, exactly, above), [threshold], activation)
    assert answers[:, 0].tolist() == [False, False, True]


def test_each_label_has_its_own_threshold():
    """Thresholds go by column."""
    scores = np.array([[0.4, 0.4, 0.4]], dtype=np.float32)
    assert predict_labels(scores, [0.3, 0.5, 0.39], "sigmoid").tolist() == [[True, False, True]]


@given(
    st.floats(1e-6, 1 - 1e-6),
    st.floats(-30, 30, width=32).filter(lambda x: abs(x) > 1e-3),
)
def test_a_logit_is_compared_as_its_probability_would_be(threshold, logit):
    """Comparing logits and comparing probabilities agree, but for a rounding's width."""
    probability = 1 / (1 + math.exp(-logit))
    if not math.isclose(probability, threshold, rel_tol=1e-5):
        assert predict_labels(_column(logit), [threshold], "logit")[0, 0] == (
            probability > threshold
        )


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["logit", "sigmoid", "softmax"])
def test_a_score_on_its_threshold_is_a_no_in_the_type_that_it_was_given_in(kind, activation):
    """Every probability of three decimals, as a score and as its own threshold; not the next."""
    for text in (f"0.{each:03}" for each in range(1, 1000)):
        threshold = float(text)
        exact = math.log(threshold / (1 - threshold)) if activation == "logit" else threshold
        score = kind(exact)
        above, below = np.nextafter(score, kind(99)), np.nextafter(score, kind(-99))
        column = np.array([[below], [score], [above]], dtype=kind)
        answers = predict_labels(column, [threshold], activation)[:, 0]
        assert answers.tolist() == [False, False, True], text


def test_large_logits_are_told_apart_where_probabilities_are_all_1():
    """A sigmoid in float32 turns 18 and 30 into 1; the logit of a threshold near 1 still splits."""
    threshold = 1 - 1e-10  # its logit is about 23
    assert predict_labels(_column(18, 30), [threshold], "logit")[:, 0].tolist() == [False, True]


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5, 50.0, math.nan])
def test_a_threshold_outside_0_and_1_is_refused(threshold):
    """It would call everything the same: the error says what a threshold is."""
    with pytest.raises(UsageError, match="strictly between 0 and 1"):
        predict_labels(_column(0.0), [threshold], "logit")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_refused_and_not_called_negative(bad):
    """NaN > 0 is False: without the check such a run would quietly miss a case."""
    with pytest.raises(ValueError, match=r"1 images .* the first in row 1"):
        predict_labels(_column(1.0, bad), [0.5], "logit")


def test_the_nan_of_a_failed_image_is_no_answer():
    """Rows that failed hold NaN by contract and come out as False."""
    failed = np.array([False, True])
    assert predict_labels(_column(1.0, math.nan), [0.5], "logit", failed)[:, 0].tolist() == [
        True,
        False,
    ]


def test_scores_that_need_a_softmax_first_are_refused():
    """A softmax-logit has no meaning by itself."""
    activation: Activation = "softmax-logit"
    with pytest.raises(ValueError, match="softmax-logit"):
        predict_labels(_column(0.0), [0.5], activation)


def test_thresholds_and_labels_must_be_as_many():
    """Two labels and one threshold do not broadcast."""
    with pytest.raises(ValueError, match="1 thresholds"):
        predict_labels(np.zeros((3, 2), dtype=np.float32), [0.5], "logit")


def test_counts_by_hand():
    """9 images of one label: one of each of the seven kinds, and one tn and one tp more."""
    truth = np.array([[0], [0], [0], [1], [1], [1], [1], [0], [-1]], dtype=np.int8)
    predicted = np.array([[0], [0], [1], [0], [1], [1], [1], [0], [1]], dtype=np.bool_)
    failed = np.array([0, 0, 0, 0, 0, 0, 1, 1, 0], dtype=np.bool_)
    assert count_labels(truth, predicted, failed) == (
        Counts(tn=2, fp=1, fn=1, tp=2, failed_positive=1, failed_negative=1, unknown=1),
    )


def test_a_failed_image_of_unknown_truth_is_unknown():
    """Nobody can say whether it was missed."""
    truth, yes = np.array([[-1]], dtype=np.int8), np.array([[True]])
    assert count_labels(truth, yes, np.array([True])) == (Counts(0, 0, 0, 0, unknown=1),)


@st.composite
def _tables(draw):
    shape = draw(st.tuples(st.integers(0, 40), st.integers(1, 4)))
    truth = draw(arrays(np.int8, shape, elements=st.integers(-1, 1)))
    predicted = draw(arrays(np.bool_, shape))
    failed = draw(arrays(np.bool_, shape[0]))
    return truth, predicted, failed


@given(_tables())
def test_all_seven_counts_add_up_to_the_images_for_every_label(table):
    """No image is dropped, whatever its truth, its answer and whether it failed."""
    truth, predicted, failed = table
    counts = count_labels(truth, predicted, failed)
    assert len(counts) == truth.shape[1]
    for column, label in enumerate(counts):
        assert label.total == len(truth)
        assert label.positives == (truth[:, column] == 1).sum()
        assert label.unknown == (truth[:, column] == -1).sum()


@given(_tables())
def test_the_answer_of_a_failed_image_does_not_matter(table):
    """Turning the answers of failed images around changes no count."""
    truth, predicted, failed = table
    turned = predicted ^ failed[:, np.newaxis]
    assert count_labels(truth, turned, failed) == count_labels(truth, predicted, failed)


@pytest.mark.parametrize("labels", [1, 3, 14])
@pytest.mark.parametrize("images", [2, 50, 1000])
def test_counts_equal_scikit_learn(images, labels):
    """multilabel_confusion_matrix gives [[tn, fp], [fn, tp]] a label."""
    rng = np.random.default_rng(images * labels)
    truth = (rng.random((images, labels)) < 0.3).astype(np.int8)
    predicted = rng.random((images, labels)) < 0.4
    ours = count_labels(truth, predicted, np.zeros(images, dtype=np.bool_))
    # A column beside them keeps scikit-learn from reading one label as a binary problem.
    beside = np.eye(2, dtype=np.int8)[np.arange(images) % 2]
    theirs = multilabel_confusion_matrix(
        np.column_stack([truth, beside]), np.column_stack([predicted, beside])
    )
    assert [[[c.tn, c.fp], [c.fn, c.tp]] for c in ours] == theirs[:labels].tolist()


def test_shapes_that_do_not_fit_are_refused():
    """Three truths and two answers are no table."""
    truth, predicted = np.zeros((3, 1), dtype=np.int8), np.zeros((2, 1), dtype=np.bool_)
    with pytest.raises(ValueError, match="do not fit"):
        count_labels(truth, predicted, np.zeros(3, dtype=np.bool_))


def test_a_truth_of_2_is_refused():
    """It would be counted nowhere."""
    truth, no = np.array([[2]], dtype=np.int8), np.array([[False]])
    with pytest.raises(ValueError, match="a truth is 1, 0 or -1"):
        count_labels(truth, no, np.array([False]))


def _scores(values: list[list[float]], reasons: list[str | None]) -> Scores:
    return Scores(
        sample_ids=tuple(f"image-{i}" for i in range(len(values))),
        labels=("covid-19", "normal"),
        truth=np.zeros((len(values), 2), dtype=np.int8),
        scores=np.array(values, dtype=np.float32),
        activation="logit",
        reasons=tuple(reasons),
    )


def test_scores_that_are_not_finite_are_found_with_their_place():
    """3 scores of 2 images; the failed image's NaN is not among them."""
    nan, inf = math.nan, math.inf
    scores = _scores([[nan, nan], [0, 1], [0, inf], [nan, -inf]], ["truncated", None, None, None])
    found = find_not_finite(scores)
    assert found is not None
    assert (found.count, found.images) == (3, 2)
    assert (found.sample_id, found.label) == ("image-2", "normal")


def test_finite_scores_beside_failed_images_are_a_valid_run():
    """A failed image does not make a run invalid."""
    assert find_not_finite(_scores([[math.nan] * 2, [1, 2]], ["truncated", None])) is None
    assert find_not_finite(_scores([[0, 0], [1, 2]], [None, None])) is None
