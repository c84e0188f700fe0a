"""Finds run folders and reads what they say of themselves; executes nothing."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from covidreport.errors import StoreError, UsageError
from covidreport.records import Epoch, Evaluation, Run
from covidreport.store import (
    EVALUATION_FILE,
    EVALUATIONS_FOLDER,
    HISTORY_FILE,
    MODEL_FILE,
    RUN_FILE,
    RUN_SCHEMA,
    read_evaluation,
    read_json,
)


def is_run_folder(folder: Path) -> bool:
    """Whether a folder holds a run: a run.json, a model or evaluations."""
    return (
        (folder / RUN_FILE).is_file()
        or (folder / MODEL_FILE).is_file()
        or (folder / EVALUATIONS_FOLDER).is_dir()
    )


def discover_runs(paths: Sequence[Path]) -> tuple[Run, ...]:
    """The runs at and below `paths`, by path; a run folder is not searched for others.

    Raises UsageError where a path does not exist, nothing is found, or two runs share a name.
    """
    folders: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder; give a folder of run folders, such as runs/")
        for folder in _walk(path):
            folders.setdefault(folder.resolve(), folder)
    if not folders:
        places = ", ".join(str(path) for path in paths)
        raise UsageError(
            f"{places}: no run folders found; a run folder holds {RUN_FILE}, {MODEL_FILE} or "
            f"{EVALUATIONS_FOLDER}/"
        )
    runs = sorted((read_run(folder) for folder in folders.values()), key=_natural)
    seen: dict[str, Run] = {}
    for run in runs:
        if run.name in seen:
            raise UsageError(
                f"two runs are called {run.name!r}: {seen[run.name].folder} and {run.folder}; "
                f"rename one (the folder, or `name` in its {RUN_FILE})"
            )
        seen[run.name] = run
    return tuple(runs)


def _natural(run: Run) -> tuple[object, ...]:
    """`exp2` before `exp10`: runs of digits compare as numbers."""
    parts: list[tuple[int, int, str]] = []
    digits = ""
    for character in f"{run.folder.as_posix()} ":
        if character.isdecimal() and character.isascii():
            digits += character
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        parts.append((1, 0, character))
    return tuple(parts)


def _walk(folder: Path) -> Iterator[Path]:
    if is_run_folder(folder):
        yield folder
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            yield from _walk(child)


def read_run(folder: Path) -> Run:
    """The run in a folder. A folder without run.json is a run named after the folder.

    A run.json or history.csv that can't be read does not hide the run: what is wrong is kept in
    `settings["unreadable"]`, for `evaluate` and the report to say.
    """
    settings: dict[str, object] = {}
    history: tuple[Epoch, ...] = ()
    faults: list[str] = []
    if (folder / RUN_FILE).is_file():
        try:
            settings = dict(read_json(folder / RUN_FILE, RUN_SCHEMA))
        except StoreError as error:
            faults.append(str(error))
    if (folder / HISTORY_FILE).is_file():
        try:
            history = read_history(folder / HISTORY_FILE)
        except StoreError as error:
            faults.append(str(error))
    if faults:
        settings["unreadable"] = faults
    model = folder / str(settings.get("model") or MODEL_FILE)
    return Run(
        name=str(settings.get("name") or folder.resolve().name),
        folder=folder,
        model=model if model.is_file() else None,
        settings=settings,
        history=history,
    )


def read_history(path: Path) -> tuple[Epoch, ...]:
    """The epochs of a history.csv; an empty cell is None. StoreError names the line at fault."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            if "epoch" not in columns:
                raise StoreError(f"{path}: line 1: no column `epoch`")
            return tuple(_read_epoch(path, reader.line_num, row) for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StoreError(f"{path}: can't be read ({error})") from error


def _read_epoch(path: Path, line: int, row: dict[str, str]) -> Epoch:
    try:
        values = {
            name: float(cell) if cell else None for name, cell in row.items() if name != "epoch"
        }
        epoch = int(row["epoch"])
    except (TypeError, ValueError) as error:
        raise StoreError(f"{path}: line {line}: {error}") from error
    for name, value in values.items():
        if value is not None and not math.isfinite(value):
            values[name] = None
    return Epoch(epoch, values)


def read_evaluations(run: Run) -> tuple[tuple[Evaluation, ...], tuple[str, ...]]:
    """The evaluations in a run folder, by key, and what is wrong with those that are broken."""
    folder = run.folder / EVALUATIONS_FOLDER
    evaluations: list[Evaluation] = []
    faults: list[str] = []
    for file in sorted(folder.glob(f"*/{EVALUATION_FILE}")):
        try:
            # A folder may have been copied or renamed since.
            evaluations.append(replace(read_evaluation(file), run=run.name))
        except StoreError as error:
            faults.append(str(error))
    return tuple(evaluations), tuple(faults)
