"""What a tracker knows of one run, as the files of a run folder."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from covidreport.errors import StoreError
from covidreport.integrations.naming import is_plain_name, name_file
from covidreport.records import Epoch
from covidreport.storage.folder import HISTORY_FILE, RUN_FILE
from covidreport.store import write_history, write_json, write_run

MARKER_SCHEMA = "covidreport.tracked/1"
MARKER_FILE = "tracked.json"
"""In a run folder whose run.json and history.csv came from a tracker: the next pull replaces them.
"""
EPOCH = "epoch"


class Tracked(Struct, frozen=True):
    """A run as a tracker wrote it.

    rows: what was logged together, by name, in the order of the log. broken_off: the log ends
    within a record, as of a process that was killed; what stands before it was read.
    """

    name: str
    tracker: str
    rows: tuple[tuple[int, Mapping[str, float]], ...]
    """Each with its step."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    """What tells it from others of its name."""
    project: str = ""
    broken_off: bool = False


class Placed(Struct, frozen=True):
    """A run folder that a tracker's run was written into, and what a user should know of it."""

    folder: Path
    epochs: int
    notes: tuple[str, ...] = ()


def name_folders(runs: Sequence[Tracked]) -> list[str]:
    """A folder's name for each: the run's, where that is a folder's and no other has it, else with
    its id; of logs of one id (a run that was resumed) the second has `-2` behind it."""
    times = Counter(run.name for run in runs)
    taken: Counter[str] = Counter()
    names = []
    for run in runs:
        alone = times[run.name] == 1 and is_plain_name(run.name)
        name = run.name if alone else name_file(f"{run.name}-{run.id}")
        taken[name] += 1
        names.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return names


def place_tracked(tracked: Tracked, folder: Path) -> Placed:
    """Write run.json, history.csv and the marker; every other file of the folder stays.

    Raises StoreError where a run.json or history.csv is there that came from elsewhere, or two
    names of the log would be one column.
    """
    files = [folder / RUN_FILE, folder / HISTORY_FILE]
    own = [file for file in files if file.exists()]
    if own and not (folder / MARKER_FILE).is_file():
        raise StoreError(f"{own[0]} is not from a tracker; choose another --output")
    epochs, left_out = arrange_epochs(tracked.rows)
    notes = [f"the log of {tracked.tracker} breaks off within a record"] * tracked.broken_off
    if left_out:
        notes.append(f"{left_out:,} of {len(tracked.rows):,} logged rows state no epoch")
    folder.mkdir(parents=True, exist_ok=True)
    stated = {"summary": _finite(tracked.summary)} if tracked.summary else {}
    known = {"name": tracked.name, "id": tracked.id, "project": tracked.project}
    known = {key: value for key, value in known.items() if value}
    write_json(folder / MARKER_FILE, {"schema": MARKER_SCHEMA, "from": tracked.tracker})
    write_run(
        folder,
        {
            "name": folder.name,
            **({"hyperparameters": _finite(tracked.settings)} if tracked.settings else {}),
            "tracked": {"by": tracked.tracker, **known, **stated},
        },
    )
    if epochs:
        write_history(folder, epochs)
    else:
        (folder / HISTORY_FILE).unlink(missing_ok=True)
        notes.append("no number was logged: there is no history.csv")
    return Placed(folder, len(epochs), tuple(notes))


def arrange_epochs(
    rows: Sequence[tuple[int, Mapping[str, float]]],
) -> tuple[list[Epoch], int]:
    """A row an epoch, and how many rows state none and are left out.

    Where any row logs `epoch`, that is the epoch, and of several rows of one the last value of a
    name holds. Where none does, the step is: what a tracker is told beside a value.
    """
    states = any(EPOCH in values for _, values in rows)
    found: dict[int, dict[str, float | None]] = {}
    left_out = 0
    for step, values in rows:
        epoch = values.get(EPOCH) if states else step
        if epoch is None or not math.isfinite(epoch):
            left_out += 1
            continue
        into = found.setdefault(int(epoch), {})
        for name, value in values.items():
            if name != EPOCH:
                into[name] = value if math.isfinite(value) else None
    columns = _name_columns({name for values in found.values() for name in values})
    epochs = [
        Epoch(epoch, {columns[name]: value for name, value in sorted(values.items())})
        for epoch, values in sorted(found.items())
        if values
    ]
    return epochs, left_out


def _name_columns(names: set[str]) -> dict[str, str]:
    """`train/loss` is the column `train_loss`: one word, as history.csv has them elsewhere."""
    columns = {name: re.sub(r"[^\w.-]+", "_", name).strip("_") or "value" for name in names}
    taken: dict[str, str] = {EPOCH: EPOCH}
    for name in sorted(columns):
        other = taken.setdefault(columns[name], name)
        if other != name:
            raise StoreError(
                f"{other!r} and {name!r} would both be the column {columns[name]!r} of history.csv"
            )
    return columns


def _finite(value: Any) -> Any:
    """The same with null for what is no finite number, which JSON has not."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
