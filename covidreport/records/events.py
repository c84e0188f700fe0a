"""What long work tells whoever asked for it, while it is at it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from covidreport.records.finding import Finding


class StageStarted(Struct, frozen=True):
    """A stage of the work begins, and the one before it is over; total: how many steps it has."""

    what: str
    total: int


class StepsDone(Struct, frozen=True):
    """So many more steps of the stage are done; less than none where some are done again."""

    steps: int


class FindingMade(Struct, frozen=True):
    """Something must be known of the data or of a run."""

    finding: Finding


class WaitingForRun(Struct, frozen=True):
    """Another process is at work on a run, and has to finish first."""

    run: str


class ScoresDamaged(Struct, frozen=True):
    """Stored scores of a run can't be read, and are computed again."""

    run: str
    reason: str


class EvaluationReplaced(Struct, frozen=True):
    """An evaluation of other images gives way; what: which, and whose."""

    what: str


class Noted(Struct, frozen=True):
    """Something that a user should know, in a sentence; warning: that he should mend."""

    text: str
    warning: bool = False


Event = (
    StageStarted
    | StepsDone
    | FindingMade
    | WaitingForRun
    | ScoresDamaged
    | EvaluationReplaced
    | Noted
)
OnEvent = Callable[[Event], None]
"""What is called with each event, in the thread that asked for the work."""


def ignore_events(_: Event) -> None:
    """Where nobody listens."""


def count_steps(on_event: OnEvent) -> Callable[[int], None]:
    """What is called with each number of steps that are done."""
    return lambda steps: on_event(StepsDone(steps))
