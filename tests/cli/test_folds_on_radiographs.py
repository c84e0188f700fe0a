"""Folds on radiographs, drawn and real: every positive counts once, whatever the order of folds."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidreport.records import PixelSpec
from covidreport.store import read_scores, write_run
from tests.onnx_models import LABELS, write_brightness_model
from train.synthetic.dataset import Drawing, draw_dataset

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
FOLDS = ("1", "2", "3", "4", "5")
ORDERS = ((0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 4, 0, 3, 1))
PARTS = ("tp", "fn", "fp", "tn", "failed_positive", "failed_negative", "unknown")


def draw_images(folder):
    """Sixty radiographs as the demo has them, all of one split."""
    draw_dataset(folder, Drawing(images=60, size=128), jobs=1)
    return list(read_rows(folder))


def take_real_images(folder):
    """All real COVID-19 radiographs and every tenth of the others."""
    if not (CXR / "manifest.csv").is_file():
        pytest.skip("no radiographs: set COVIDREPORT_CXR to their folder")
    folder.mkdir()
    (folder / "images").symlink_to(CXR / "images")
    rows = read_rows(CXR)
    others = [row for row in rows if row["covid-19"] == "0"]
    return [*(row for row in rows if row["covid-19"] == "1"), *others[::10]]


def read_rows(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(params=[draw_images, take_real_images], ids=["drawn", "real"])
def images(request, tmp_path, covidreport):
    """A manifest with folds by patient, and how bright its images are on the whole."""
    rows = request.param(tmp_path / "data")
    with (tmp_path / "data/manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"split": "train"} for row in rows)
    assert covidreport("split", "data/manifest.csv", "--folds", "5").code == 0
    (tmp_path / "covidreport.toml").write_text(
        'data = "data/manifest.csv"\nsplit = "train"\nprovider = "cpu"\n'
    )
    few = [Image.open(tmp_path / "data" / row["path"]).convert("L") for row in rows[::5]]
    return tmp_path, float(np.mean([np.asarray(image.resize((32, 32))) for image in few]))


def write_models(folder, bright):
    """A model for each fold, each with a limit of its own, and a scale of its own."""
    for at, fold in enumerate(FOLDS):
        run = folder / f"dim-{fold}"
        limit, slope = bright + 6 * (at - 2), 0.05 + 0.02 * at
        write_brightness_model(
            run / "model.onnx", (slope, -slope, 0.01), (-slope * limit, slope * limit, -1.0),
            pixels=PixelSpec(32, 32),
        )  # fmt: skip
        write_run(run, {"name": f"dim-{fold}", "configuration": "dim", "fold": fold})


def test_every_positive_counts_once_whatever_the_order_of_folds(covidreport, images):
    """Counts are those of the manifest and of the folds; files are the same, byte for byte."""
    root, bright = images
    write_models(root / "first", bright)
    rows = read_rows(root / "data")
    stored = []
    for number, order in enumerate(ORDERS):
        for place, at in enumerate(order):  # folders sort, and are named, in this order
            run = root / f"order{number}" / f"{place}"
            shutil.copytree(root / "first" / f"dim-{FOLDS[at]}", run)
        runs = [root / f"order{number}" / f"{place}" for place in range(5)]
        done = covidreport("evaluate", *runs, "--json")
        assert done.code == 0, done.err
        folder = root / f"order{number}" / f"{order.index(0)}" / "evaluations/data-folds"
        document = json.loads((folder / "evaluation.json").read_text())
        assert document.pop("timing")
        stored.append(
            ((folder / "scores.parquet").read_bytes(), json.dumps(document), describe(done))
        )
        scores = read_scores(folder / "scores.parquet")
        assert Counter(scores.sample_ids) == Counter(row["path"] for row in rows)
        assert dict(zip(scores.sample_ids, scores.folds or (), strict=True)) == {
            row["path"]: row["fold"] for row in rows
        }
        singles = [
            json.loads((run / "evaluations/data-train/evaluation.json").read_text())["counts"]
            for run in runs
        ]
        for label in LABELS:
            counts = document["counts"][label]
            assert {part: counts[part] for part in PARTS} == {
                part: sum(single[label][part] for single in singles) for part in PARTS
            }
            positives = sum(row[label] == "1" for row in rows)
            assert counts["tp"] + counts["fn"] + counts["failed_positive"] == positives
            assert sum(counts[part] for part in PARTS) == len(rows)
    assert document["counts"]["covid-19"]["tp"] > 0
    assert stored[0] == stored[1] == stored[2]


def describe(done):
    """The rankings that were printed."""
    return json.loads(done.out)["rankings"]
