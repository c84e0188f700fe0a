"""`covidreport cache`: the table of its kinds is what commands really write."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from covidreport.storage.cache import KINDS
from covidreport.storage.cache_folder import list_entries
from tests.cli.command import ROOT, write_model
from tests.datasets import LABELS
from tests.images.radiographs import radiograph

ON_CARDS = {"engines", "fp16-models"}
"""What `tests/inference` writes: no evaluation on a CPU has any."""
CASES = [(120, "covid-19"), (110, "covid-19"), (90, "covid-19"), (105, "normal"), (20, "normal")]


def _write_study(folder: Path) -> None:
    """DICOM files of two hospitals that a manifest names, and two configurations of two seeds."""
    (folder / "data").mkdir()
    rows = []
    for i, (value, label) in enumerate(CASES):
        pixels = np.full((24, 32), value, np.uint8)
        (folder / "data" / f"{i}.dcm").write_bytes(radiograph(pixels, 8, PatientID=f"patient {i}"))
        truth = (int(label == name) for name in LABELS)
        rows.append([f"{i}.dcm", "validation", *truth, "north" if i % 2 else "south"])
    with (folder / "data" / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "split", *LABELS, "hospital"], *rows])
    for rate, limits in {"0.1": (85, 100), "0.2": (95, 115)}.items():
        for seed, limit in enumerate(limits):
            run = folder / "runs" / f"rate-{rate}-{seed}"
            write_model(run, limit)
            document = {
                "schema": "covidreport.run/1",
                "hyperparameters": {"learning_rate": float(rate), "seed": seed},
            }
            (run / "run.json").write_text(json.dumps(document))


@pytest.mark.trial
def test_commands_write_the_kinds_of_the_table_and_no_other(covidreport, tmp_path):
    """Evaluate, render, gate and audit; and `cache info` lists what there is."""
    _write_study(tmp_path)
    data = ("--data", "data/manifest.csv")
    evaluated = covidreport("evaluate", "runs", *data, "--provider", "cpu")
    assert evaluated.code == 0, evaluated.err
    page = ("--format", "html", "--output", "report.html")
    rendered = covidreport("render", "runs", *page, "--site", "hospital")
    assert rendered.code == 0, rendered.err
    gated = covidreport("gate", "runs/rate-0.1-0", "--limit", "missed<=3")
    assert gated.code == 0, gated.out + gated.err
    assert covidreport("audit", *data).code in (0, 1)

    written = {entry.kind for entry in list_entries()}

    assert written == set(KINDS) - ON_CARDS - {
        "trials",
        "truths",
        "weighted",
        "paired-studies",
        "stored-runs",
    }  # made by `train`; of several readers; of runs in an object store
    told = covidreport("cache", "info").out
    assert all(f"\n{name} " in told and kind.what in told for name, kind in KINDS.items())
    document = json.loads(covidreport("cache", "info", "--json").out)
    assert {each["kind"] for each in document["kinds"]} == set(KINDS)
    assert {each["kind"] for each in document["entries"]} == written
    assert "entries deleted" in covidreport("cache", "clear").out
    assert list_entries() == ()


def test_the_table_says_which_room_makes_what():
    """A kind is named by one room alone, beside the table."""
    table = ROOT / "covidreport" / "storage" / "cache.py"
    files = [
        file
        for folder in ("covidreport", "train")
        for file in (ROOT / folder).rglob("*.py")
        if file != table
    ]
    texts = {file: file.read_text() for file in files}
    for name, kind in KINDS.items():
        calls = re.compile(rf'KIND = "{name}"|(cached|make_once)\(\s*"{name}"')
        rooms = {
            file.relative_to(ROOT).parts[0 if file.is_relative_to(ROOT / "train") else 1]
            for file, text in texts.items()
            if calls.search(text)
        }
        assert rooms == {kind.room}, name
