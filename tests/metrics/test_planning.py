"""How many positives a study needs: against published sizes, exact sums and simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, binom, norm
from statsmodels.stats.proportion import proportion_confint

from covidreport.metrics import (
    estimate_agreement,
    estimate_between,
    mcnemar_exact,
    plan_study,
)
from covidreport.metrics.latent import found_law
from covidreport.metrics.planning import compute_power, count_needed, seat_patients
from covidreport.records import PlanGoal, StudyAssumptions

INDEPENDENT = StudyAssumptions(0.85, between=0.6)
GROUPED = StudyAssumptions(0.85, (0.5, 0.3, 0.2), within=0.4, between=0.6)


def power_of_bound(n, true, least):
    """By Clopper and Pearson's bound as a quantile of the beta distribution, over all counts."""
    found = np.arange(n + 1)
    bound = np.where(found > 0, beta.ppf(0.05, np.maximum(found, 1), n - found + 1), 0)
    return binom.pmf(found, n, true)[bound >= least].sum()


@pytest.mark.parametrize(("true", "least"), [(0.85, 0.75), (0.95, 0.9), (0.7, 0.5), (0.99, 0.95)])
def test_a_claim_needs_the_size_from_which_on_the_power_is_kept(true, least):
    """Exact power is a saw: it is over 0.80 at smaller sizes, too, and lost again after them."""
    (planned,) = plan_study(StudyAssumptions(true), [PlanGoal("at_least", least)]).goals
    needed = planned.needed.positives
    powers = [power_of_bound(n, true, least) for n in range(1, needed + 300)]
    assert all(power >= 0.8 for power in powers[needed - 1 :])
    assert powers[needed - 2] < 0.8
    assert planned.needed.power == pytest.approx(powers[needed - 1], abs=1e-9)


def test_no_miss_allowed_takes_59_positives():
    """0.95 is claimed from 59 of 59 on (Wilks 1941): at a true 0.9999 nothing is ever missed."""
    (planned,) = plan_study(StudyAssumptions(0.9999), [PlanGoal("at_least", 0.95)]).goals
    assert planned.needed.positives == 59


@pytest.mark.parametrize(("true", "width"), [(0.85, 0.05), (0.9, 0.1), (0.5, 0.07)])
def test_a_width_needs_the_size_from_which_on_wilsons_interval_keeps_it(true, width):
    (planned,) = plan_study(StudyAssumptions(true), [PlanGoal("half_width", width)]).goals

    def power(n):
        found = np.arange(n + 1)
        low, high = proportion_confint(found, n, method="wilson")
        return binom.pmf(found, n, true)[(high - low) / 2 <= width].sum()

    needed = planned.needed.positives
    powers = [power(n) for n in range(1, needed + 120)]
    assert all(each >= 0.8 for each in powers[needed - 1 :])
    assert powers[needed - 2] < 0.8


def simulate_pairs(n, sensitivity, loss, between, sets, seed):
    """Of two runs on n positives the images that only one missed: by correlated normals."""
    drawn = np.random.default_rng(seed)
    shared = drawn.standard_normal((sets, n))
    own = drawn.standard_normal((2, sets, n))
    baseline, run = math.sqrt(between) * shared + math.sqrt(1 - between) * own
    missed_baseline = baseline > norm.ppf(sensitivity)
    missed_run = run > norm.ppf(sensitivity - loss)
    return (missed_run & ~missed_baseline).sum(1), (missed_baseline & ~missed_run).sum(1)


@pytest.mark.parametrize(
    ("sensitivity", "loss", "between"), [(0.85, 0.1, 0.6), (0.95, 0.1, 0.3), (0.7, 0.15, 0.9)]
)
def test_a_difference_needs_what_the_exact_test_finds_it_with(sensitivity, loss, between):
    assumed = StudyAssumptions(sensitivity, between=between)
    (planned,) = plan_study(assumed, [PlanGoal("difference", loss)]).goals
    only_run, only_baseline = simulate_pairs(
        planned.needed.positives, sensitivity, loss, between, 4000, 1
    )
    found = [
        b > c and mcnemar_exact(b, c) <= 0.05
        for b, c in zip(only_run.tolist(), only_baseline.tolist(), strict=True)
    ]
    assert np.mean(found) == pytest.approx(planned.needed.power, abs=0.02)
    assert 0.8 <= planned.needed.power < 0.83


