"""What a study needs, before there is one: records of `metrics.planning`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Assumed = Literal["shares", "within", "between"]
"""What of the assumptions runs at hand can tell."""
GoalKind = Literal["half_width", "at_least", "difference", "non_inferiority"]


class StudyAssumptions(Struct, frozen=True):
    """What is taken for true of a study that is planned.

    sensitivity: the true one, a fraction strictly between 0 and 1. shares: of the patients with
    positives, the proportion that has 1, 2, … positive images. within, between: latent
    correlations of a patient's images and of two runs on an image (`metrics.latent`); None where
    nothing rests on it. power: the proportion of studies in which a goal has to be reached.
    comparisons: by how many pairs the level of 5 % is divided.
    """

    sensitivity: float
    shares: tuple[float, ...] = (1.0,)
    within: float | None = None
    between: float | None = None
    power: float = 0.8
    comparisons: int = 1

    @property
    def grouped(self) -> bool:
        """Whether some patient has several positive images."""
        return len(self.shares) > 1

    @property
    def images_per_patient(self) -> float:
        """The mean number of positive images of a patient."""
        total = sum(self.shares)
        return sum(size * share for size, share in enumerate(self.shares, 1)) / total


class PlanGoal(Struct, frozen=True):
    """What a study is to show, as a fraction.

    half_width: a sensitivity within ± value. at_least: a sensitivity of at least value. difference:
    that a run whose sensitivity is lower by value misses more. non_inferiority: that an equal run
    is at most value worse.
    """

    kind: GoalKind
    value: float


class PlannedPower(Struct, frozen=True):
    """In which proportion of studies of so many patients with positives a goal is reached."""

    patients: int
    positives: int
    power: float


class PlannedGoal(Struct, frozen=True):
    """The fewest patients from which on a goal is reached often enough; None beyond all reach.

    simulated: whether the power is that of drawn sets, not exact. curve: by rising size.
    """

    goal: PlanGoal
    needed: PlannedPower | None
    simulated: bool
    curve: tuple[PlannedPower, ...]


class PlannedOdds(Struct, frozen=True):
    """How often a gate's policy fails an equal run and passes one that is worse by the margin."""

    policy: Literal["strict", "evidence"]
    margin: float
    equal_fails: float
    equal_passes: float
    worse_passes: float | None


class PlanAtHand(Struct, frozen=True):
    """What a study of this size shows with the stated power, as fractions; None for nothing.

    half_width: of the interval, at most. at_least: the sensitivity that can be claimed. difference:
    the smallest loss that is found.
    """

    patients: int
    positives: int
    half_width: float | None
    at_least: float
    difference: float | None
    odds: tuple[PlannedOdds, ...]


class StudyPlan(Struct, frozen=True):
    """Assumptions, the size that each goal needs, and what a given size shows.

    runs: how many runs `estimated` names of the assumptions come from; the others were stated.
    """

    assumptions: StudyAssumptions
    goals: tuple[PlannedGoal, ...]
    at_hand: PlanAtHand | None
    runs: int = 0
    estimated: tuple[Assumed, ...] = ()
