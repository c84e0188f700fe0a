"""What a grid will take, from what its networks took in their trial."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covidreport.text import plural
from covidreport.text.sizes import size

from .fit import Request
from .prepare import split_roles
from .progress import describe_seconds
from .settings import Experiment
from .trial import Cost


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of a grid: seconds by all processes together, bytes of the largest process and on disk."""

    fit_s: float
    memory_bytes: int | None
    disk_bytes: int
    free_bytes: int


def estimate_epoch(request: Request, experiment: Experiment, cost: Cost) -> float:
    """Seconds of an epoch: its batches, and the passes that only measure."""
    settings = experiment.settings
    roles = split_roles(settings)
    # what is not in the data is a part of the training split, which is small
    sizes = {role: len(request.rows.get(name, ())) for role, name in roles.items()}
    batches = math.ceil(sizes["train"] / settings.batch_size)
    measured = sum(size for role, size in sizes.items() if role != "train")
    if settings.train_figures == "second-pass":
        measured += sizes["train"]
    batch = min(settings.batch_size, sizes["train"])
    return batches * cost.train_s + measured / batch * cost.predict_s


def plan_grid(
    request: Request, experiments: Sequence[Experiment], costs: Mapping[str, Cost]
) -> dict[str, tuple[float, int]]:
    """By run, the seconds of an epoch and how many there are; all epochs alike without costs."""
    return {
        each.name: (
            estimate_epoch(request, each, costs[each.name]) if each.name in costs else 1.0,
            each.settings.epochs,
        )
        for each in experiments
        if each.name in costs or not costs
    }


def estimate_grid(
    request: Request, experiments: Sequence[Experiment], costs: Mapping[str, Cost], processes: int
) -> Estimate:
    """Of the experiments whose cost is known, fitted by so many processes at a time."""
    seconds, kept, checkpoints = [], 0, [0]
    for experiment in experiments:
        cost = costs.get(experiment.name)
        if cost is None:
            continue
        epoch_s = estimate_epoch(request, experiment, cost)
        seconds.append(experiment.settings.epochs * epoch_s + cost.export_s)
        kept += cost.model_bytes + request.keep_weights * cost.weights_bytes
        best = cost.weights_bytes * (experiment.settings.exported_epoch.rule == "best")
        checkpoints.append(cost.weights_bytes + cost.optimizer_bytes + best)
    # the one before stays until the next is whole
    running = 2 * sum(sorted(checkpoints)[-processes:])
    memory = [cost.memory_bytes for cost in costs.values() if cost.memory_bytes is not None]
    place = request.out.resolve()
    while not place.exists():
        place = place.parent
    return Estimate(
        # no experiment is divided among them
        max([sum(seconds) / processes, *seconds], default=0.0),
        max(memory, default=None),
        kept + running,
        shutil.disk_usage(place).free,
    )


def describe_estimate(
    request: Request, experiments: Sequence[Experiment], costs: Mapping[str, Cost], processes: int
) -> list[str]:
    """A line a network, and one for the grid."""
    lines = []
    for experiment in experiments:
        settings, cost = experiment.settings, costs.get(experiment.name)
        if cost is not None:
            epoch = describe_seconds(estimate_epoch(request, experiment, cost))
            lines.append(
                f"  {settings.architecture}, {settings.image_size} px, batches of "
                f"{settings.batch_size}: {epoch} an epoch"
            )
    found = estimate_grid(request, experiments, costs, processes)
    memory = "" if found.memory_bytes is None else f"{size(found.memory_bytes)} of memory"
    if processes > 1 and memory:
        memory += " in each process"
    facts = [
        f"about {describe_seconds(found.fit_s)}",
        *([memory] if memory else []),
        f"{size(found.disk_bytes)} on disk, where {size(found.free_bytes)} are free",
    ]
    return [f"Estimated for {plural(len(costs), 'run')}: {', '.join(facts)}", *dict.fromkeys(lines)]
