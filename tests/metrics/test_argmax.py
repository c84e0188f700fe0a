"""Answers by argmax: the label that scores highest of all outputs, and of none in a tie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from msgspec.structs import replace
from sklearn.metrics import accuracy_score, hamming_loss, roc_auc_score, top_k_accuracy_score

from covidreport.errors import RunError
from covidreport.metrics import (
    compute_metrics,
    count_near,
    decide,
    decide_label,
    estimate_scores,
    find_near,
    move_near,
)
from covidreport.records import Scores

LABELS = ("covid-19", "normal", "pneumonia")


def _scores(values, truth, others=None, failed=(), labels=LABELS, kind=np.float32) -> Scores:
    """truth: the column of each image's one label; others: 0 where all outputs are labels."""
    values = np.array(values, kind)
    n, k = values.shape
    values[list(failed)] = np.nan
    return Scores(
        sample_ids=tuple(map(str, range(n))),
        labels=labels[:k],
        truth=(np.array(truth)[:, None] == np.arange(k)).astype(np.int8),
        scores=values,
        activation="softmax",
        reasons=tuple("broken" if i in failed else None for i in range(n)),
        others=np.array([0] * n if others is None else others, kind),
    )


BY_HAND = [
    ([0.5, 0.3, 0.2], 0, [1, 0, 0]),
    ([0.4, 0.4, 0.2], 0, [0, 0, 0]),  # the target and another: no detection, whoever is right
    ([0.2, 0.4, 0.4], 2, [0, 0, 0]),
    ([0.25, 0.2, 0.2], 0, [0, 0, 0]),  # the output without a name has 0.35
    ([0.35, 0.2, 0.1], 0, [0, 0, 0]),  # and here as much as the target
    ([0.1, 0.2, 0.6], 2, [0, 0, 1]),
]
"""Scores, the true column, answers; of the outputs without a name the highest is what is left."""


def _by_hand(**options) -> Scores:
    rows = [values for values, _, _ in BY_HAND]
    others = [0, 0, 0, 0.35, 0.35, 0.1]
    return _scores(rows, [true for _, true, _ in BY_HAND], others, **options)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_only_highest_score_is_the_answer(kind):
    """Ties are a no for all that share the score; outputs without a name compete."""
    scores = _by_hand(kind=kind)
    assert decide(scores, "argmax").astype(int).tolist() == [answer for _, _, answer in BY_HAND]
    assert decide_label(scores, "covid-19", "argmax").tolist() == [True] + [False] * 5


def test_the_order_of_columns_decides_nothing():
    """Turned round, labels keep their answers: numpy's argmax would take the first of a tie."""
    scores = _by_hand()
    turned = replace(
        scores, labels=scores.labels[::-1], truth=scores.truth[:, ::-1],
        scores=scores.scores[:, ::-1],
    )  # fmt: skip
    assert np.array_equal(decide(turned, "argmax")[:, ::-1], decide(scores, "argmax"))


def test_counts_and_accuracies_are_those_of_a_hand_count():
    """Of six images 1 of 4 with covid-19 is found; two of six have their label on top."""
    counts, estimates = estimate_scores(_by_hand(), "argmax")
    assert (counts["covid-19"].tp, counts["covid-19"].missed) == (1, 3)
    assert (counts["pneumonia"].tp, counts["pneumonia"].missed) == (1, 1)
    assert counts["normal"].tn == 6
    overall = estimates[""]
    assert (overall["top_1_accuracy"].numerator, overall["top_1_accuracy"].denominator) == (2, 6)
    assert overall["exact_match"].value == pytest.approx(2 / 6)
    # four images have one wrong answer of three each: the label that was missed
    assert overall["label_accuracy"].value == pytest.approx(1 - 4 / 18)