def test_more_comparisons_need_more():
    goal = PlanGoal("difference", 0.1)
    one, ten = (
        plan_study(StudyAssumptions(0.85, between=0.6, comparisons=k), [goal]).goals[0].needed
        for k in (1, 10)
    )
    assert one.positives < ten.positives
    (least,) = plan_study(INDEPENDENT, [goal]).goals
    assert least.needed == one


def test_a_gate_passes_an_equal_run_as_often_as_is_planned():
    """Schuirmann's normal approximation, for a difference of equal paired proportions: n is about
    (z_0.975 + z_0.80)² ψ / δ² with ψ the discordant proportion (Liu et al., "Tests for equivalence
    or non-inferiority for paired binary data", Statist. Med. 21 (2002) 231-245)."""
    (planned,) = plan_study(INDEPENDENT, [PlanGoal("non_inferiority", 0.05)]).goals
    only_run, only_baseline = simulate_pairs(4000, 0.85, 0.0, 0.6, 100, 2)
    discordant = (only_run + only_baseline).mean() / 4000
    normal = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * discordant / 0.05**2
    assert planned.needed.positives == pytest.approx(normal, rel=0.06)


def test_patients_with_several_images_need_more_images_and_fewer_patients():
    goals = [PlanGoal("half_width", 0.06), PlanGoal("at_least", 0.75)]
    plain = plan_study(INDEPENDENT, goals).goals
    grouped = plan_study(GROUPED, goals).goals
    for one, several in zip(plain, grouped, strict=True):
        assert several.simulated
        assert not one.simulated
        assert several.needed.positives > one.needed.positives
        assert several.needed.patients < one.needed.patients


def test_the_power_over_patients_is_that_of_studies_drawn_one_by_one():
    """Half the width of the interval of `sample_units` over patients, drawn image by image."""
    from covidreport.metrics.effective import sample_units
    from covidreport.metrics.intervals import wilson_ends

    goal, patients = PlanGoal("half_width", 0.06), 120
    seats = seat_patients(GROUPED.shares, patients)
    sizes = np.repeat([1, 2, 3], seats)
    drawn = np.random.default_rng(3)
    shared = drawn.standard_normal((3000, patients, 1))
    latent = math.sqrt(0.4) * shared + math.sqrt(0.6) * drawn.standard_normal((3000, patients, 3))
    found = (latent < norm.ppf(0.85)) & (np.arange(3) < sizes[:, np.newaxis])
    proportion, size = sample_units(found.sum(2), np.broadcast_to(sizes, (3000, patients)))
    low, high = wilson_ends(proportion, size)
    simulated = np.mean((high - low) / 2 <= goal.value)
    assert compute_power(GROUPED, goal, patients) == pytest.approx(simulated, abs=0.03)
    assert 0.1 < simulated < 0.9


def test_a_size_at_hand_shows_what_the_goals_ask_for():
    """What 217 positives show of ± 0.05, 117 of at least 0.75 and 179 of a loss of 0.1."""
    goals = [PlanGoal("half_width", 0.05), PlanGoal("at_least", 0.75), PlanGoal("difference", 0.1)]
    for goal, field in zip(goals, ("half_width", "at_least", "difference"), strict=True):
        (planned,) = plan_study(INDEPENDENT, [goal]).goals
        at_hand = plan_study(INDEPENDENT, [], planned.needed.positives).at_hand
        shown = getattr(at_hand, field)
        assert shown == pytest.approx(goal.value, abs=0.011)
        assert shown >= goal.value if field == "at_least" else shown <= goal.value + 1e-3


