"""How many models are held at once: as many as memory allows, the rest after them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from covidreport.boundary import attempt
from covidreport.inference.execution import Execution
from covidreport.inference.providers import free_bytes
from covidreport.records import Failure, Run
from covidreport.storage.model import measure_model

WEIGHT_COPIES = 1.25
"""A session's memory beside the size of its files, without activations, which all sessions share;
measured: 1.05 for VGG16, 1.6 for the much smaller ResNet18."""
SHARE = 0.7
"""Of the memory that is free, models may take this much; activations and pixels need the rest."""
FALLBACK_BYTES = 4 * 2**30


def available_bytes() -> int:
    """The memory that this process may still take, where the system says it (Linux)."""
    amounts = [FALLBACK_BYTES]
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        amounts = [int(lines["MemAvailable"].split()[0]) * 1024]
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        amounts = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    limit = Path("/sys/fs/cgroup/memory.max")
    used = Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        amounts.append(int(limit.read_text()) - int(used.read_text()))
    return max(min(amounts), 0)


def device_budget(execution: Execution) -> float | None:
    """The memory of the card that models may take together; None on the CPU."""
    free = free_bytes(execution)
    return None if free is None else SHARE * free


def group_by_memory(runs: Sequence[Run], budget_bytes: float | None = None) -> list[list[Run]]:
    """Runs in groups whose models fit into memory together; a model too large stands alone.

    The memory is the machine's, where no other budget is given.
    """
    budget = SHARE * available_bytes() if budget_bytes is None else budget_bytes
    groups: list[list[Run]] = []
    taken = 0.0
    for run in runs:
        measured = attempt(run.name, "load", partial(_measure, run))
        # what can't be measured can't be opened either, which says why
        size = 0.0 if isinstance(measured, Failure) else WEIGHT_COPIES * measured
        if not groups or taken + size > budget:
            groups.append([])
            taken = 0.0
        groups[-1].append(run)
        taken += size
    return groups


def _measure(run: Run) -> int:
    return measure_model(run.model) if run.model else 0
