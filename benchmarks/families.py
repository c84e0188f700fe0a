"""Exports a tiny model of each framework as its users export it, with what it answers.

In an environment of its own (`pip install -r benchmarks/families.txt`): `python -m
benchmarks.families --out tests/data/families`; Keras in another (`families-keras.txt`, with
`--only keras`). Weights are random, of a fixed seed. Beside each
model stands what its exporter writes, and in `answers.json` the command that adopts it and the
scores that the framework gives to the three drawn pictures through its own preprocessing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import distributions, version
from pathlib import Path

from benchmarks import family_models as models
from benchmarks.family_models import Made
from benchmarks.random_models import PICTURES, open_picture, strip_notes

LARGEST = 100_000
"""Bytes of a file that is kept."""
NOT_KEPT = ("ultralytics",)
"""Made where they are asked for alone: its exporter writes nothing below 0.1 MiB, and marks what it
writes with a licence of its own, AGPL-3.0."""

FAMILIES: dict[str, tuple[Callable[[Path], Made], tuple[str, ...]]] = {
    "torchvision": (models.make_torchvision, ("torchvision", "torch")),
    "timm": (models.make_timm, ("timm", "torch")),
    "huggingface-vit": (models.make_huggingface_vit, ("transformers", "torch")),
    "huggingface-resnet": (models.make_huggingface_resnet, ("transformers", "torch")),
    "keras": (models.make_keras, ("keras",)),
    "fastai": (models.make_fastai, ("fastai", "torch")),
    "monai": (models.make_monai, ("monai", "torch")),
    "torchxrayvision": (models.make_torchxrayvision, ("torchxrayvision", "torch")),
    "ultralytics": (models.make_ultralytics, ("ultralytics", "torch")),
    "lightning": (models.make_lightning, ("lightning", "torch")),
    "sklearn": (models.make_sklearn, ("scikit-learn", "skl2onnx")),
}
"""By name what makes it, and the packages whose versions made it."""


def make(name: str, out: Path) -> None:
    """One family into its folder, whole or not at all."""
    maker, packages = FAMILIES[name]
    if "torch" in packages:
        import torch

        torch.manual_seed(7)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / name
        folder.mkdir()
        words, answer = maker(folder)
        answers = {
            "adopt": words,
            "versions": {package: version(package) for package in packages},
            "scores": {picture: answer(open_picture(picture)) for picture in PICTURES},
        }
        (folder / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")
        for path in folder.glob("*.onnx"):
            strip_notes(path)
        sizes = {path.name: path.stat().st_size for path in folder.rglob("*")}
        if max(sizes.values()) > LARGEST and name not in NOT_KEPT:
            raise ValueError(f"{name}: a file is above {LARGEST} bytes: {sizes}")
        shutil.rmtree(out / name, ignore_errors=True)
        shutil.copytree(folder, out / name)
    print(f"{name}: {sizes}\n  {answers['scores']}", flush=True)


def list_installed() -> list[str]:
    """The families whose packages are here; of the others it is said that they are left out."""
    found = []
    for name, (_, packages) in FAMILIES.items():
        lacking = [each for each in packages if not any(distributions(name=each))]
        if lacking:
            print(f"{name}: left out, {', '.join(lacking)} is not installed here", flush=True)
        elif name not in NOT_KEPT:
            found.append(name)
    return found


def main() -> None:
    """Each in a process of its own: one that fails stops no other."""
    parser = argparse.ArgumentParser(description="Export a tiny model of each framework.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=FAMILIES, action="append")
    parser.add_argument("--here", choices=FAMILIES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        make(arguments.here, arguments.out)
        return
    failed = []
    for name in arguments.only or list_installed():
        words = ["-m", "benchmarks.families", "--out", str(arguments.out), "--here", name]
        if subprocess.run([sys.executable, *words], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


if __name__ == "__main__":
    main()
