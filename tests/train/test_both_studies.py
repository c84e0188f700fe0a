"""The 36 runs of the study of 2020, as they were run and corrected, with the smallest network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from covidreport.api import evaluate_runs, load
from covidreport.evaluate.options import EvaluateOptions
from train.command import FitOptions, run_fit
from train.sampling import draw_images as draw_rows

from .conftest import draw_images, read_json

SMALL = {
    "architecture": "tiny", "head": "plain", "frozen": [], "allow_ineffective_freeze": False,
    "weights": "none", "epochs": 1, "image_size": 32, "images": 18,
}  # fmt: skip
"""In place of what needs a card: `frozen` names layers that this network has not."""
STUDIES = ("2020-as-run", "2020-corrected")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Both fitted on 18 of 24 images, in one folder."""
    folder = tmp_path_factory.mktemp("both")
    manifest = draw_images(folder / "data", {"train": 24, "validation": 15})
    for name in STUDIES:
        options = FitOptions(
            name, data=manifest, out=folder / "runs", overrides=SMALL, device="cpu", workers=1,
            keep_weights=False,
        )  # fmt: skip
        assert run_fit(options) == 0
    return folder


def test_all_36_are_fitted_on_the_same_images(study):
    """Under another label convention: 6 of 18 are covid-19, and as they were run 12."""
    runs = [read_json(path) for path in sorted((study / "runs").glob("*/run.json"))]

    assert len(runs) == 36
    trained = [(run["study"], run["data"]["splits"]["train"]) for run in runs]
    positives = {(name, split["positives"]["covid-19"]) for name, split in trained}
    assert positives == {("2020-as-run", 12), ("2020-corrected", 6)}
    assert {split["images"] for _, split in trained} == {18}
    assert all(run["overrides"]["images"] == 18 for run in runs)


def test_the_report_has_each_experiment_as_it_was_run_and_corrected(study):
    """With what was changed in all of them, and in some."""
    options = EvaluateOptions(data=study / "data" / "manifest.csv", split="validation")
    evaluate_runs(study / "runs", options=options)
    (studies,) = json.loads(load(study / "runs").to_text("json"))["paired_studies"]

    assert (studies["first"], studies["second"]) == STUDIES
    assert [each["experiment"] for each in studies["pairs"]] == [str(n) for n in range(1, 19)]
    assert studies["changed"] == {
        "train_labels": ["pneumonia-counts-as-covid-19", "as-given"],
        "validation_augmentation": ["study-2020", "none"],
    }
    changed = {each["experiment"]: each["changed"] for each in studies["pairs"]}
    assert changed["1"] == {"loss": ["batch-mean-log-focal-as-run", "focal"]}
    assert changed["2"] == {}
    assert all(each["sensitivity"]["correction"] == "holm over 18" for each in studies["pairs"])
    assert studies["alone"] == []


@pytest.mark.parametrize(
    ("most", "counts"), [(4, (1, 1, 2)), (6, (1, 1, 4)), (2, (0, 0, 2)), (60, (3, 7, 50))]
)
def test_training_images_are_drawn_with_the_shares_of_their_labels(most, counts):
    """Of 60: 3 covid-19, 7 both, 50 neither; one of each at least where there is room for it."""
    truth = np.repeat([[1, 0], [1, 1], [0, 0]], [3, 7, 50], axis=0).astype(np.int8)
    rows = draw_rows(truth, most, seed=4)

    assert tuple(np.bincount(np.repeat([0, 1, 2], [3, 7, 50])[rows], minlength=3)) == counts
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert rows.tolist() == draw_rows(truth, most, seed=4).tolist()
    if most < 60:
        assert rows.tolist() != draw_rows(truth, most, seed=5).tolist()
