"""A report whose runs have scores: details of each, and two methods over three seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from covidreport.compare.ranking import rank_runs
from covidreport.metrics import compute_metrics
from covidreport.records import Evaluation, MetricPlan, ReportData, ReportedRun, Run, Scores
from covidreport.report.repeats import collect_repeats

LABELS = ("covid-19", "normal")
VALUE = "<F> & |x|"
"""A hostile name of a group."""
PLAN = MetricPlan(normal="normal", prevalence={"covid-19": 0.05})


def draw_scores(seed: int, skill: float, images: int = 160) -> Scores:
    """Logits of the same images by another model."""
    rng = np.random.default_rng(3)
    positive = rng.random(images) < 0.3
    truth = np.column_stack([positive, ~positive]).astype(np.int8)
    truth[0, 0] = -1
    noise = np.random.default_rng(seed).normal(size=(images, 2))
    return Scores(
        tuple(f"{i}.png" for i in range(images)),
        LABELS,
        truth,
        (noise + skill * truth - skill / 2).astype(np.float32),
        "logit",
        (None,) * images,
        tuple(f"p{i // 2}" for i in range(images)),
        {"sex": (VALUE, "M") * (images // 2), "age": ("0 to 17",) * 7 + ("",) * (images - 7)},
    )


def evaluate(name: str, scores: Scores) -> Evaluation:
    """The evaluation of these scores."""
    plan = PLAN if "normal" in scores.labels else MetricPlan()
    found = compute_metrics(scores, [0.5] * len(scores.labels), plan)
    return Evaluation(
        run=name,
        dataset="cxr",
        split="validation",
        variant=None,
        fingerprint="f" * 64,
        labels=scores.labels,
        n_images=len(scores.sample_ids),
        n_groups=len(set(scores.groups or ())),
        thresholds=dict.fromkeys(scores.labels, 0.5),
        thresholds_from="default",
        counts=found.counts,
        estimates=found.estimates,
        score_metrics=found.score_metrics,
    )


def detailed_study() -> ReportData:
    """Three seeds of bce, three of focal, and the last as an earlier version left it."""
    reported = []
    for loss, skill in (("bce", 1.2), ("focal", 2.4)):
        for seed in range(3):
            name = f"{loss}-{seed}"
            settings = {
                "name": name,
                "seed": seed,
                "hyperparameters": {"architecture": "vgg16", "loss": loss},
                "data": {"source": f"../{seed}.csv", "fingerprints": {"train": "a1"}},
            }
            evaluation = evaluate(name, draw_scores(int(10 * skill) + seed, skill))
            reported.append(ReportedRun(Run(name, Path(name), None, settings), evaluation))
    last = reported[-1]
    assert last.evaluation is not None
    reported[-1] = replace(last, evaluation=replace(last.evaluation, score_metrics=None))
    rankings = rank_runs([one.evaluation for one in reported if one.evaluation], "covid-19")
    return ReportData(
        "cxr, validation",
        "covid-19",
        "cxr",
        "validation",
        tuple(reported),
        rankings,
        repeats=collect_repeats(reported, rankings, "covid-19"),
    )
