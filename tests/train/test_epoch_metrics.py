from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.nn import functional

from covidreport.errors import RunError
from covidreport.records import Counts
from train.epoch_metrics import EpochMetrics, may_be_chosen, mean_loss, measure, order_by
from train.losses import make_loss
from train.settings import AS_RUN, EpochRule

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


def make_metrics(tp, fp, fn, tn, average_precision=0.5):
    """An epoch with these counts of the target."""
    counts = Counts(tp=tp, fp=fp, fn=fn, tn=tn)
    return EpochMetrics(0.1, 0.9, counts, 0.8, average_precision)


FEWEST_MISSED = EpochRule("best", "false_negatives", "validation")


def test_epochs_are_chosen_as_runs_are_ranked():
    """Fewest missed, then fewest false alarms, then average precision; what an epoch with any of
    these better would not be."""
    epochs = [
        make_metrics(8, 3, 2, 87),
        make_metrics(9, 20, 1, 70),
        make_metrics(9, 5, 1, 85, 0.7),
        make_metrics(9, 5, 1, 85, 0.9),
        make_metrics(10, 90, 0, 0),  # calls all positive
        make_metrics(10, 46, 0, 44),  # clears less than half
    ]
    able = [each for each in epochs if may_be_chosen(each, FEWEST_MISSED)]
    assert able == epochs[:4]
    assert min(able, key=lambda each: order_by(each, FEWEST_MISSED)) == epochs[3]


@pytest.mark.parametrize(
    ("metric", "best"), [("loss", 0.1), ("accuracy", 0.9), ("roc_auc", 0.8)], ids=str
)
def test_other_metrics_choose_by_their_direction(metric, best):
    """A smaller loss, a larger anything else; undefined is an error that names the metric."""
    rule = EpochRule("best", metric, "validation")
    epoch = make_metrics(1, 1, 1, 1)
    worse = replace(epoch, **{metric: best + 0.05 if metric == "loss" else best - 0.05})
    assert order_by(epoch, rule) < order_by(worse, rule)
    assert may_be_chosen(make_metrics(10, 90, 0, 0), rule)
    with pytest.raises(RunError, match=f"{metric} of validation is undefined"):
        order_by(replace(epoch, **{metric: None}), rule)


def test_areas_are_those_of_scikit_learn():
    """With an image that failed, which is the worst of its kind."""
    truth = np.array([[1], [0], [1], [0], [0], [1]], np.int8)
    logits = np.array([[2.0], [0.5], [0.5], [-1], [3], [0.25]], np.float32)
    found = measure(logits[:-1], truth[:-1], truth[-1:], 0, 0.3)
    scores = [*logits[:-1, 0], -np.inf]
    ranks = np.unique(scores, return_inverse=True)[1]
    assert found.roc_auc == pytest.approx(roc_auc_score(truth[:, 0], ranks))
    assert found.average_precision == pytest.approx(average_precision_score(truth[:, 0], ranks))


def test_what_nobody_can_miss_is_undefined():
    """A target without positives was not missed 0 times."""
    found = measure(LOGITS[2:], TRUTH[2:], TRUTH[:0], 0, 0.3)
    assert (found.false_negatives, found.roc_auc) == (None, None)
    with pytest.raises(RunError, match="undefined"):
        order_by(found, FEWEST_MISSED)


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
