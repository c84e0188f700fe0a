"""What `python -m train list` shows: the experiments of a study and how their run folders stand."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from covidreport.errors import CovidReportError
from covidreport.locks import is_held
from covidreport.store import RUN_FILE, RUN_SCHEMA, read_json
from covidreport.text import DASH, clean
from covidreport.text.columns import PIPED_WIDTH, Column, draw_table

from . import LOCK_FILE
from .settings import Experiment, FitSettings, Study


def list_rows(study: Study, out: Path | None) -> list[dict[str, Any]]:
    """One row an experiment, as plain values; `status` where `out` is given."""
    rows = []
    for experiment in study.experiments:
        settings = experiment.settings
        row: dict[str, Any] = {
            "number": experiment.number,
            "block": experiment.block,
            "name": experiment.name,
            "architecture": settings.architecture,
            "head": settings.head,
            "loss": _describe_loss(settings),
            "optimizer": f"{settings.optimizer} {settings.learning_rate:g}",
            "epochs": settings.epochs,
            "frozen": list(settings.frozen),
            "description": experiment.description,
        }
        if out is not None:
            row["status"] = _read_folds(out, experiment) or read_status(out / experiment.name)
        rows.append(row)
    return rows


def _read_folds(out: Path, experiment: Experiment) -> str:
    """How many of its folds are fitted, and what is to be said of the others; empty without any."""
    states = [read_status(folder) for folder in sorted(out.glob(f"{experiment.name}-fold*"))]
    if not states:
        return ""
    finished = states.count("finished")
    others = dict.fromkeys(state for state in states if state != "finished")
    return "; ".join([f"{finished} of {len(states)} folds finished", *others])


def _describe_loss(settings: FitSettings) -> str:
    numbers = [
        f"{sign} {value:g}"
        for sign, value in (("γ", settings.gamma), ("α", settings.alpha))
        if value is not None
    ]
    return f"{settings.loss} ({', '.join(numbers)})" if numbers else settings.loss


def read_status(folder: Path) -> str:
    """How a run stands: finished, running, interrupted, failed and why, or not fitted.

    A process that fits it holds its lock, also before there is a run.json. Where nobody can say,
    it is `running or interrupted`.
    """
    held = is_held(folder / LOCK_FILE)
    if not (folder / RUN_FILE).is_file():
        return "running" if held else "not fitted"
    try:
        run = read_json(folder / RUN_FILE, RUN_SCHEMA)
    except CovidReportError as error:
        return f"unreadable: {error}"
    status = str(run.get("status", "unknown"))
    if held and status in ("running", "failed"):
        return "running"
    if status == "failed":
        return f"failed: {run.get('reason', 'no reason is recorded')}"
    if status != "running":
        return status
    return "running or interrupted" if held is None else "interrupted"


def show_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows as a table on stdout."""
    columns = [
        Column("number", "figure", 3), Column("block", "name", 2), Column("name", "name"),
        Column("description", "text", 1),
    ]  # fmt: skip
    if rows and "status" in rows[0]:
        columns.append(Column("status"))
    texts = []
    for row in rows:
        described = row["description"] or f"{row['architecture']}, {row['loss']}"
        cells = {**row, "description": described}
        texts.append([clean(cells[column.title] or DASH) for column in columns])
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = shutil.get_terminal_size().columns if known else PIPED_WIDTH
    for line in draw_table(columns, texts, width):
        typer.echo(line)
