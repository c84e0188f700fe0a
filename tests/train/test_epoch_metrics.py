from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from train.epoch_metrics import mean_loss, measure
from train.losses import make_loss
from train.settings import AS_RUN

TRUTH = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1]], np.int8)
LOGITS = np.array([[2, -1, 3], [-1, -2, 1], [-3, 2, -1], [0, -1, 2]], np.float32)


def test_accuracy_and_missed_positives_by_hand():
    """Of 12 answers 2 are wrong (image 1: pneumonia, image 2: covid-19); a logit of 0 is a no."""
    figures = measure(LOGITS, TRUTH, TRUTH[:0], 0, 0.3)
    assert figures.accuracy == pytest.approx(10 / 12)
    assert figures.false_negatives == 1
    assert figures.loss == 0.3


def test_images_that_failed_count_as_wrong():
    """A lost covid-19 image adds a missed one and three wrong answers: 10 of 15."""
    figures = measure(LOGITS, TRUTH, TRUTH[:1], 0, 0.3)
    assert figures.accuracy == pytest.approx(10 / 15)
    assert figures.false_negatives == 2


def test_mean_loss_weighs_batches_by_their_size():
    """Over batches of 3 and 1 it is the mean over all elements for BCE."""
    batches = [slice(0, 3), slice(3, 4)]
    expected = functional.binary_cross_entropy_with_logits(
        torch.from_numpy(LOGITS), torch.from_numpy(TRUTH).float()
    )
    assert mean_loss(make_loss("bce"), LOGITS, TRUTH, batches) == pytest.approx(expected.item())


def test_mean_loss_as_run_is_of_each_batch():
    """The as-run loss bends the mean of each batch, so it is taken batch by batch."""
    loss = make_loss(AS_RUN, 2, 0.25)
    parts = [
        loss(torch.from_numpy(LOGITS[part]), torch.from_numpy(TRUTH[part]).float()).item()
        for part in (slice(0, 3), slice(3, 4))
    ]
    given = mean_loss(loss, LOGITS, TRUTH, [slice(0, 3), slice(3, 4)])
    assert given == pytest.approx((3 * parts[0] + parts[1]) / 4)
