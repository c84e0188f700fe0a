"""Two reports made by hand: a small study, and one in which every name is hostile.

Counts, rates and intervals are literals. The intervals are Wilson's, checked with
statsmodels.stats.proportion.proportion_confint(method="wilson").
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from covidreport.records import (
    Counts,
    Epoch,
    Estimate,
    Evaluation,
    Failure,
    Finding,
    RankedRun,
    Ranking,
    ReportData,
    ReportedRun,
    Run,
)

LABELS = ("covid-19", "normal", "pneumonia")
BEST = "exp15-vgg16-bce-frozen"
SECOND = "exp3-resnet18-bce"
SILENT = "exp9-vgg16-focal"
BROKEN = "exp99-broken"


def rate(numerator: int, denominator: int, low: float, high: float) -> Estimate:
    """A share with its interval, both ends given."""
    return Estimate(numerator / denominator, low, high, numerator, denominator, "wilson")


def estimates(
    sensitivity: Estimate, specificity: Estimate, f1: Estimate | None = None
) -> dict[str, dict[str, Estimate]]:
    """Figures of the target, and dashes for the rest."""
    nothing = dict.fromkeys(
        ("ppv", "npv", "accuracy", "prevalence", "roc_auc", "average_precision"), Estimate(None)
    )
    target = {"sensitivity": sensitivity, "specificity": specificity}
    target["f1"] = f1 or Estimate(None)
    return {
        "covid-19": target | nothing,
        "normal": dict.fromkeys(target, Estimate(None)) | nothing,
        "pneumonia": dict.fromkeys(target, Estimate(None)) | nothing,
        "": {
            "micro_f1": Estimate(1174 / 1457, None, None, 1174, 1457),
            "label_accuracy": Estimate(1601 / 1884, None, None, 1601, 1884),
            "exact_match": Estimate(None),
        },
    }


def evaluate(
    run: str, counts: Counts, figures: Mapping[str, Mapping[str, Estimate]], **facts: Any
) -> Evaluation:
    """An evaluation whose other two labels are the same in every run."""
    defaults: dict[str, Any] = {
        "dataset": "study-2020",
        "split": "validation",
        "variant": None,
        "fingerprint": None,
        "n_images": counts.total,
        "n_groups": None,
        "thresholds": dict.fromkeys(LABELS, 0.5),
        "thresholds_from": "published",
        "has_scores": False,
    }
    others = {"normal": Counts(200, 28, 13, 387), "pneumonia": Counts(409, 19, 20, 180)}
    return Evaluation(
        run=run,
        labels=LABELS,
        counts={"covid-19": counts, **others},
        estimates=figures,
        **(defaults | facts),
    )


def _history() -> tuple[Epoch, ...]:
    rows = [(0.831, 0.782, -0.026861), (0.856, None, -0.026112), (0.862, 0.808, None)]
    names = ("train_accuracy", "validation_accuracy", "last_batch_loss")
    return tuple(
        Epoch(number, dict(zip(names, row, strict=True))) for number, row in enumerate(rows, 1)
    )


def small_study() -> ReportData:
    """Two ranked runs, one that says no to everything, and one without a model."""
    best = evaluate(
        BEST,
        Counts(405, 195, 8, 20),
        estimates(
            rate(20, 28, 0.52943, 0.84749),
            rate(405, 600, 0.63650, 0.71125),
            Estimate(40 / 243, None, None, 40, 243),
        ),
        provenance={"model": {"sha256": "ab12" * 16}},
        timing={"finished": "2026-02-11T09:30:00Z", "decode_s": 4.2},
    )
    train = evaluate(
        BEST,
        Counts(3832, 168, 258, 1942),
        estimates(rate(1942, 2200, 0.86862, 0.89548), rate(3832, 4000, 0.95134, 0.96377)),
        split="train",
    )
    second = evaluate(
        SECOND,
        Counts(396, 204, 10, 18),
        estimates(rate(18, 28, 0.45826, 0.79292), rate(396, 600, 0.62115, 0.69675)),
    )
    silent = evaluate(
        SILENT,
        Counts(600, 0, 28, 0),
        estimates(rate(0, 28, 0.0, 0.12064), rate(600, 600, 0.99364, 1.0)),
    )
    settings = {
        "schema": "covidreport.run/1",
        "experiment": "15",
        "block": "4b",
        "description": "VGG16 with binary cross entropy",
        "hyperparameters": {"architecture": "vgg16", "learning_rate": 1e-4, "frozen": ["a", "b"]},
        "exported_epoch": {"rule": "last", "epoch": 3},
        "seed": None,
        "started": "2026-02-10T08:00:00Z",
    }
    runs = (
        ReportedRun(Run(SECOND, Path("runs/3"), None, {"experiment": "3", "block": "1"}), second),
        ReportedRun(Run(BEST, Path("runs/15"), None, settings, _history()), best, (train,)),
        ReportedRun(Run(SILENT, Path("runs/9"), None, {"experiment": "9", "block": "3"}), silent),
        ReportedRun(
            Run(BROKEN, Path("runs/99"), None),
            None,
            (),
            Failure(BROKEN, "load", "there is no model.onnx in runs/99"),
        ),
    )
    rows = (
        RankedRun(BEST, 1, 8, 195),
        RankedRun(SECOND, 2, 10, 204),
        RankedRun(SILENT, None, 28, 0, "calls 628 of 628 images negative"),
    )
    findings = (
        Finding(
            "warning",
            "best-run-not-distinguishable",
            f"{BEST} is not significantly different from {SECOND}",
            "8 against 10 missed of 28",
            "compare them on more positives",
            (BEST, SECOND),
        ),
        Finding("error", "prevalence-differs", "The splits differ", "35.5 % and 4.5 %", "look", ()),
    )
    return ReportData(
        "The study of 2020",
        "covid-19",
        "study-2020",
        "validation",
        runs,
        (Ranking("covid-19", "study-2020", "validation", None, rows),),
        findings,
        {"covidreport": "0.1.0", "evaluated": "2026-02-11T09:30:00Z"},
    )


HOSTILE = (
    "<script>alert(1)</script>",
    "a|b `c` *d* _e_ [x](http://evil.example)",
    "\u202eevil\x00\nname",
    "=cmd()",
)


def hostile_study() -> ReportData:
    """Names that want to be markup, formulas or invisible; images that failed; two rankings."""
    figures = estimates(rate(49, 60, 0.70081, 0.89438), rate(817, 940, 0.84606, 0.88927))
    failures = tuple(Failure(f"<img src=x{i}>", "decode", "truncated | broken") for i in range(5))
    finding = Finding("note", "bits", "<b>12</b> bits", "4,095 | 65,535", "# look", ())
    runs = []
    for place, name in enumerate(HOSTILE):
        evaluation = evaluate(
            name,
            Counts(817, 120, 9, 49, 2, 3),
            figures,
            fingerprint=("f" if place == 3 else "a") * 64,
            failures=failures,
            findings=(finding,) if place == 0 else (),
            has_scores=True,
        )
        settings = {"description": "<i>&amp;</i>\n# title", "hyperparameters": {"<b>": "|x|"}}
        history = (Epoch(1, {"train_loss": 0.69, "validation_loss": float("nan")}),)
        run = Run(name, Path("runs") / str(place), None, settings, history)
        runs.append(ReportedRun(run, evaluation))
    rankings = tuple(
        Ranking(
            "covid-19",
            "study-2020",
            "validation",
            digest * 64,
            tuple(RankedRun(name, 1, 11, 123) for name in names),
        )
        for digest, names in (("a", HOSTILE[:3]), ("f", HOSTILE[3:]))
    )
    return ReportData(
        "Runs on <cxr> & friends",
        "covid-19",
        "study-2020",
        "validation",
        tuple(runs),
        rankings,
        (),
        {"command": "covidreport render 'runs/' | less"},
    )


def many_runs(study: ReportData, runs: int, length: int = 40) -> ReportData:
    """The study's best run so many times over, under long names, each with a rank."""
    first = study.runs[1]
    assert first.evaluation is not None
    names = [f"exp{i:03}".ljust(length, "x") for i in range(1, runs + 1)]
    many = tuple(
        replace(
            first,
            run=replace(first.run, name=name),
            evaluation=replace(first.evaluation, run=name),
            others=tuple(replace(one, run=name) for one in first.others),
        )
        for name in names
    )
    rows = tuple(RankedRun(name, place, 8, 195) for place, name in enumerate(names, 1))
    return replace(study, runs=many, rankings=(replace(study.rankings[0], rows=rows),))
