"""A dozen real radiographs, changed and made foreign, before a model that looks at their mean."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from covidreport.records import AS_IS, FOREIGN_CHANGES, PixelSpec
from covidreport.store import SCORES_FILE, read_scores
from tests.onnx_models import LABELS, write_brightness_model

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
SIDE, EACH = 48, 6
DARK = 120
"""What is darker in the mean is called covid-19."""
RIM = np.ones((SIDE, SIDE), bool)
RIM[5:43, 5:43] = False  # 0.8 of 48 are 38


def _take_images(folder):
    """Six with covid-19 and six without, of the validation split, in a manifest."""
    with (CXR / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "validation"]
    chosen = [row for sick in "10" for row in [r for r in rows if r["covid-19"] == sick][:EACH]]
    folder.mkdir()
    (folder / "images").symlink_to(CXR / "images")
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", *LABELS, "split"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(chosen)
    return {row["path"]: row["covid-19"] == "1" for row in chosen}


def _shrink(path):
    with Image.open(CXR / path) as opened:
        return opened.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def _mean(picture):
    return float(np.asarray(picture, float).mean())


@pytest.mark.skipif(not (CXR / "manifest.csv").is_file(), reason="set COVIDREPORT_CXR")
def test_on_radiographs_each_change_does_what_the_mean_says(tmp_path, covidreport):
    """Inversion gives 255 less the mean, mirrors and turns keep it, a black middle leaves that of
    the rim: each picture's score follows, and with the scores every count. A model that is blind
    answers the same to everything."""
    images = _take_images(tmp_path / "data")
    pixels = PixelSpec(SIDE, SIDE)
    for name, slope in (("dark", 0.5), ("blind", 0.0)):
        write_brightness_model(
            tmp_path / "runs" / name / "model.onnx", (-slope, slope, 0.0),
            (slope * DARK - 0.001, -slope * DARK, -9), pixels=pixels,
        )  # fmt: skip
    done = covidreport(
        "evaluate", "--data", "data/manifest.csv", "--split", "validation", "--provider", "cpu",
        "--foreign", "--disturb-kind", "inversion", "--disturb-kind", "jpeg",
        "--disturb-severity", "1",
    )  # fmt: skip
    assert done.code == 0, done.err

    small = {path: _shrink(path) for path in images}
    as_is = {path: _mean(picture) for path, picture in small.items()}
    wanted = {
        AS_IS.name: as_is,
        "inversion": {path: _mean(ImageOps.invert(picture)) for path, picture in small.items()},
        **dict.fromkeys(("jpeg-1", "turned-90", "turned-180", "mirrored"), as_is),
        "lungs-black": {path: _mean(np.asarray(each) * RIM) for path, each in small.items()},
    }
    means: dict[str, dict[str, float]] = {}
    for variant in ("disturb", "foreign"):
        folder = tmp_path / "runs" / "dark" / "evaluations" / f"data-validation-{variant}"
        scores = read_scores(folder / SCORES_FILE)
        for name, score in zip(scores.sample_ids, scores.scores[:, 0].tolist(), strict=True):
            path, _, tag = name.removesuffix("]").rpartition(" [")
            means.setdefault(tag, {})[path] = DARK - 0.002 - score / 0.5
    for tag, of in wanted.items():
        assert means[tag] == pytest.approx({path: of[path] for path in means[tag]}, abs=1), tag

    said = covidreport("render", "--format", "json", "--output", "-")
    report = json.loads(said.out)
    called = {tag: {path for path, m in of.items() if m < DARK} for tag, of in means.items()}
    sick, well = ({path for path in images if images[path] is truth} for truth in (True, False))
    runs = {each["run"]: each for each in report["foreign"]}
    counted = {kind["name"]: kind["called"]["numerator"] for kind in runs["dark"]["kinds"]}
    assert counted == {tag: len(called[tag] & well) for tag in (AS_IS.name, *FOREIGN_CHANGES)}
    assert counted["lungs-black"] == EACH > counted["mirrored"] == counted[AS_IS.name]
    assert all(kind["called"]["numerator"] == 0 for kind in runs["blind"]["kinds"])
    lost = {each["run"]: each["positives"]["changes"] for each in report["disturbed"]}
    found = {each["first"]: (each["only_first"], each["only_second"]) for each in lost["dark"]}
    for tag in ("jpeg-1", "inversion"):
        before, after = called[AS_IS.name] & sick, called[tag] & sick
        assert found[tag] == (len(before - after), len(after - before))
    assert sum(found["inversion"]) > 0 == sum(found["jpeg-1"])
    assert {(each["only_first"], each["only_second"]) for each in lost["blind"]} == {(0, 0)}
