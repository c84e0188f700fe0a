"""Images that look mislabelled: planted ones are found, and right ones are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.robust.scale import mad

from covidreport.metrics.label_errors import find_label_errors


def draw(n=600, positives=150, d=3.0, runs=3, planted=0.0, seed=0, correlation=0.6, tails=False):
    """Logits of models whose classes lie `d` standard deviations apart, and a share of labels that
    is the other one; True where it is."""
    rng = np.random.default_rng(seed)
    actual = np.zeros(n, np.int8)
    actual[rng.permutation(n)[:positives]] = 1
    noise = rng.standard_t(4, (runs + 1, n)) if tails else rng.standard_normal((runs + 1, n))
    latent = np.sqrt(correlation) * noise[0] + np.sqrt(1 - correlation) * noise[1:]
    slopes, shifts = rng.uniform(0.5, 3, (runs, 1)), rng.uniform(-1, 1, (runs, 1))
    logits = slopes * (latent + d * (actual - 0.5)) + shifts
    wrong = np.zeros(n, bool)
    wrong[rng.permutation(n)[: round(planted * n)]] = True
    return np.where(wrong, 1 - actual, actual).astype(np.int8), logits, wrong


@pytest.mark.parametrize("d", [2.5, 3.0, 4.0])
@pytest.mark.parametrize("runs", [3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_of_the_first_thirty_at_least_half_are_planted(d, runs, seed):
    """5 % of 600 labels are the other one."""
    truth, logits, wrong = draw(d=d, runs=runs, planted=0.05, seed=seed)
    listed = find_label_errors(truth, logits)[:30]
    assert len(listed) > 0
    assert wrong[listed].mean() >= 0.5


@pytest.mark.parametrize("runs", [1, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_good_models_find_most_of_them(runs, seed):
    """At four standard deviations (ROC AUC 0.998) at least 20 of 30."""
    truth, logits, wrong = draw(d=4.0, runs=runs, planted=0.05, seed=seed)
    assert wrong[find_label_errors(truth, logits)].sum() >= 20


@pytest.mark.parametrize("d", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("tails", [False, True])
def test_without_label_errors_hardly_any_image_is_listed(d, tails):
    """At most 1 % on average: what models get wrong by themselves is no label error."""
    listed = [
        len(find_label_errors(*draw(d=d, runs=runs, seed=seed, tails=tails)[:2]))
        for seed in range(20)
        for runs in (1, 3)
    ]
    assert np.mean(listed) <= 2
    assert np.mean(np.array(listed) > 6) <= 0.1


def test_a_plain_case_by_hand():
    """Thirty images of each class about 3 and -3, of which both models put five into the other:
    five targets, no decoy as far out."""
    truth = np.repeat(np.array([1, 0], np.int8), 30)
    rng = np.random.default_rng(0)
    logits = np.where(truth == 1, 3.0, -3.0) + 0.3 * rng.standard_normal((2, 60))
    logits[:, [4, 7, 11, 20, 25]] *= -1
    assert sorted(find_label_errors(truth, logits).tolist()) == [4, 7, 11, 20, 25]
    logits[1, 4] = 3.0  # the second model disagrees
    assert sorted(find_label_errors(truth, logits).tolist()) == [7, 11, 20, 25]
    logits[1, 7] = 3.0  # of three targets one decoy is too many
    assert find_label_errors(truth, logits).size == 0


def test_a_model_that_guesses_has_no_say():
    truth, logits, wrong = draw(planted=0.05)
    noise = np.random.default_rng(1).standard_normal((1, len(truth)))
    found = find_label_errors(truth, np.concatenate([logits, noise]))
    assert found.tolist() == find_label_errors(truth, logits).tolist()
    assert wrong[found].mean() > 0.8
    assert find_label_errors(truth, noise).size == 0


def test_what_is_not_known_is_not_judged():
    """An image without truth, and one that a model could not score; too few of a class."""
    truth, logits, _ = draw(planted=0.05)
    first, second = find_label_errors(truth, logits)[:2]
    truth[first] = -1
    logits[1, second] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        find_label_errors(truth, logits)
    truth[second] = -1
    found = find_label_errors(truth, logits)
    assert first not in found
    assert second not in found
    few = np.zeros(100, np.int8)
    few[:9] = 1
    assert find_label_errors(few, np.where(few == 1, 3.0, -3.0)[np.newaxis]).size == 0


def test_saturated_probabilities_are_no_errors():
    """Most images at exactly 0 or 1: a class that hardly varies still has a width."""
    truth = np.repeat(np.array([1, 0], np.int8), 100)
    logits = np.where(truth == 1, 16.0, -16.0)[np.newaxis].repeat(2, axis=0)
    logits[:, :5] = 2.0
    assert find_label_errors(truth, logits).size == 0
    logits[:, :5] = -16.0
    assert sorted(find_label_errors(truth, logits).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("planted", [0.0, 0.05, 0.1])
def test_the_list_is_that_of_the_published_steps(planted, seed):
    """With statsmodels' median absolute deviation and scikit-learn's ROC AUC, one image and one cut
    at a time: the longest list in which decoys and one more are at most three in ten."""
    truth, logits, _ = draw(n=200, positives=60, d=3.0, planted=planted, seed=seed)
    models = [each for each in logits if roc_auc_score(truth, each) >= 0.8]
    towards = np.zeros((len(models), truth.size))
    for model, values in enumerate(models):
        middle = {label: np.median(values[truth == label]) for label in (0, 1)}
        for i, label in enumerate(truth):
            scale = mad(values[truth == label])
            towards[model, i] = (middle[label] - values[i]) * (1 if label else -1) / scale
            half = abs(middle[1] - middle[0]) / 2 / scale
            if towards[model, i] <= half:
                towards[model, i] = min(towards[model, i], 0.0)  # its own class is the nearer one
    far = {i: np.mean(towards[:, i]) for i in range(truth.size)}
    listed = []
    for label in (0, 1):
        own = [i for i in range(truth.size) if truth[i] == label]
        targets = sorted((i for i in own if (towards[:, i] > 0).all()), key=lambda i: -far[i])
        targets = [i for i in targets if far[i] >= 2]
        away = [_away(logits, truth, i) for i in own]
        for count in range(len(targets), 0, -1):
            decoys = sum(each >= far[targets[count - 1]] for each in away)
            if decoys + 1 <= 0.3 * count:
                listed += targets[:count]
                break
    assert find_label_errors(truth, logits).tolist() == sorted(listed, key=lambda i: -far[i])


def _away(logits, truth, i):
    """How far all models put an image away from the other class; 0 where not all do."""
    of = truth == truth[i]
    sign = 1 if truth[i] else -1
    each = [sign * (row[i] - np.median(row[of])) / mad(row[of]) for row in logits]
    return np.mean(each) if min(each) > 0 else 0.0
