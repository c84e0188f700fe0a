"""Recomputes a report's figures from scores.parquet with pandas and scikit-learn alone.

Knows nothing of covidreport. As a script: `python -m tests.recompute report.json runs/` compares
every figure of a report with its own and prints how many agree.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    f1_score,
    roc_auc_score,
)

TOLERANCE = 1e-9


def recompute(parquet: Path, thresholds: dict[str, float]) -> dict[str, dict[str, float | None]]:
    """Counts and figures by label, and over all labels under `""`; every image must be scored."""
    table = pd.read_parquet(parquet)
    labels = [name.removeprefix("truth.") for name in table.columns if name.startswith("truth.")]
    truth = table[[f"truth.{label}" for label in labels]].to_numpy().astype(int)
    scores = table[[f"score.{label}" for label in labels]].to_numpy().astype(float)
    cuts = [math.log(thresholds[label] / (1 - thresholds[label])) for label in labels]
    predicted = (scores > cuts).astype(int)
    figures: dict[str, dict[str, float | None]] = {}
    for k, label in enumerate(labels):
        tn, fp, fn, tp = confusion_matrix(truth[:, k], predicted[:, k], labels=[0, 1]).ravel()
        both = 0 < truth[:, k].sum() < len(truth)
        figures[label] = {
            "tn": int(tn), "fp": int(fp), "fn": int(fn), "tp": int(tp),
            "sensitivity": tp / (tp + fn) if tp + fn else None,
            "specificity": tn / (tn + fp) if tn + fp else None,
            "ppv": tp / (tp + fp) if tp + fp else None,
            "npv": tn / (tn + fn) if tn + fn else None,
            "f1": f1_score(truth[:, k], predicted[:, k]) if tp + fp + fn else None,
            "accuracy": accuracy_score(truth[:, k], predicted[:, k]),
            "roc_auc": roc_auc_score(truth[:, k], scores[:, k]) if both else None,
            "average_precision": (
                average_precision_score(truth[:, k], scores[:, k]) if both else None
            ),
        }  # fmt: skip
    figures[""] = {
        "micro_f1": f1_score(truth, predicted, average="micro"),
        "label_accuracy": float((truth == predicted).mean()),
        "exact_match": accuracy_score(truth, predicted),
    }
    return figures


def compare(evaluation: dict, figures: dict[str, dict[str, float | None]]) -> tuple[int, list[str]]:
    """How many figures agree with an evaluation's, and those that don't."""
    agree, differ = 0, []
    for label, values in figures.items():
        for name, value in values.items():
            if name in ("tn", "fp", "fn", "tp"):
                ours = evaluation["counts"][label][name]
            else:
                ours = evaluation["estimates"][label][name]["value"]
            if ours == value or (
                ours is not None and value is not None and abs(ours - value) < TOLERANCE
            ):
                agree += 1
            else:
                differ.append(f"{label or 'all'} {name}: report {ours}, recomputed {value}")
    return agree, differ


def compare_report(report: Path, runs: Path) -> tuple[int, list[str]]:
    """Every evaluated run of a JSON report against its own scores."""
    agree, differ = 0, []
    for run in json.loads(report.read_text())["runs"]:
        folders = {json.loads(p.read_text())["name"]: p.parent for p in runs.rglob("run.json")}
        for evaluation in [run["evaluation"], *run["others"]]:
            if evaluation is None:
                continue
            folder = folders.get(run["run"]["name"], runs / run["run"]["name"]) / "evaluations"
            key = f"{evaluation['dataset']}-{evaluation['split']}"
            figures = recompute(folder / key / "scores.parquet", evaluation["thresholds"])
            same, other = compare(evaluation, figures)
            agree += same
            differ += [f"{run['run']['name']}: {line}" for line in other]
    return agree, differ


if __name__ == "__main__":
    agreed, differing = compare_report(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write("\n".join([*differing, f"{agreed} figures agree, {len(differing)} differ\n"]))
    sys.exit(bool(differing))
