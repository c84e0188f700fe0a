"""How many models are held in the machine's memory at once: as many as it allows, the rest after.

On a card nothing is estimated: what does not fit says so, and begins the next group.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from covidreport.boundary import attempt
from covidreport.inference.memory import allowed_bytes, available_bytes
from covidreport.records import Failure, ModelLimits, Run
from covidreport.storage.model import measure_model

WEIGHT_COPIES = 1.25
"""A session's memory beside the size of its files, without activations, which all sessions share;
measured: 1.05 for VGG16, 1.6 for the much smaller ResNet18."""
FRACTION = 0.7
"""Of the memory that is free, models may take this much; activations and pixels need the rest."""


def group_by_memory(
    runs: Sequence[Run],
    budget_bytes: float | None = None,
    limits: ModelLimits = ModelLimits(),  # noqa: B008 - frozen
) -> list[list[Run]]:
    """Runs in groups whose models fit into memory together; a model too large stands alone.

    The memory is the machine's as far as models may take it, where no other budget is given.
    """
    budget = _budget(limits) if budget_bytes is None else budget_bytes
    groups: list[list[Run]] = []
    taken = 0.0
    for run in runs:
        size = _session_bytes(run)
        if not groups or taken + size > budget:
            groups.append([])
            taken = 0.0
        groups[-1].append(run)
        taken += size
    return groups


def count_side_by_side(runs: Sequence[Run], limits: ModelLimits) -> int:
    """How many of these models, the largest of them, the machine's memory holds; at least one."""
    largest = max(map(_session_bytes, runs), default=0.0)
    return max(1, min(len(runs), int(_budget(limits) // max(largest, 1))))


def _budget(limits: ModelLimits) -> float:
    return FRACTION * min(available_bytes(), allowed_bytes(limits))


def _session_bytes(run: Run) -> float:
    return WEIGHT_COPIES * measure_run(run)


def measure_run(run: Run) -> int:
    """The bytes of a run's model with all its files; 0 where that can't be known."""
    measured = attempt(run.name, "load", partial(_measure, run))
    # what can't be measured can't be opened either, which says why
    return 0 if isinstance(measured, Failure) else measured


def _measure(run: Run) -> int:
    return measure_model(run.model) if run.model else 0
