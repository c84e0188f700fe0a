"""The published study's run folders, and evaluations built from hand counts, for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from covidreport.compare.ranking import rank_runs
from covidreport.metrics import estimate_counts
from covidreport.records import Counts, Evaluation, ReportData, ReportedRun, Run
from covidreport.storage.runs import read_run
from covidreport.store import read_evaluation

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "examples" / "study-2020"
AS_PRINTED = ROOT / "tests" / "data" / "experiment-17-as-printed" / "exp17-vgg16-focal-frozen"


def make_evaluation(
    run: str,
    counts: Mapping[str, Counts] | Counts,
    *,
    split: str = "validation",
    dataset: str = "images",
    fingerprint: str | None = "f1",
    thresholds: Mapping[str, float] | None = None,
    thresholds_from: str = "default",
    variant: str | None = None,
    n_groups: int | None = None,
) -> Evaluation:
    """An evaluation with these counts; one `Counts` alone is that of covid-19."""
    by_label = {"covid-19": counts} if isinstance(counts, Counts) else dict(counts)
    return Evaluation(
        run=run,
        dataset=dataset,
        split=split,
        variant=variant,
        fingerprint=fingerprint,
        labels=tuple(by_label),
        n_images=next(iter(by_label.values())).total,
        n_groups=n_groups,
        thresholds=dict.fromkeys(by_label, 0.5) if thresholds is None else thresholds,
        thresholds_from=thresholds_from,
        counts=by_label,
        estimates=estimate_counts(by_label),
    )


def make_report(runs: Sequence[ReportedRun], target: str = "covid-19") -> ReportData:
    """A report of these runs, ranked, with nothing found yet."""
    evaluations = [run.evaluation for run in runs if run.evaluation is not None]
    return ReportData(
        title="report",
        target=target,
        dataset="images",
        split="validation",
        runs=tuple(runs),
        rankings=rank_runs(evaluations, target),
    )


def make_run(evaluation: Evaluation, *others: Evaluation, **settings: object) -> ReportedRun:
    """A run with evaluations and settings and without a folder."""
    run = Run(evaluation.run, Path(evaluation.run), None, settings)
    return ReportedRun(run, evaluation, others)


def read_study_run(folder: Path) -> ReportedRun:
    """A run folder of the study: validation is reported, train is the other split."""
    validation, train = (
        read_evaluation(folder / "evaluations" / f"study-2020-{split}")
        for split in ("validation", "train")
    )
    return ReportedRun(read_run(folder), validation, (train,))


def read_study() -> dict[str, ReportedRun]:
    """The study's 18 runs by the number of their experiment."""
    runs = [read_study_run(folder) for folder in sorted(STUDY.iterdir())]
    return {str(run.run.experiment): run for run in runs}
