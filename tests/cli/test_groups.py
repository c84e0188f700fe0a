"""docs/groups.md: its commands run, and a weak spot that was planted stands in the report."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from covidreport.evaluate.scored import list_measured
from covidreport.records import Measured, PixelSpec
from covidreport.store import SCORES_FILE, read_scores
from tests.cli.command import ROOT, run_command, write_model
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

MANIFEST = Path(os.environ.get("COVIDREPORT_CXR", ROOT.parent / "shared/data/cxr")) / "manifest.csv"
PAGE = (ROOT / "docs" / "groups.md").read_text(encoding="utf-8")


def _write(folder):
    """Sixteen of 40 cases are darker than what the model calls covid-19, ten of each sex."""
    rows = [(70 + 2 * i, "covid-19", "validation") for i in range(40)]
    rows += [(20 + i, "normal", "validation") for i in range(20)]
    manifest = write_flat_dataset(folder / "data", rows)
    with manifest.open(newline="") as file:
        header, *lines = csv.reader(file)
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, "sex"])
        writer.writerows([*line, "FM"[i % 2]] for i, line in enumerate(lines))
    write_model(folder / "runs" / "one", 101)
    return folder


def test_the_commands_of_the_page_run_and_name_the_dark_cases(tmp_path):
    """The model looks at brightness alone: the spot is the dark cases, cut at the nearest eighth of
    them, and what pictures are like stands with their scores."""
    _write(tmp_path)
    (block,) = re.findall(r"```sh\n(covidreport evaluate.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        done = run_command(tmp_path, *shlex.split(line.partition("#")[0])[1:])
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert "Brightness at most" in (tmp_path / "report.html").read_text()
    done = run_command(tmp_path, "render", "runs", "--format", "json", "--output", "report.json")
    assert done.returncode == 0, done.stderr
    spot = json.loads((tmp_path / "report.json").read_text())["weak_spots"]["spots"][0]
    assert spot["cuts"][0]["trait"] == "brightness"
    assert spot["inside"]["value"] == 0
    assert spot["outside"]["value"] >= 0.95
    (file,) = (tmp_path / "runs" / "one" / "evaluations").glob(f"*/{SCORES_FILE}")
    pictures = read_scores(file).pictures
    assert pictures is not None
    rows = [70 + 2 * i for i in range(40)] + [20 + i for i in range(20)]
    wanted = list_measured([Measured(each, 0.0, 0.0, 1.0, 12, 20) for each in rows])
    assert wanted is not None
    assert np.array_equal(pictures, wanted)


@pytest.mark.skipif(not MANIFEST.is_file(), reason="no radiographs: set COVIDREPORT_CXR")
def test_on_radiographs_a_model_of_brightness_misses_the_dark_ones(tmp_path):
    """70 cases of the training split; nobody names brightness, and it is the first cut."""
    write_brightness_model(
        tmp_path / "runs" / "dim" / "model.onnx", offsets=(-12.5, 12.5, -1.0),
        pixels=PixelSpec(32, 32),
    )  # fmt: skip
    (tmp_path / "covidreport.toml").write_text("specificity_floor = 0.05\n")
    for words in (
        ["evaluate", "runs", "--data", MANIFEST, "--split", "train"],
        ["render", "runs", "--split", "train", "--format", "json", "--output", "report.json"],
    ):
        done = run_command(tmp_path, *words)
        assert done.returncode == 0, done.stderr
    spot = json.loads((tmp_path / "report.json").read_text())["weak_spots"]["spots"][0]
    assert "brightness" in [cut["trait"] for cut in spot["cuts"] if cut["most"] is not None]
    assert spot["inside"]["value"] < 0.5 < 0.9 < spot["outside"]["value"]
