"""What picking the best does to its figures: held against every resample that there is."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from covidreport.compare.ranking import explain_unranked, may_win
from covidreport.metrics import (
    RunCounts,
    correct_dealt,
    correct_selection,
    count_by_unit,
    deal_counts,
)
from covidreport.records import Counts
from tests.metrics.study import make_evaluation

ANY = partial(may_win, specificity_floor=0.0)
FLOOR = 0.5


def all_win(counts):
    """Every run may be picked."""
    return np.ones(counts.found.shape, np.bool_)


def _units(found, cleared, failed=None):
    """Of rows of answers: whether each positive was found and each negative cleared."""
    found, cleared = np.array(found, bool), np.array(cleared, bool)
    truth = np.repeat(np.array([1, 0], np.int8), [found.shape[1], cleared.shape[1]])
    answers = np.hstack([found, ~cleared])
    return truth, answers, np.zeros_like(answers) if failed is None else failed


def _enumerate(found, cleared, able):
    """BBC by its definition over all resamples of these images, in fractions."""
    runs, sick, well = len(found), len(found[0]), len(cleared[0])
    n = sick + well
    total, usable = [Fraction(0), Fraction(0)], 0
    for drawn in combinations_with_replacement(range(n), n):
        ways = factorial(n) // prod(factorial(drawn.count(i)) for i in range(n))
        inside_sick = [i for i in drawn if i < sick]
        inside_well = [i - sick for i in drawn if i >= sick]
        out_sick = [i for i in range(sick) if i not in drawn]
        out_well = [i for i in range(well) if i + sick not in drawn]
        key = {}
        for run in range(runs):
            missed = sum(not found[run][i] for i in inside_sick)
            alarms = sum(not cleared[run][i] for i in inside_well)
            if able(len(inside_sick), len(inside_well), missed, alarms):
                key[run] = (missed, alarms)
        if not key or not out_sick or not out_well:
            continue
        usable += ways
        winners = [run for run in key if key[run] == min(key.values())]
        for side, (right, images) in enumerate(((found, out_sick), (cleared, out_well))):
            rates = [Fraction(sum(right[run][i] for i in images), len(images)) for run in winners]
            total[side] += ways * sum(rates, Fraction(0)) / len(winners)
    return [float(each / usable) for each in total]


def _over_floor(positives, negatives, missed, alarms):
    """What `may_win` says, spelt out for so few images that 1 % of them is none."""
    yes, no = positives - missed + alarms, missed + negatives - alarms
    constant = min(yes, no) == 0
    return positives > 0 and negatives > 0 and not constant and alarms <= negatives / 2


@pytest.mark.parametrize(
    ("able", "winning"),
    [(lambda *_: True, all_win), (_over_floor, partial(may_win, specificity_floor=FLOOR))],
)
def test_it_is_the_mean_over_all_resamples(able, winning):
    """Seven images, three runs: 823,543 resamples one by one, ties and refused runs among them."""
    found = [[1, 1, 1, 0, 1], [1, 0, 1, 1, 1], [1, 1, 1, 1, 1]]
    cleared = [[1, 0], [1, 1], [0, 0]]
    expected = _enumerate(found, cleared, able)
    units = count_by_unit(*_units(found, cleared))
    corrected = correct_selection(units, winning, resamples=40_000)
    assert corrected.sensitivity == pytest.approx(expected[0], abs=0.006)
    assert corrected.specificity is None  # two images without the label are too few to say it
    assert corrected.resamples == 40_000


def test_runs_that_answer_alike_lose_nothing():
    """Nobody is picked by luck: the corrected figure is the plain one."""
    rng = np.random.default_rng(0)
    row = rng.random(300) < 0.8
    found, cleared = [row[:100]] * 4, [row[100:]] * 4
    corrected = correct_selection(count_by_unit(*_units(found, cleared)), ANY, resamples=4000)
    assert corrected.sensitivity == pytest.approx(row[:100].mean(), abs=0.005)
    assert corrected.specificity == pytest.approx(row[100:].mean(), abs=0.005)


def _simulate(sensitivities, positives, rng, correlation=0.6):
    """Runs whose answers hang together; all clear nine of ten of 100 negatives."""
    runs, n = len(sensitivities), positives + 100
    shared = np.sqrt(correlation) * rng.standard_normal(n)
    score = shared + np.sqrt(1 - correlation) * rng.standard_normal((runs, n))
    right = score < norm.ppf(np.array(sensitivities))[:, None]
    right[:, positives:] = score[:, positives:] < norm.ppf(0.9)
    return right[:, :positives], right[:, positives:]


def test_the_flattery_of_eighteen_equal_runs_is_taken_off():
    """True 0.75; the run that is picked shows 0.86 of 28 positives, as in 60 simulated studies."""
    rng = np.random.default_rng(3)
    plain, corrected = [], []
    for _ in range(60):
        found, cleared = _simulate([0.75] * 18, 28, rng)
        units = count_by_unit(*_units(found, cleared))
        plain.append(found.sum(axis=1).max() / 28)
        corrected.append(correct_selection(units, all_win, resamples=200).sensitivity)
    assert np.mean(plain) > 0.83
    assert np.mean(corrected) == pytest.approx(0.75, abs=0.03)


def test_dealt_out_answers_are_corrected_by_more_than_those_that_hang_together():
    """Which is why counts alone give an upper bound of the correction."""
    rng = np.random.default_rng(4)
    found, cleared = _simulate([0.75] * 18, 40, rng)
    units = count_by_unit(*_units(found, cleared))
    totals = RunCounts(*(each.sum(axis=1) for each in units))
    known = correct_selection(units, all_win, resamples=1000)
    dealt = correct_dealt(totals, all_win, resamples=1000)
    assert dealt.sensitivity < known.sensitivity < found.sum(axis=1).max() / 40


def test_a_specificity_of_0_is_a_figure_like_others():
    """Of runs that clear nobody: it is none that is unknown."""
    totals = RunCounts(*map(np.array, ([20, 15], [8, 13], [0, 0], [30, 30], [50, 45], [8, 13])))
    dealt = correct_dealt(totals, all_win, resamples=200)
    assert dealt.specificity == 0.0


def test_dealing_keeps_every_count():
    """Of each run, in an order of its own."""
    totals = RunCounts(*map(np.array, ([3, 5], [4, 2], [9, 6], [1, 4], [4, 9], [13, 8])))
    dealt = deal_counts(totals, np.random.default_rng(0))
    for name in ("found", "missed", "cleared", "alarms"):
        assert getattr(dealt, name).sum(axis=1).tolist() == getattr(totals, name).tolist()
    assert dealt.found.shape == (2, 17)
    assert ((dealt.found + dealt.missed + dealt.cleared + dealt.alarms) == 1).all()


def test_patients_are_left_out_as_a_whole():
    """Four copies of each image of a patient are one unit: the figures of single images."""
    found, cleared = _simulate([0.7, 0.75, 0.8], 30, np.random.default_rng(5))
    truth, answers, failed = _units(found, cleared)
    single = correct_selection(count_by_unit(truth, answers, failed), ANY, resamples=500)
    four = np.repeat(np.arange(len(truth)), 4)
    grouped = count_by_unit(truth[four], answers[:, four], failed[:, four], four)
    assert grouped.found.shape == (3, 130)
    assert correct_selection(grouped, ANY, resamples=500) == single


def test_what_could_not_be_scored_is_wrong_and_no_answer():
    """A failed positive is missed, a failed negative an alarm; an unknown truth counts nowhere."""
    truth = np.array([1, 1, 0, 0, -1], np.int8)
    answers = np.array([[True, False, True, False, True]])
    failed = np.array([[True, False, False, True, False]])
    units = count_by_unit(truth, answers, failed)
    assert units.found.tolist() == [[0, 0, 0, 0, 0]]
    assert units.missed.tolist() == [[1, 1, 0, 0, 0]]
    assert units.alarms.tolist() == [[0, 0, 1, 1, 0]]
    assert units.positive.tolist() == [[0, 0, 1, 0, 0]]
    assert units.negative.tolist() == [[0, 1, 0, 0, 0]]


@pytest.mark.parametrize(("positives", "known"), [(4, False), (5, True)])
def test_of_fewer_than_five_positives_nothing_is_said(positives, known):
    """What a resample leaves out would be one or two."""
    found, cleared = _simulate([0.7, 0.8], positives, np.random.default_rng(6))
    units = count_by_unit(*_units(found, cleared))
    assert (correct_selection(units, all_win, resamples=200) is not None) is known


def test_where_no_run_may_win_nothing_is_said():
    """Constant answers in every resample."""
    found, cleared = np.ones((2, 20)), np.zeros((2, 20))
    assert correct_selection(count_by_unit(*_units(found, cleared)), ANY, resamples=50) is None


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.integers(0, 40), min_size=6, max_size=6),
    st.sampled_from([0.0, 0.5, 0.9]),
)
def test_the_rule_for_arrays_is_the_rule_of_the_ranking(cells, floor):
    """Whatever the counts: `may_win` where `explain_unranked` has nothing to say."""
    tn, fp, fn, tp, failed_positive, failed_negative = cells
    counts = Counts(tn, fp, fn, tp, failed_positive, failed_negative)
    arrays = RunCounts(
        *map(np.array, (tp, counts.missed, tn, counts.false_alarms, tp + fp, tn + fn))
    )
    evaluation = make_evaluation("a", counts)
    ranked = explain_unranked(evaluation, "covid-19", floor) is None
    assert bool(may_win(arrays, floor)) is ranked
