from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.errors import UsageError
from covidreport.records import UNKNOWN
from train.sampling import (
    apply_convention,
    balance_positives,
    cut_batches,
    order_epoch,
    weigh_classes,
)

LABELS = ("covid-19", "normal", "pneumonia")


def test_pneumonia_counts_as_covid_19_as_in_the_study():
    """200 covid-19, 4000 normal and 2000 pneumonia images become 2200 covid-19 positives."""
    truth = np.repeat(np.eye(3, dtype=np.int8), [200, 4000, 2000], axis=0)
    changed = apply_convention(truth, LABELS, "pneumonia-counts-as-covid-19")
    assert changed.sum(axis=0).tolist() == [2200, 4000, 2000]
    assert truth.sum(axis=0).tolist() == [200, 4000, 2000]
    assert apply_convention(truth, LABELS, "as-given") is truth


def test_a_convention_leaves_unknown_what_it_can_not_know():
    """Where the first label is unknown, a false second one becomes unknown; a true one stays."""
    truth = np.array([[0, 0, UNKNOWN], [1, 0, UNKNOWN], [UNKNOWN, 0, 1]], np.int8)
    changed = apply_convention(truth, LABELS, "pneumonia-counts-as-covid-19")
    assert changed[:, 0].tolist() == [UNKNOWN, 1, 1]


@given(n=st.integers(1, 60), size=st.integers(1, 20), smallest=st.integers(1, 6))
def test_batches_hold_every_image_once_and_none_is_too_small(n, size, smallest):
    """Whatever the sizes, no image is left out; only a lone batch may be under the smallest."""
    order = np.random.default_rng(n).permutation(n)
    batches = cut_batches(order, size, smallest)
    assert np.array_equal(np.concatenate(batches), order)
    if len(batches) > 1:
        assert len(batches[-1]) >= min(size, smallest)


def test_an_epochs_order_is_its_own_and_repeatable():
    """The same seed and epoch give the same order, another epoch another one."""
    first, again, second = (order_epoch(50, 7, epoch, None) for epoch in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert sorted(first) == sorted(second) == list(range(50))


def test_balanced_sampling_draws_the_rare_label_as_often():
    """Of 10 covid-19, 60 normal, 20 pneumonia and 10 bare images, each kind gets a quarter."""
    truth = np.repeat(np.eye(4, 3, dtype=np.int8), [10, 60, 20, 10], axis=0)
    shares = weigh_classes(truth)
    assert shares.sum() == pytest.approx(1)
    for part in (shares[:10], shares[10:70], shares[70:90], shares[90:]):
        assert part.sum() == pytest.approx(0.25)
    drawn = order_epoch(100, 3, 1, shares)
    assert len(drawn) == 100
    assert len(set(drawn.tolist())) < 100


def test_an_image_of_two_labels_counts_by_the_rarer_one():
    """Covid-19 with pneumonia is drawn like covid-19."""
    truth = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1]], np.int8)
    shares = weigh_classes(truth)
    assert shares[0] == pytest.approx(2 * shares[1] * 3 / 2)


def test_balanced_weights_are_negatives_over_positives():
    """4 negatives to 1 positive weigh 4; unknown truth counts for neither."""
    truth = np.array([[1, 1], [0, 1], [0, 0], [0, UNKNOWN], [0, 0]], np.int8)
    assert balance_positives(truth, ("a", "b")) == (4.0, 1.0)
    with pytest.raises(UsageError, match="no training image is positive for b"):
        balance_positives(np.array([[1, 0]], np.int8), ("a", "b"))
