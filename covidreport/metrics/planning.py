"""How many positives a study needs, and what a study of a given size can show.

Each goal is judged by the method that the report itself uses, on studies drawn by the model of
`metrics.latent`: the power is the proportion of these in which it is reached. Where each positive
is a patient all possible studies are added up; where patients have several, `DRAWS` are simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.effective import effective_size
from covidreport.metrics.gate_odds import DRAWS, MissRule, compute_odds
from covidreport.metrics.intervals import wilson_ends
from covidreport.metrics.latent import (
    LatentPair,
    count_patients,
    estimate_agreement,
    estimate_within,
    found_law,
)
from covidreport.records import (
    PlanAtHand,
    PlanGoal,
    PlannedGoal,
    PlannedOdds,
    PlannedPower,
    StudyAssumptions,
    StudyPlan,
)

ALPHA: Final = 0.05
MOST: Final = 100_000
"""Patients: a study that needs more is out of reach."""
_FINEST: Final = 2000
"""Sizes beyond are searched in steps of one in so many."""
_CLOSE: Final = 1e-4
"""A smallest difference is found to so much."""
_SHOWN: Final = 60
"""Points of a curve, at most."""


def plan_study(
    assumptions: StudyAssumptions,
    goals: Sequence[PlanGoal],
    positives: int | None = None,
) -> StudyPlan:
    """The patients that each goal needs, and what about so many positives would show.

    Raises ValueError for assumptions and goals that no study can have (`check_plan`).
    """
    check_plan(assumptions, goals)
    planned = tuple(_plan_goal(assumptions, goal) for goal in goals)
    at_hand = None
    if positives is not None:
        margins = [goal.value for goal in goals if goal.kind == "non_inferiority"]
        at_hand = describe_size(assumptions, count_needed(assumptions, positives), margins)
    return StudyPlan(assumptions, planned, at_hand)


def plan_like(
    missed: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None, margin: float
) -> StudyPlan | None:
    """The positives that show of one run as good as the first that it is at most a margin worse.

    missed: bool `(R, P)`, the reference in row 0; groups: patients `(P,)`. Images a patient and
    correlations are those of these runs, the sensitivity the first one's with half a case more of
    each kind. None where the runs don't tell how far they agree, and of a margin that no study has.
    """
    positives = missed.shape[1]
    sensitivity = (positives - int(missed[0].sum()) + 0.5) / (positives + 1)
    between, patients = estimate_agreement(missed), count_patients(groups, positives)
    within = estimate_within(missed, groups) if len(patients) > 1 else None
    if between is None or (len(patients) > 1 and within is None):
        return None
    shares = tuple(n / sum(patients) for n in patients)
    assumed = StudyAssumptions(sensitivity, shares, within, between)
    (planned,) = plan_study(assumed, [PlanGoal("non_inferiority", margin)]).goals
    return StudyPlan(
        assumed, (replace(planned, curve=()),), None, len(missed), ("shares", "within", "between")
    )


def check_plan(assumptions: StudyAssumptions, goals: Sequence[PlanGoal]) -> None:
    """ValueError, which says what and why, for what no study can have."""
    true = assumptions.sensitivity
    for name, value in (("sensitivity", true), ("power", assumptions.power)):
        if not 0 < value < 1:
            raise ValueError(f"the {name} lies strictly between 0 and 1, not at {value:g}")
    if assumptions.comparisons < 1:
        raise ValueError(f"there is at least one comparison, not {assumptions.comparisons}")
    for goal in goals:
        if not 0 < goal.value < 1:
            raise ValueError(f"{goal.kind} is a fraction between 0 and 1, not {goal.value:g}")
        if goal.kind == "at_least" and goal.value >= true:
            raise ValueError(
                f"a sensitivity of at least {goal.value:g} can't be shown of a run whose true "
                f"sensitivity is {true:g}"
            )
        if goal.kind == "difference" and goal.value >= true:
            raise ValueError(f"no sensitivity is lower than {true:g} by {goal.value:g}")
        if goal.kind in ("difference", "non_inferiority") and assumptions.between is None:
            raise ValueError(f"{goal.kind} rests on how far two runs agree: `between` is not known")
    if assumptions.grouped and assumptions.within is None:
        raise ValueError("several images a patient rest on how far they agree: `within`")


def seat_patients(shares: Sequence[float], patients: int) -> tuple[int, ...]:
    """How many of the patients have 1, 2, … positives: by the shares, largest remainders first."""
    exact = np.asarray(shares, np.float64) / np.sum(shares) * patients
    seats = np.floor(exact + 1e-9).astype(np.int64)
    left = patients - int(seats.sum())
    order = np.argsort(seats - exact, kind="stable")
    seats[order[:left]] += 1
    return tuple(seats.tolist())


def count_needed(assumptions: StudyAssumptions, positives: int) -> int:
    """How many patients have about so many positives between them."""
    return max(1, round(positives / assumptions.images_per_patient))


def compute_power(assumptions: StudyAssumptions, goal: PlanGoal, patients: int) -> float:
    """In which proportion of studies with so many patients the goal is reached."""
    if goal.kind == "half_width":
        weights, widths = _half_widths(assumptions, patients)
        return float(weights[widths <= goal.value].sum())  # NaN, without an interval, is not
    if goal.kind == "at_least":
        weights, bounds = _lower_bounds(assumptions, patients)
        return float(weights[bounds >= goal.value].sum())
    pair = _pair(assumptions, patients)
    if goal.kind == "difference":
        return _find_loss(pair, goal.value, ALPHA / assumptions.comparisons)
    return compute_odds(pair, MissRule(significant=True, margin=goal.value), 0.0, ALPHA)[1]


def _find_loss(pair: LatentPair, loss: float, level: float) -> float:
    return compute_odds(pair, MissRule(significant=True), loss, level)[0]


def _pair(assumptions: StudyAssumptions, patients: int) -> LatentPair:
    assert assumptions.between is not None
    return LatentPair(
        seat_patients(assumptions.shares, patients),
        assumptions.sensitivity,
        assumptions.between,
        assumptions.within or 0.0,
    )


def describe_size(
    assumptions: StudyAssumptions, patients: int, margins: Sequence[float] = ()
) -> PlanAtHand:
    """What a study of so many patients shows with the power of the assumptions."""
    power = assumptions.power
    seats = seat_patients(assumptions.shares, patients)
    weights, widths = _half_widths(assumptions, patients)
    width = _quantile(widths, weights, power)
    weights, bounds = _lower_bounds(assumptions, patients)
    difference: float | None = None
    odds: tuple[PlannedOdds, ...] = ()
    if assumptions.between is not None:
        pair = _pair(assumptions, patients)
        difference = _smallest_loss(pair, ALPHA / assumptions.comparisons, power)
        odds = tuple(each for margin in margins for each in _state_odds(pair, margin))
    return PlanAtHand(
        patients=patients,
        positives=sum(size * n for size, n in enumerate(seats, 1)),
        half_width=None if np.isnan(width) else width,
        # of the bounds, that which all but the power stay under
        at_least=-_quantile(-bounds, weights, power),
        difference=difference,
        odds=odds,
    )


def _state_odds(pair: LatentPair, margin: float) -> tuple[PlannedOdds, PlannedOdds]:
    def state(policy: str, rule: MissRule) -> PlannedOdds:
        fails, passes = compute_odds(pair, rule, 0.0, ALPHA)
        worse = None
        if margin < pair.sensitivity:
            worse = compute_odds(pair, rule, margin, ALPHA)[1]
        return PlannedOdds(policy, margin, fails, passes, worse)  # type: ignore[arg-type]

    return (
        state("strict", MissRule(allowance=0)),
        state("evidence", MissRule(significant=True, margin=margin)),
    )


def _smallest_loss(pair: LatentPair, level: float, power: float) -> float | None:
    """The smallest loss of sensitivity that is found with the power; None where none is."""
    low, high = 0.0, pair.sensitivity * (1 - 1e-6)
    if _find_loss(pair, high, level) < power:
        return None
    while high - low > _CLOSE:
        middle = (low + high) / 2
        low, high = (low, middle) if _find_loss(pair, middle, level) >= power else (middle, high)
    return high


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64], at: float) -> float:
    """The least value that at least the proportion `at` does not exceed; NaN is the largest."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) >= at - 1e-12
    return float(values[order][np.argmax(reached)])


