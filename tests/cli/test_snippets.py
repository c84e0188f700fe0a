"""What the pages offer to paste into a notebook runs, whatever commands ran before."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pandas as pd
import pytest

from tests.cli.command import ROOT, ROWS
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

STATES = {
    "evaluated": "evaluate",
    "on another split": "evaluate --split train",
    "parts blacked out": "evaluate --occlude centre",
    "maps": "evaluate --maps",
    "changed pictures": "evaluate --disturb --disturb-kind noise --disturb-severity 5",
    "pictures that are no radiographs": "evaluate --foreign",
    "on other images": "evaluate --data elsewhere/manifest.csv",
    "a baseline": "baseline set runs/usual",
    "scores from elsewhere": "import-scores scores.csv --run given --activation sigmoid",
    "counts from elsewhere": "import-counts counts.csv --name data",
    "a reader": "import-readers readings.csv --label covid-19 --scale 1,5",
    "two as one": "combine runs/usual runs/keen --how mean --name both",
    "a run that fails": "evaluate",
}
"""What stands in the run folders after each command, one after the other."""


def run_blocks(page: str) -> dict[str, Any]:
    """The examples of a page, word for word, one after the other; the names that they leave."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), flags=re.S):
        exec(compile(block, page, "exec"), names)  # noqa: S102  # our own page
    return names


@pytest.fixture
def project(tmp_path):
    """Two models: of one nothing but the model is known, of the other its loss as well."""
    write_flat_dataset(tmp_path / "data", ROWS, size=(8, 8))
    write_flat_dataset(tmp_path / "elsewhere", ROWS[:6], size=(8, 8))
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    images = [f"{i:03}.png" for i in range(len(ROWS))]
    rows = [f"{name},0.{i + 1},0.2,0.1" for i, name in enumerate(images)]
    (tmp_path / "scores.csv").write_text("\n".join(["path,covid-19,normal,pneumonia", *rows]))
    (tmp_path / "counts.csv").write_text(
        "run,split,label,tn,fp,fn,tp\nprinted,validation,covid-19,3,1,1,2\n"
    )
    rows = [f"{name},ann,{1 + i % 5}" for i, name in enumerate(images[:7])]
    (tmp_path / "readings.csv").write_text("\n".join(["path,reader,rating", *rows]))
    write_brightness_model(tmp_path / "runs" / "usual" / "model.onnx")
    keen = write_brightness_model(
        tmp_path / "runs" / "keen" / "model.onnx", (0.1, -0.02, -0.1), (-8.0, 1.0, 4.0)
    )
    (keen.parent / "run.json").write_text(
        json.dumps({"schema": "covidreport.run/1", "hyperparameters": {"loss": "bce"}})
    )
    return tmp_path


def test_examples_run_whatever_stands_in_the_run_folders(project, covidreport):
    """By hand: `usual` calls what is brighter than 100: one of one in training, two of three in
    validation; what is stored beside that changes none of it."""
    for state, words in STATES.items():
        failing = state == "a run that fails"
        if failing:
            (project / "runs" / "bad").mkdir()
            (project / "runs" / "bad" / "model.onnx").write_bytes(b"no model")
        done = covidreport(*words.split())
        assert done.code == (3 if failing else 0), (state, done.err)
        names = run_blocks("notebook.md")
        drop = names["wide"]["drop"]
        if state == "evaluated":
            assert math.isnan(drop["usual"])
        else:
            assert drop["usual"] == pytest.approx(1 / 3), state
            assert drop["keen"] == 0, state
        beside = names["beside"].set_index("run")
        assert beside["hyperparameters.loss"]["keen"] == "bce", state
        assert pd.isna(beside["hyperparameters.loss"]["usual"]), state
    run_blocks("python.md")
    assert (project / "report.html").exists()
