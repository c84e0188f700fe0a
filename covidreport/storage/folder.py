"""What stands where in a run folder; its run.json and history.csv are written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from covidreport.records import Epoch
from covidreport.storage.codec import write_json
from covidreport.storage.words import RUN_SCHEMA
from covidreport.storage.write import write_atomic

RUN_FILE = "run.json"
HISTORY_FILE = "history.csv"
MODEL_FILE = "model.onnx"
EVALUATIONS_FOLDER = "evaluations"
EVALUATION_FILE = "evaluation.json"
SCORES_FILE = "scores.parquet"
FAILURE_FILE = "failure.json"
THRESHOLDS_FILE = "thresholds.json"


def evaluation_folder(run_folder: Path, key: str) -> Path:
    """Where the evaluation called `key` of a run stands."""
    return run_folder / EVALUATIONS_FOLDER / key


def write_run(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write run.json into `folder`; the schema is put first."""
    rest = {key: value for key, value in settings.items() if key != "schema"}
    write_json(folder / RUN_FILE, {"schema": RUN_SCHEMA, **rest})


def write_history(folder: Path, epochs: Sequence[Epoch]) -> None:
    """Write history.csv: `epoch`, then every column that any epoch has; None is an empty cell."""
    columns = list(dict.fromkeys(name for epoch in epochs for name in epoch.values))
    lines = [",".join(["epoch", *columns])]
    for epoch in epochs:
        cells = (epoch.values.get(name) for name in columns)
        lines.append(
            ",".join([str(epoch.epoch), *("" if c is None else repr(float(c)) for c in cells)])
        )
    write_atomic(folder / HISTORY_FILE, ("\n".join(lines) + "\n").encode())