def test_the_odds_of_a_gate_are_those_that_its_verdicts_state():
    """`strict` at 28 positives fails an equal run in 41 % and passes one 0.10 worse in 17 %."""
    at_hand = plan_study(INDEPENDENT, [PlanGoal("non_inferiority", 0.1)], 28).at_hand
    strict, evidence = at_hand.odds
    assert (strict.policy, evidence.policy) == ("strict", "evidence")
    assert strict.equal_fails == pytest.approx(0.406, abs=5e-4)
    assert strict.worse_passes == pytest.approx(0.165, abs=5e-4)
    assert evidence.equal_passes < 0.8


def test_seats_are_given_by_largest_remainders():
    assert seat_patients((0.5, 0.3, 0.2), 7) == (4, 2, 1)
    assert seat_patients((0.5, 0.5), 4) == (2, 2)
    assert seat_patients((0.0, 1.0), 3) == (0, 3)
    assert count_needed(GROUPED, 170) == 100


def test_a_patients_images_are_found_by_the_sensitivity_and_together():
    law = found_law(3, 0.85, 0.4)
    assert law.sum() == pytest.approx(1)
    assert (law @ np.arange(4)) / 3 == pytest.approx(0.85, abs=1e-9)
    assert found_law(2, 0.85, 0.0) == pytest.approx([0.15**2, 2 * 0.15 * 0.85, 0.85**2])
    # P(both of two missed) is the bivariate normal's: with a median threshold 1/4 + asin(r)/2pi
    assert found_law(2, 0.5, 0.4)[0] == pytest.approx(0.25 + math.asin(0.4) / (2 * math.pi))


@pytest.mark.parametrize(
    ("assumed", "goal", "said"),
    [
        (StudyAssumptions(1.0), PlanGoal("half_width", 0.1), "sensitivity lies strictly"),
        (StudyAssumptions(0.9, power=1.0), PlanGoal("half_width", 0.1), "power lies strictly"),
        (StudyAssumptions(0.8), PlanGoal("at_least", 0.8), "can't be shown"),
        (INDEPENDENT, PlanGoal("difference", 0.85), "lower than 0.85"),
        (StudyAssumptions(0.8), PlanGoal("difference", 0.1), "how far two runs agree"),
        (StudyAssumptions(0.8, (0.5, 0.5)), PlanGoal("half_width", 0.1), "several images"),
        (INDEPENDENT, PlanGoal("half_width", 0.0), "between 0 and 1"),
        (StudyAssumptions(0.8, comparisons=0), PlanGoal("half_width", 0.1), "comparison"),
    ],
)
def test_what_no_study_can_have_is_refused(assumed, goal, said):
    with pytest.raises(ValueError, match=said):
        plan_study(assumed, [goal])


def test_what_is_out_of_reach_has_no_size():
    (planned,) = plan_study(StudyAssumptions(0.85), [PlanGoal("half_width", 0.0004)]).goals
    assert planned.needed is None


def test_how_far_runs_agree_is_told_by_all_pairs_of_them():
    """Six runs drawn with 0.6, one of which misses a single image; of two runs it is what the one
    against the other gives."""
    rng = np.random.default_rng(5)
    latent = math.sqrt(0.6) * rng.standard_normal(3000) + math.sqrt(0.4) * rng.standard_normal(
        (6, 3000)
    )
    limits = np.asarray(norm.ppf([0.7, 0.8, 0.85, 0.9, 0.95, 0.9997]))
    missed = latent > limits[:, np.newaxis]
    assert missed[-1].sum() < 5
    assert estimate_agreement(missed) == pytest.approx(0.6, abs=0.04)
    assert estimate_agreement(missed[:2]) == pytest.approx(estimate_between(missed[:2]), abs=1e-6)
    assert estimate_agreement(missed[:1]) is None
    assert estimate_agreement(np.zeros((3, 10), bool)) is None
