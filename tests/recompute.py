"""Recomputes a report's figures from scores.parquet with pandas and scikit-learn alone.

Knows nothing of covidreport. As a script: `python -m tests.recompute report.json runs/` compares
every figure of a report with its own and prints how many agree.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
    roc_curve,
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
            "prevalence": float(truth[:, k].mean()),
            "balanced_accuracy": (
                balanced_accuracy_score(truth[:, k], predicted[:, k]) if both else None
            ),
            "mcc": (
                matthews_corrcoef(truth[:, k], predicted[:, k])
                if both and 0 < predicted[:, k].sum() < len(truth)
                else None
            ),
            "brier": brier_score_loss(truth[:, k], 1 / (1 + np.exp(-scores[:, k]))),
            "positive_likelihood_ratio": (
                (tp / (tp + fn)) / (fp / (tn + fp)) if both and fp else None
            ),
            "sensitivity_at_0.9": (
                best_sensitivity(truth[:, k], scores[:, k], 0.9) if both else None
            ),
            "roc_auc": roc_auc_score(truth[:, k], scores[:, k]) if both else None,
            "average_precision": (
                average_precision_score(truth[:, k], scores[:, k]) if both else None
            ),
        }  # fmt: skip
    figures[""] = {
        "micro_f1": f1_score(truth, predicted, average="micro"),
        "macro_f1": float(np.mean([figures[label]["f1"] for label in labels]))
        if all(figures[label]["f1"] is not None for label in labels)
        else None,
        "label_accuracy": float((truth == predicted).mean()),
        "exact_match": accuracy_score(truth, predicted),
    }
    return figures


def best_sensitivity(truth: np.ndarray, scores: np.ndarray, specificity: float) -> float:
    """The greatest sensitivity on the ROC curve at a specificity of at least this."""
    alarms, hits, _ = roc_curve(truth, scores, drop_intermediate=False)
    return float(hits[1 - alarms >= specificity - TOLERANCE].max())


def find(evaluation: dict, label: str, name: str) -> Any:
    """A figure of an evaluation by the name that it has here."""
    if name in ("tn", "fp", "fn", "tp"):
        return evaluation["counts"][label][name]
    if name == "brier":
        return evaluation["score_metrics"]["labels"][label]["calibration"]["brier"]["value"]
    if name == "positive_likelihood_ratio":
        return evaluation["score_metrics"]["labels"][label][name]["value"]
    if name == "sensitivity_at_0.9":
        return evaluation["score_metrics"]["labels"][label]["sensitivity_at"][0]["estimate"][
            "value"
        ]
    return evaluation["estimates"][label][name]["value"]


def compare(evaluation: dict, figures: dict[str, dict[str, float | None]]) -> tuple[int, list[str]]:
    """How many figures agree with an evaluation's, and those that don't."""
    agree, differ = 0, []
    for label, values in figures.items():
        for name, value in values.items():
            ours = find(evaluation, label, name)
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
