"""Resampled counts: against plain loops on the same resamples, and against the exact law."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import binom, kstest, multinomial

from covidreport.metrics import count_labels
from covidreport.metrics.resample import COMMON, resample_counts, sample_weights


def _draw(rng, images, labels=2, runs=3, unknown=0.1, failing=0.1):
    truth = rng.integers(0, 2, (images, labels)).astype(np.int8)
    truth[rng.random(truth.shape) < unknown] = -1
    answers = rng.random((runs, images, labels)) < 0.2 + 0.5 * (truth == 1)
    failed = rng.random((runs, images)) < failing
    return truth, answers, failed


def _count(truth, answers, failed, rows):
    """Counts of one label's resample as the house counts: (tp, false alarms, missed, tn)."""
    counts = count_labels(truth[rows], answers[rows], failed[rows])
    return [(each.tp, each.false_alarms, each.missed, each.tn) for each in counts]


@pytest.mark.parametrize("grouped", [False, True])
def test_counts_are_those_of_each_resample(grouped):
    """Every image repeated as often as drawn, then counted as any evaluation is."""
    rng = np.random.default_rng(grouped)
    truth, answers, failed = _draw(rng, 70)
    groups = rng.integers(0, 20, 70) * 3 if grouped else None
    found = resample_counts(truth, answers, failed, groups, resamples=25, seed=5, collapse=False)
    units = np.arange(70) if groups is None else np.unique(groups, return_inverse=True)[1]
    weights = np.concatenate(list(sample_weights(units.max() + 1, 25, 5)))
    for b, weight in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(70), weight[units])
        for run in range(3):
            expected = _count(truth, answers[run], failed[run], rows)
            ours = [[int(each[b, run, k]) for each in found.resampled] for k in range(2)]
            assert ours == [list(each) for each in expected]
    everything = [_count(truth, answers[r], failed[r], np.arange(70)) for r in range(3)]
    ours = np.stack(found.observed, axis=-1).tolist()
    assert ours == [[list(label) for label in run] for run in everything]
    assert found.grouped == grouped


def test_a_resample_is_as_large_as_the_data():
    """Each row of weights adds up to the number of images, drawn together or one by one."""
    common = np.array([300, 40, 32])
    (weights,) = sample_weights(28, 50, 1, common)
    assert weights.shape == (50, 31)
    assert (weights.sum(axis=1) == 400).all()
    (plain,) = sample_weights(28, 50, 1)
    assert (plain.sum(axis=1) == 28).all()


def test_images_drawn_together_have_the_law_of_images_drawn_one_by_one():
    """The multinomial's means and covariances within four standard errors, over 20,000 resamples.

    Two common sets of 50 and 40 images and ten single ones among 100: the sets and the first two
    single images. Poisson weights would have no covariance.
    """
    weights = np.concatenate(list(sample_weights(10, 20_000, 7, np.array([50, 40]))))[:, :4]
    law = multinomial(100, [0.5, 0.4, 0.01, 0.01, 0.08])
    means, cov = 100 * np.array([0.5, 0.4, 0.01, 0.01]), law.cov()[:4, :4]
    assert np.abs(weights.mean(axis=0) - means).max() < 4 * np.sqrt(cov.max() / 20_000)
    errors = np.sqrt((np.outer(np.diag(cov), np.diag(cov)) + cov**2) / 20_000)
    assert (np.abs(np.cov(weights.T) - cov) < 4.5 * errors).all()


def test_drawing_together_changes_only_the_random_numbers():
    """True positives and the paired difference of two runs have the same spread both ways."""
    rng = np.random.default_rng(3)
    truth = (rng.random((3000, 1)) < 0.3).astype(np.int8)
    answers = rng.random((2, 3000, 1)) < np.where(truth == 1, 0.8, 0.1)
    failed = np.zeros((2, 3000), dtype=np.bool_)
    spreads = []
    for collapse in (True, False):
        found = resample_counts(truth, answers, failed, resamples=4000, collapse=collapse)
        tp = found.resampled.tp[:, :, 0]
        spreads.append([tp[:, 0].std(), (tp[:, 0] - tp[:, 1]).std(), tp[:, 0].mean()])
    assert spreads[0][:2] == pytest.approx(spreads[1][:2], rel=0.05)
    assert spreads[0][2] == pytest.approx(spreads[1][2], rel=0.002)


@pytest.mark.parametrize("collapse", [True, False])
def test_a_count_in_a_resample_is_binomial(collapse):
    """Of 200 images 46 are true positives: Binomial(200, 0.23) in each resample."""
    truth = np.ones((200, 1), dtype=np.int8)
    answers = (np.arange(200) < 46)[np.newaxis, :, np.newaxis]
    failed = np.zeros((1, 200), dtype=np.bool_)
    found = resample_counts(truth, answers, failed, resamples=5000, collapse=collapse)
    jitter = np.random.default_rng(0).random(5000)
    # A uniform place within its step makes a discrete law continuous.
    tp = found.resampled.tp[:, 0, 0]
    places = binom.cdf(tp - 1, 200, 0.23) + jitter * binom.pmf(tp, 200, 0.23)
    assert kstest(places, "uniform").pvalue > 0.001


def test_all_runs_and_labels_see_the_same_resamples():
    """Two equal runs and two equal labels have equal counts, so their difference has no spread."""
    rng = np.random.default_rng(4)
    truth, answers, failed = _draw(rng, 300, labels=1, runs=1)
    found = resample_counts(
        np.repeat(truth, 2, axis=1),
        np.tile(answers, (2, 1, 2)),
        np.tile(failed, (2, 1)),
        resamples=50,
    )
    for counts in found.resampled:
        assert (counts == counts[:, :1, :1]).all()


def test_the_seed_settles_everything_and_chunks_nothing(monkeypatch):
    """The same seed gives the same counts however many resamples fit into memory."""
    data = _draw(np.random.default_rng(5), 200)
    draw = partial(resample_counts, *data, resamples=40, collapse=False)
    first = draw(seed=1)
    monkeypatch.setattr("covidreport.metrics.resample.CHUNK_BYTES", 4 * 200 * 3)
    monkeypatch.setattr("covidreport.metrics.resample._SLICE", 64)
    monkeypatch.setattr("covidreport.metrics.resample._ROOMY_BYTES", 0)
    again, other = draw(seed=1), draw(seed=2)
    assert all((a == b).all() for a, b in zip(first.resampled, again.resampled, strict=True))
    assert not (first.resampled.tp == other.resampled.tp).all()


def test_common_patterns_are_those_of_enough_images():
    """With 31 alike nothing is drawn together, with 32 all are."""
    for images in (COMMON - 1, COMMON):
        truth = np.ones((images, 1), dtype=np.int8)
        answers = np.ones((1, images, 1), dtype=np.bool_)
        failed = np.zeros((1, images), dtype=np.bool_)
        found = resample_counts(truth, answers, failed, resamples=3)
        assert (found.resampled.tp == images).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"failed": np.zeros((2, 4), dtype=np.bool_)}, "do not fit"),
        ({"groups": np.arange(4)}, "do not fit"),
        ({"resamples": 0}, "needs"),
        ({"truth": np.full((5, 1), 2, dtype=np.int8)}, "a truth is"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given = {
        "truth": np.ones((5, 1), dtype=np.int8),
        "answers": np.ones((2, 5, 1), dtype=np.bool_),
        "failed": np.zeros((2, 5), dtype=np.bool_),
    }
    with pytest.raises(ValueError, match=message):
        resample_counts(**(given | change))
