"""The pages on how to do things: what each says is done word for word, in a folder that has what
the page speaks of. What comes of it in every detail is for the tests of those commands."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.command import ROOT, run_command, write_model
from tests.dataset.published import write_nih
from tests.datasets import write_flat_dataset
from tests.objects import BUCKET, serve_objects
from tests.onnx_models import write_brightness_model
from tests.page_blocks import DOCS, find_blocks, list_commands, run_commands, split_commands
from tests.train.conftest import draw_images

LIMITS = {"a": 90, "b": 105, "new": 100, "old": 110}
SETTINGS = 'data = "data/manifest.csv"\nprovider = "cpu"\n'
STUDY = """\
[[experiment]]
number = 1
architecture = "tiny"
weights = "none"
loss = "bce"
optimizer = "adamw"
learning_rate = 3e-4
epochs = 1
batch_size = 16
image_size = 32
"""


def _write_images(folder: Path) -> Path:
    """84 images of three splits: what is brighter has covid-19, but for a few of each split."""
    rows = []
    for place, split in enumerate(("validation", "tuning", "train")):
        sick = [(grey + place, "covid-19", split) for grey in (80, 95, *range(113, 221, 6))]
        well = [(grey + place, "normal", split) for grey in (20, 30, 40, 50, 116)]
        rows += [*sick, *well, *((grey + place, "pneumonia", split) for grey in (60, 70, 100))]
    patients = [f"p{i}" for i in range(len(rows))]
    return write_flat_dataset(folder, rows, size=(8, 8), patients=patients)


def add_columns(manifest: Path, **columns: Callable[[int], object]) -> None:
    """State more of each image, by its place."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with manifest.open("w", newline="") as file:
        table = csv.DictWriter(file, [*rows[0], *columns])
        table.writeheader()
        for place, row in enumerate(rows):
            table.writerow(row | {name: state(place) for name, state in columns.items()})


def _write_project(folder: Path) -> Path:
    """The folder of most pages: images of which sex and age are known, and four runs, evaluated."""
    manifest = _write_images(folder / "data")
    add_columns(manifest, sex=lambda i: "FM"[i % 2], age=lambda i: 40 + i)
    (folder / "covidreport.toml").write_text(SETTINGS)
    for name, limit in LIMITS.items():
        write_model(folder / "runs" / name, limit)
    done = run_command(folder, "evaluate")
    assert done.returncode == 0, done.stderr
    return folder


def _keep_two(folder: Path) -> None:
    """A ranking takes two runs; what is scored again and again takes the longer the more."""
    for name in ("a", "b"):
        shutil.rmtree(folder / "runs" / name)


def _nothing(folder: Path) -> None:
    """The project is all that the page speaks of."""


def _sample_images(folder: Path) -> None:
    """A column `weight`, as the page has it."""
    add_columns(folder / "data" / "manifest.csv", weight=lambda i: 1 + i % 3)


def _bring_readings(folder: Path) -> None:
    """Ratings in `readings.csv`; beside the images, what three readers said each shows."""
    images = list(csv.DictReader((folder / "data" / "manifest.csv").read_text().splitlines()))
    shown, truth = _block("readers.md", "csv", 0), _block("readers.md", "csv", 1)
    rated, said = [shown.splitlines()[0]], [truth.splitlines()[0]]
    for place, image in enumerate(images):
        for at, reader in enumerate(("ann", "bob", "cy")):
            sick = int(image["covid-19"]) ^ int(place % 5 == at)
            rated.append(f"{image['path']},{reader},{1 + 3 * sick + (place + at) % 2}")
            said.append(f"{image['path']},{reader},{sick}")
    (folder / "readings.csv").write_text("\n".join(rated) + "\n")
    (folder / "data" / "readings.csv").write_text("\n".join(said) + "\n")
    (settings,) = re.findall(r"```toml\n(.*?)```", (DOCS / "readers.md").read_text(), re.S)
    (folder / "covidreport.toml").write_text(f'provider = "cpu"\n{settings}')


def _block(page: str, kind: str, place: int) -> str:
    found = re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(), re.S)
    return str(found[place])


def _take_pictures(folder: Path) -> None:
    """Two folders with pictures that are no frontal radiographs."""
    _keep_two(folder)
    for name in ("lateral", "photos"):
        (folder / name).mkdir()
        for grey in (90, 160):
            Image.new("L", (12, 8), grey).save(folder / name / f"{grey}.png")


def _state_study(folder: Path) -> None:
    """What only the authors of the page's paper know."""
    with (folder / "covidreport.toml").open("a") as file:
        file.write(_block("paper.md", "toml", 0))


def _plan_experiment(folder: Path) -> None:
    """In place of the page's study one that is fitted in seconds, on images that it can learn."""
    for name in ("data", "runs"):
        shutil.rmtree(folder / name)
    draw_images(folder / "data", {"train": 20, "validation": 45})
    (folder / "study.toml").write_text(STUDY)


def _log_elsewhere(folder: Path) -> None:
    """What the packages of Weights & Biases and TensorBoard wrote."""
    logged = ROOT / "tests" / "data" / "trackers"
    shutil.copytree(logged / "wandb", folder / "wandb")
    shutil.copytree(logged / "tensorboard", folder / "lightning_logs")


PREPARED: dict[str, Callable[[Path], None]] = {
    "ci.md": _log_elsewhere,
    "combine.md": _nothing,
    "folds.md": _plan_experiment,
    "foreign.md": _take_pictures,
    "groups.md": _sample_images,
    "maps.md": _nothing,
    "paper.md": _state_study,
    "readers.md": _bring_readings,
    "robustness.md": _keep_two,
    "scale.md": _nothing,
    "train.md": _plan_experiment,
}
"""By page: what is added to the project that it speaks of."""


@pytest.fixture
def project(share, tmp_path):
    """A copy of the project for each page."""
    shutil.copytree(share("how-to", _write_project), tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("page", PREPARED)
def test_what_a_page_says_is_done(project, page):
    """All of it, one command after the other."""
    PREPARED[page](project)
    run_commands(project, list_commands(page))


def test_what_the_page_on_data_says_is_done(project, monkeypatch):
    """Data in an object store, two data sets, and an archive from its folder to a report."""
    stored, several, archive = (
        split_commands(found["text"]) for found in find_blocks("datasets.md")
    )
    with serve_objects(monkeypatch) as store:
        store.put_folder(project / "data", "data")
        assert f"s3://{BUCKET}/data/" in stored[0][4]
        run_commands(project, stored)
        assert list(store.list_below("reports")) == ["validation.html"]
    for name in ("inside", "outside"):
        shutil.copytree(project / "data", project / name)
    run_commands(project, several)

    shutil.rmtree(project / "runs")
    write_nih(project / "ARCHIVE")
    labels = ("pneumonia", "edema", "no finding")
    write_brightness_model(project / "runs" / "a" / "model.onnx", labels=labels)
    (project / "covidreport.toml").unlink()
    run_commands(project, archive)
    assert json.dumps("pneumonia") in (project / "covidreport.toml").read_text()
    assert (project / "report.html").is_file()
