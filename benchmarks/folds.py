"""The same three configurations once with one split and once with five folds: how much is known.

    python -m benchmarks.folds
    COVIDREPORT_CXR=data/cxr python -m benchmarks.folds

Radiographs are drawn, and three small networks are fitted on their training split once a fold, and
evaluated, by the commands that a user types. One split is the first fold: the model that was fitted
without it, and what it answers there. Five folds are all of them: the same images and recipes, and
five times the positives. Where COVIDREPORT_CXR names a folder of real radiographs, the same on
those. Nothing is said of which is the better recipe: what differs is how wide the interval is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FOLDS = 5
STUDY = """
name = "folds"
labels = ["covid-19", "normal", "pneumonia"]
target = "covid-19"

[defaults]
architecture = "tiny"
weights = "none"
optimizer = "adam"
learning_rate = 5e-3
schedule = "cosine"
batch_size = 16
image_size = 64
loss = "bce"
positive_weight = "balanced"

[[experiment]]
number = 1
name = "bce-balanced"
block = "1"

[[experiment]]
number = 2
name = "focal"
block = "1"
loss = "focal"
gamma = 2
alpha = 0.75
positive_weight = 1

[[experiment]]
number = 3
name = "bce-balanced-slow"
block = "1"
learning_rate = 1e-3
"""


def run_command(module: str, *words: str | Path) -> str:
    """What a command of ours printed; its messages are shown where it fails."""
    command = [sys.executable, "-c", f"from {module} import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def copy_real(source: Path, folder: Path) -> Path:
    """Their manifest, which gets a column, beside a link to their images."""
    folder.mkdir()
    (folder / "images").symlink_to(source.resolve() / "images")
    return Path(shutil.copy(source / "manifest.csv", folder))


def compare(name: str, manifest: Path, folder: Path, epochs: int) -> None:
    """Fit, evaluate, and print a row for each configuration."""
    study, runs = folder / "study.toml", folder / "runs"
    study.write_text(STUDY)
    common = ("--study", study, "--data", manifest, "--epochs", str(epochs))
    known = ("--ignore", "shortcut-attributes")  # the source of real images tells the label
    run_command("train.cli", "fit", *common, *known, "--out", runs, "--folds", str(FOLDS))
    words = (runs, "--data", manifest, "--split", "train", "--provider", "cpu")
    run_command("covidreport.cli", "evaluate", *words)
    for place in sorted(runs.glob("*-fold1")):
        evaluations = place / "evaluations"
        one, five = (read_figures(evaluations / f"data-{split}") for split in ("train", "folds"))
        ratio = width(five) / width(one)
        run = place.name.removesuffix("-fold1")
        print(f"| {name} | {run} | {describe(one)} | {describe(five)} | {ratio:.2f} |")


def read_figures(folder: Path) -> dict[str, Any]:
    """The sensitivity for covid-19 as stored: value, interval, numerator and denominator."""
    document = json.loads((folder / "evaluation.json").read_text())
    found: dict[str, Any] = document["estimates"]["covid-19"]["sensitivity"]
    return found


def width(estimate: dict[str, Any]) -> float:
    """Of the interval of sensitivity."""
    return float(estimate["high"] - estimate["low"])


def describe(estimate: dict[str, Any]) -> str:
    """Missed of positives, with the interval of the share that is missed."""
    missed, low, high = (
        estimate["denominator"] - estimate["numerator"],
        1 - estimate["high"],
        1 - estimate["low"],
    )
    return f"{missed} of {estimate['denominator']} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    began = time.perf_counter()
    print("| radiographs | configuration | one split: missed | five folds: missed | width |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "drawn").mkdir()
        data = folder / "drawn" / "data"
        run_command("train.cli", "draw", "--out", data)
        compare("drawn", data / "manifest.csv", folder / "drawn", options.epochs)
        real = os.environ.get("COVIDREPORT_CXR")
        if real:
            (folder / "real").mkdir()
            manifest = copy_real(Path(real), folder / "real" / "data")
            compare("real", manifest, folder / "real", options.epochs)
    print(f"\n{time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