def _drawn(n=200, k=3, seed=4) -> Scores:
    """Softmax scores without ties, and truth that they have something to do with."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + 1.2 * (truth[:, None] == np.arange(k))
    powers = np.exp(logits)
    return _scores(powers / powers.sum(axis=1, keepdims=True), truth, kind=np.float64)


def test_without_ties_it_is_the_argmax_of_numpy_and_scikit_learn():
    """Accuracy, Hamming loss and ROC AUC by scikit-learn."""
    scores = _drawn()
    true, named = scores.truth.argmax(axis=1), scores.scores.argmax(axis=1)
    answers = decide(scores, "argmax")
    assert np.array_equal(answers.argmax(axis=1), named)
    assert (answers.sum(axis=1) == 1).all()
    found = compute_metrics(scores, "argmax")
    overall = found.estimates[""]
    for key in ("top_1_accuracy", "exact_match"):
        assert overall[key].value == pytest.approx(accuracy_score(true, named))
    top = top_k_accuracy_score(true, scores.scores, k=1)
    assert overall["top_1_accuracy"].value == pytest.approx(top)
    loss = hamming_loss(scores.truth, answers)
    assert overall["label_accuracy"].value == pytest.approx(1 - loss)
    area = roc_auc_score(scores.truth[:, 0], scores.scores[:, 0])
    assert found.estimates["covid-19"]["roc_auc"].value == pytest.approx(area)


def test_what_needs_no_threshold_is_the_same_by_either_rule():
    """Areas, calibration and top-1 accuracy are of the scores."""
    scores = _drawn()
    one, other = compute_metrics(scores, "argmax"), compute_metrics(scores, [0.5] * 3)
    for key in ("roc_auc", "average_precision", "prevalence"):
        assert one.estimates["covid-19"][key] == other.estimates["covid-19"][key]
    assert one.estimates[""]["top_1_accuracy"] == other.estimates[""]["top_1_accuracy"]
    found, beside = (each.score_metrics.labels["covid-19"] for each in (one, other))
    assert (found.calibration, found.net_benefit) == (beside.calibration, beside.net_benefit)


@given(arrays.arrays(np.int8, (6, 3), elements=st.integers(0, 4)))
def test_at_most_one_label_is_predicted(drawn):
    """Whatever ties there are; and it is the highest."""
    scores = _scores(drawn / 16, [0] * 6, 1 - (drawn / 16).sum(axis=1))
    answers = decide(scores, "argmax")
    assert scores.others is not None
    assert (answers.sum(axis=1) <= 1).all()
    for row, image in zip(answers, np.column_stack([scores.scores, scores.others]), strict=True):
        ordered = sorted(image.tolist(), reverse=True)
        expected = ordered[0] > ordered[1] and max(image[:3]) == ordered[0]
        assert row.any() == expected


@given(arrays.arrays(np.float32, 8, elements=st.floats(0, 1, width=32)))
def test_of_two_classes_it_is_a_threshold_of_a_half(drawn):
    """One above the other is one above 0.5, and a tie lies on it, which is a no."""
    exact = np.round(drawn.astype(np.float64) * 64) / 64
    scores = _scores(np.column_stack([exact, 1 - exact]), [0] * 8, kind=np.float64)
    assert np.array_equal(decide(scores, "argmax"), decide(scores, [0.5, 0.5]))


def test_a_failed_image_is_missed_and_wrong():
    """As everywhere: a positive that could not be scored was not found."""
    scores = _scores([[0.9, 0.1, 0.0], [0.8, 0.1, 0.1]], [0, 0], failed=[1])
    counts, estimates = estimate_scores(scores, "argmax")
    assert (counts["covid-19"].tp, counts["covid-19"].failed_positive) == (1, 1)
    assert estimates[""]["top_1_accuracy"].value == 0.5


@pytest.mark.parametrize(
    "change",
    [
        {"activation": "sigmoid"},  # labels that don't exclude each other
        {"others": None},  # of an earlier version: who knows what scored higher
        {"truth": np.array([[1, 1, 0], [0, 1, 0]], np.int8)},
        {"truth": np.array([[0, 0, 0], [0, 1, 0]], np.int8)},
        {"truth": np.array([[-1, 0, 1], [0, 1, 0]], np.int8)},
    ],
)
def test_top_1_accuracy_is_undefined_where_images_have_no_one_label(change):
    """A dash, and no number of some of the images."""
    scores = _scores([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]], [0, 1])
    _, estimates = estimate_scores(replace(scores, **change), [0.5] * 3)
    assert estimates[""]["top_1_accuracy"].value is None


@pytest.mark.parametrize("change", [{"activation": "sigmoid"}, {"others": None}])
def test_what_has_no_argmax_is_refused(change):
    """Rather than decided by whatever columns there are."""
    with pytest.raises(RunError, match=r"argmax|other outputs"):
        decide(replace(_by_hand(), **change), "argmax")


def test_near_is_near_the_highest_of_the_others():
    """Within 1e-5 of it, whatever threshold that is; 0.5 itself means nothing here."""
    scores = _scores(
        [[0.300004, 0.3, 0.2], [0.5, 0.3, 0.2], [0.29, 0.3, 0.1]], [0, 0, 1],
        others=[0.1, 0, 0.300001], kind=np.float64,
    )  # fmt: skip
    near = find_near(scores, "argmax")
    assert near.tolist() == [[True, True, False], [False] * 3, [False, True, False]]
    (covid, normal, _) = count_near(scores, "argmax")
    assert (covid.tp, covid.total, normal.fn, normal.tn) == (1, 1, 1, 1)
    right, wrong = (
        decide(move_near(scores, "argmax", side), "argmax") for side in ("right", "wrong")
    )
    assert right.tolist() == [[True, False, False], [True, False, False], [False, True, False]]
    assert wrong.tolist() == [[False, True, False], [True, False, False], [False] * 3]
