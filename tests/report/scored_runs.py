"""Writes run folders with scores as `evaluate` leaves them: the same images by several models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from covidreport.records import CALLED, READERS, Epoch, Evaluation, MetricPlan, Run, Scores
from covidreport.storage.runs import read_run
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    read_scores,
    write_evaluation,
    write_history,
    write_run,
    write_scores,
)
from tests.computed import compute_once

LABELS = ("covid-19", "normal", "pneumonia")
PREVALENCE = (0.10, 0.36, 0.54)
PLAN = MetricPlan(normal="normal", prevalence={"covid-19": 0.05})
CALL = 0.625
"""Between the ratings 3 and 4 of 1 to 5."""
_VIEWS = ("PA", "AP", "AP supine")


def write_runs(folder: Path, runs: int = 18, images: int = 628, seed: int = 20) -> list[Run]:
    """Runs of falling skill on the same images: two patients in three have several, one image
    could not be read, sex and view are stated for most; six epochs each, two architectures."""
    rng = np.random.default_rng(seed)
    truth = np.eye(3, dtype=np.int8)[rng.choice(3, size=images, p=PREVALENCE)]
    groups = tuple(f"patient {i}" for i in np.sort(rng.integers(0, images // 2, size=images)))
    attributes = {
        "sex": tuple(rng.choice(["F", "M", ""], size=images, p=[0.46, 0.48, 0.06])),
        "view": tuple(rng.choice(_VIEWS, size=images)),
    }
    shared = rng.normal(size=(images, 3))
    written = []
    for place in range(runs):
        skill = 3.4 - 2.6 * place / max(runs - 1, 1)
        noise = 0.7 * shared + rng.normal(size=(images, 3))
        values = (noise + skill * (truth - 0.5)).astype(np.float32)
        values[3] = np.nan
        reasons = tuple("the file is truncated" if i == 3 else None for i in range(images))
        ids = tuple(f"image-{i:05}.png" for i in range(images))
        scores = Scores(ids, LABELS, truth, values, "logit", reasons, groups, attributes)
        written.append(_write_run(folder / f"exp{place + 1}", place, scores))
    return written


def write_elsewhere(runs: list[Run], images: int = 90, seed: int = 21) -> None:
    """An evaluation of each but the last on a data set of one's own, evaluated earlier: other
    patients, more of them men, on whom every run does worse."""
    rng = np.random.default_rng(seed)
    truth = np.eye(3, dtype=np.int8)[rng.choice(3, size=images, p=(0.2, 0.3, 0.5))]
    attributes = {"sex": tuple(rng.choice(["F", "M"], size=images, p=[0.3, 0.7]))}
    ids = tuple(f"elsewhere-{i:05}.png" for i in range(images))
    groups = tuple(f"person {i // 2}" for i in range(images))
    for run in runs[:-1]:
        values = (rng.normal(size=(images, 3)) + truth - 0.8).astype(np.float32)
        scores = Scores(ids, LABELS, truth, values, "logit", (None,) * images, groups, attributes)
        write_scored(
            run.folder,
            replace(
                evaluate(run.name, scores), dataset="elsewhere", split="all", fingerprint="e" * 64,
                timing={"finished": "2026-02-01T09:30:00Z"},
            ),
            scores,
        )  # fmt: skip


def write_readers(folder: Path, runs: list[Run], skills: Sequence[float], seed: int = 22) -> None:
    """A reader for each skill, who rated the runs' images from 1 to 5 and calls 4 and 5."""
    rng = np.random.default_rng(seed)
    place = evaluation_folder(runs[0].folder, "drawn-validation")
    of = read_scores(place / SCORES_FILE)
    truth = of.truth[:, :1]
    ease = rng.normal(size=truth.shape)
    for number, skill in enumerate(skills, 1):
        latent = skill * (truth - 0.5) + 0.5 * ease + rng.normal(size=truth.shape)
        ratings = np.digitize(latent, (-1.2, -0.3, 0.4, 1.3)) / 4
        none = (None,) * len(truth)
        scores = Scores(of.sample_ids, LABELS[:1], truth, ratings, "sigmoid", none, of.groups)
        name = f"radiologist {number}"
        write_run(folder / name, {"name": name, "group": READERS})
        found = evaluate(name, scores, CALL)
        found = replace(
            found, thresholds_from=CALLED, label_fingerprints={LABELS[0]: "c" * 64}
        )  # fmt: skip
        write_scored(folder / name, found, scores)


def write_scored(folder: Path, evaluation: Evaluation, scores: Scores) -> None:
    """An evaluation and the scores that it was made from."""
    write_scores(evaluation_folder(folder, evaluation.key) / SCORES_FILE, scores)
    write_evaluation(folder, evaluation)


def _write_run(folder: Path, place: int, scores: Scores) -> Run:
    architecture = ("resnet18", "vgg16")[place % 2]
    loss = ("bce", "focal", "bce-balanced")[place % 3]
    name = f"exp{place + 1}-{architecture}-{loss}"
    settings = {
        "name": name,
        "experiment": str(place + 1),
        "block": str(place // 6 + 1),
        "description": f"{architecture} with {loss}",
        "hyperparameters": {"architecture": architecture, "loss": loss, "learning_rate": 1e-4},
        "seed": place,
    }
    write_run(folder, settings)
    write_history(folder, [_epoch(number, place) for number in range(1, 7)])
    evaluation = evaluate(name, scores)
    n = len(scores.sample_ids)
    parameters, speed = ((11_179_075, 70.0), (134_272_835, 9.0))[place % 2]
    cost = {"images_timed": n, "inference_s": n / speed, "machine": "a processor, 2 cores"}
    evaluation = replace(
        evaluation,
        provenance={"model": {"parameters": parameters, "bytes": 4 * parameters}},
        timing={**evaluation.timing, **cost},
    )
    write_scored(folder, evaluation, scores)
    return read_run(folder)


def _epoch(number: int, place: int) -> Epoch:
    fall = 0.7 / number + 0.01 * place
    return Epoch(
        number,
        {
            "train_loss": fall,
            "train_accuracy": 1 - fall / 2,
            "validation_loss": fall + 0.02 * number,
            "validation_accuracy": None if number == 2 else 0.95 - fall / 2,
            "covid-19_false_negatives": float(20 - 2 * number),
        },
    )


def evaluate(name: str, scores: Scores, threshold: float = 0.5) -> Evaluation:
    """The evaluation of these scores as `covidreport evaluate` would write it."""
    plan = PLAN if PLAN.normal in scores.labels else replace(PLAN, normal=None)
    found = compute_once(scores, [threshold] * len(scores.labels), plan)
    return Evaluation(
        run=name,
        dataset="drawn",
        split="validation",
        variant=None,
        fingerprint="d" * 64,
        labels=scores.labels,
        n_images=len(scores.sample_ids),
        n_groups=None if scores.groups is None else len(set(scores.groups)),
        thresholds=dict.fromkeys(scores.labels, threshold),
        thresholds_from="default",
        counts=found.counts,
        estimates=found.estimates,
        score_metrics=found.score_metrics,
        timing={"finished": "2026-02-11T09:30:00Z"},
    )
