"""Makes the run folders of examples/study-2020 from the tables of the reference study.

    python examples/make_study_2020.py REFERENCE OUTPUT

REFERENCE holds experiments.csv, confusion.csv and history.csv; OUTPUT must not exist yet. The
folders are in the repository: this script is kept to show where each of their figures is from.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from covidreport.evaluate.import_counts import import_counts
from covidreport.records import Epoch
from covidreport.store import write_history, write_run

Row = Mapping[str, str]

HEADS = {
    "vgg16": "the 1000-way classifier kept, ReLU, linear 3",
    "resnet18": "linear 512, ReLU, linear 3",
}
NAMES = {"vgg16": "VGG16", "resnet18": "ResNet18"}
AUGMENTATION = "rotation up to 30 degrees, random resized crop to 224 (bicubic), horizontal flip"
REPLACED = {"16": ["fc"], "18": ["fc"]}
"""The layers that experiments froze and then replaced: nothing of them was frozen."""


def main(reference: Path, output: Path) -> None:
    """Write one run folder for each experiment of `reference` under `output`."""
    if output.exists():
        raise SystemExit(f"{output} is there already: move it away first")
    experiments = {row["experiment"]: row for row in read_table(reference / "experiments.csv")}
    counts = read_table(reference / "confusion.csv")
    history = read_table(reference / "history.csv")
    names = {number: name_run(row) for number, row in experiments.items()}
    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "confusion.csv"
        rows = [{"run": names[row["experiment"]], **row} for row in counts]
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        import_counts(table, output, dataset="study-2020", target="covid-19", threshold=0.5)
    for number, row in experiments.items():
        folder = output / names[number]
        printed = {count["in_report"] for count in counts if count["experiment"] == number}
        write_run(folder, describe_run(row, in_report=printed == {"yes"}))
        write_history(
            folder, [read_epoch(epoch) for epoch in history if epoch["experiment"] == number]
        )


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def list_frozen(row: Row) -> list[str]:
    """The layers that were really frozen."""
    return [] if row["experiment"] in REPLACED else row["frozen"].split()


def name_run(row: Row) -> str:
    """Such as exp15-vgg16-bce-frozen."""
    parts = [f"exp{row['experiment']}", row["architecture"], row["loss"]]
    return "-".join([*parts, "frozen"] if list_frozen(row) else parts)


def describe_run(row: Row, *, in_report: bool) -> dict[str, Any]:
    """The settings of run.json: what was really run, and what the study printed of it."""
    number = row["experiment"]
    return {
        "name": name_run(row),
        "experiment": number,
        "block": row["block"],
        "description": describe_in_words(row),
        "in_report": in_report,
        "hyperparameters": list_hyperparameters(row),
        "seed": None,
        "started_from": {"weights": "imagenet"},
        "data": {
            "name": "study-2020",
            "labels": ["covid-19", "normal", "pneumonia"],
            "splits": ["train", "validation"],
            "augmentation": AUGMENTATION,
            "validation_augmentation": AUGMENTATION,
        },
        "published": describe_published(row),
        "status": "published",
    }


def list_hyperparameters(row: Row) -> dict[str, Any]:
    """The settings as they were really run; what an experiment does not have is left out."""
    found: dict[str, Any] = {"architecture": row["architecture"], "loss": row["loss"]}
    for key in ("gamma", "alpha"):
        if row[key]:
            found[key] = float(row[key])
    found |= {"optimizer": row["optimizer"], "learning_rate": float(row["learning_rate"])}
    if row["momentum"]:
        found["momentum"] = float(row["momentum"])
    found |= {
        "epochs": int(row["epochs"]),
        "batch_size": 8,
        "image_size": 224,
        "head": HEADS[row["architecture"]],
        "frozen": list_frozen(row),
    }
    if row["experiment"] in REPLACED:
        found["frozen_without_effect"] = REPLACED[row["experiment"]]
    return found


def describe_in_words(row: Row) -> str:
    """One sentence on what the experiment ran."""
    if row["loss"] == "focal":
        loss = (
            f"the study's own form of the focal loss (gamma {row['gamma']}, alpha {row['alpha']})"
        )
    else:
        loss = "binary cross entropy"
    momentum = f", momentum {row['momentum']}" if row["momentum"] else ""
    optimizer = {"sgd": "SGD", "adam": "Adam"}[row["optimizer"]]
    text = (
        f"{NAMES[row['architecture']]} with {loss}, {optimizer} at {row['learning_rate']}"
        f"{momentum}, {row['epochs']} epochs"
    )
    layers = list_frozen(row)
    if layers:
        numbers = ", ".join(layer.removeprefix("features.") for layer in layers)
        return f"{text}; layers {numbers} of its features frozen"
    if row["experiment"] in REPLACED:
        return f"{text}; meant to be frozen, but the frozen layer was replaced: nothing was"
    return text


def describe_published(row: Row) -> dict[str, Any]:
    """The comparison table's figures as fractions, and what the study's texts name."""
    figures: dict[str, Any] = {}
    for split in ("train", "validation"):
        figures[f"{split}_accuracy"] = float(Decimal(row[f"table_{split}_accuracy"]) / 100)
        figures[f"{split}_f1"] = float(row[f"table_{split}_f1"])
    places = {"table": row["report_table_says"], "section": row["report_section_says"]}
    return {
        **figures,
        "decimals": {"accuracy": 4, "f1": 3},
        "rounding": "cut",
        "named": {
            place: {"text": text, "hyperparameters": read_claims(text)}
            for place, text in places.items()
            if text
        },
    }


def read_claims(text: str) -> dict[str, Any]:
    """The hyperparameters that a text of the study names, such as "VGG FLoss"."""
    claims: dict[str, Any] = {}
    if found := re.search(r"VGG|Res", text):
        claims["architecture"] = {"VGG": "vgg16", "Res": "resnet18"}[found.group()]
    if re.search(r"BCE|binary cross entropy", text):
        claims["loss"] = "bce"
    elif re.search(r"focal loss|floss", text, re.IGNORECASE):
        claims["loss"] = "focal"
    if "Adam" in text:
        claims["optimizer"] = "adam"
    for word, key in (("lr", "learning_rate"), ("gamma", "gamma"), ("alpha", "alpha")):
        if found := re.search(rf"\b{word} ?(\d[\d.e-]*)", text):
            claims[key] = float(found.group(1))
    return claims


def read_epoch(row: Row) -> Epoch:
    """One epoch: percentages become fractions, and the one loss is that of the last batch."""
    columns = ("train_accuracy", "validation_accuracy")
    values: dict[str, float | None] = {
        column: float(Decimal(row[column]) / 100) if row[column] else None for column in columns
    }
    if row["last_batch_loss"]:
        values["last_batch_loss"] = float(row["last_batch_loss"])
    return Epoch(int(row["epoch"]), values)


def read_arguments(arguments: Sequence[str]) -> tuple[Path, Path]:
    """REFERENCE and OUTPUT, or the usage."""
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    return Path(arguments[0]), Path(arguments[1])


if __name__ == "__main__":
    main(*read_arguments(sys.argv[1:]))