Studies = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Studies that there might be, `(D,)` each: how likely, the sensitivity, and the sample that it is
known as (`sample_units`), for a two-sided interval of a given confidence."""


def _half_widths(
    assumptions: StudyAssumptions, patients: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half the width of the Wilson interval in each study; NaN where there is none."""
    weights, proportion, size = _list_studies(assumptions, patients, 1 - ALPHA)
    low, high = wilson_ends(proportion, size, 1 - ALPHA)
    return weights, (high - low) / 2


def _lower_bounds(
    assumptions: StudyAssumptions, patients: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The one-sided exact bound in each study, as `lower_bound`, on the effective sample."""
    from scipy.special import betaincinv

    # What lies under a one-sided bound is half of what lies outside a two-sided interval.
    weights, proportion, size = _list_studies(assumptions, patients, 1 - 2 * ALPHA)
    found = proportion * size
    with np.errstate(invalid="ignore"):
        bound = betaincinv(np.where(found > 0, found, 1.0), size - found + 1, ALPHA)
    return weights, np.where(found > 0, np.minimum(bound, proportion), 0.0)


@lru_cache(maxsize=4)
def _list_studies(assumptions: StudyAssumptions, patients: int, confidence: float) -> Studies:
    if not assumptions.grouped:
        found, weights = _binomial(patients, assumptions.sensitivity)
        return weights, found / patients, np.full(found.shape, float(patients))
    seats = seat_patients(assumptions.shares, patients)
    weights = np.full(DRAWS, 1 / DRAWS)
    positives = sum(size * n for size, n in enumerate(seats, 1))
    squares = sum(size * size * n for size, n in enumerate(seats, 1))
    sums, found_squares, products = _draw_found(assumptions, seats)
    proportion = sums / positives
    if patients == 1:
        return weights, proportion, np.full(DRAWS, np.nan)
    if positives == patients:
        return weights, proportion, np.full(DRAWS, float(patients))
    # the sum over patients of (found - proportion * images) ** 2, as `sample_units` has it
    rest = found_squares - 2 * proportion * products + proportion**2 * squares
    variance = patients / (patients - 1) * np.maximum(rest, 0.0) / positives**2
    even = positives**2 / squares
    size = effective_size(proportion, variance, positives, even, even - 1, confidence)
    return weights, proportion, size


def _binomial(n: int, p: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The counts that are likelier than what rounding loses, and how likely each is."""
    from scipy.special import gammaln

    spread = 10 * np.sqrt(n * p * (1 - p)) + 20
    k = np.arange(max(0, int(n * p - spread)), min(n, int(n * p + spread)) + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    weights = np.exp(ways + k * np.log(p) + (n - k) * np.log1p(-p))
    return k, weights / weights.sum()


def _draw_found(
    assumptions: StudyAssumptions, seats: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each study the sums over patients of images found, of their squares, and of their products
    with the patient's images."""
    generator = np.random.default_rng(0)
    sums = np.zeros((3, DRAWS))
    for size, patients in enumerate(seats, 1):
        if not patients:
            continue
        k = np.arange(size + 1.0)
        law = found_law(size, assumptions.sensitivity, assumptions.within or 0.0)
        drawn = generator.multinomial(patients, law, size=DRAWS)
        sums += np.stack([drawn @ k, drawn @ k**2, drawn @ (k * size)])
    return sums[0], sums[1], sums[2]


def _plan_goal(assumptions: StudyAssumptions, goal: PlanGoal) -> PlannedGoal:
    known: dict[int, float] = {}

    def power(patients: int) -> float:
        if patients not in known:
            known[patients] = compute_power(assumptions, goal, patients)
        return known[patients]

    search = _search_simulated if assumptions.grouped else _search_exact
    needed = search(power, assumptions.power)
    shown = sorted(known)
    shown = shown[:: -(-len(shown) // _SHOWN)]
    if needed is not None:
        shown = sorted({*shown, needed})
    points = {each: _state(assumptions, each, known[each]) for each in shown}
    return PlannedGoal(
        goal,
        None if needed is None else points[needed],
        assumptions.grouped,
        tuple(points.values()),
    )


def _state(assumptions: StudyAssumptions, patients: int, power: float) -> PlannedPower:
    seats = seat_patients(assumptions.shares, patients)
    positives = sum(size * n for size, n in enumerate(seats, 1))
    return PlannedPower(patients, positives, min(1.0, power))


def _search_exact(power: Callable[[int], float], target: float) -> int | None:
    """The smallest size from which on the power stays at the target.

    Exact power is a saw whose teeth shrink with the root of the size: it is followed down from
    where it lies over the target by more than a tooth.
    """
    before, top = 1, 1
    while power(top) < target:
        if top >= MOST:
            return None
        before, top = top, min(MOST, top + top // 4 + 1)
    top = before
    while power(top) < min(target + 1 / np.sqrt(top), (1 + target) / 2):
        top += top // 50 + 1
    step = max(1, top // _FINEST)
    needed = top + 20 * step
    while needed > step and power(needed - step) >= target:
        needed -= step
    power(needed)
    return needed


def _search_simulated(power: Callable[[int], float], target: float) -> int | None:
    """The same where the power is simulated: halved to one in a hundred, and tried just beyond."""
    low, high = 1, 2
    while power(high) < target:
        if high >= MOST:
            return None
        low, high = high, min(MOST, high + high // 2 + 1)
    lasting = False
    while not lasting:
        while high - low > max(1, high // 100):
            middle = (low + high) // 2
            low, high = (low, middle) if power(middle) >= target else (middle, high)
        step = max(1, high // 50)
        beyond = [high + i * step for i in range(1, 4)]
        lost = [each for each in beyond if power(each) < target]
        lasting = not lost
        if lost:
            low, high = lost[-1], lost[-1] + step
            while power(high) < target:
                low, high = high, high + step
    return high
