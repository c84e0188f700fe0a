"""What the report is not: said before any figure is taken for more than it is."""

from __future__ import annotations

from covidreport.records import Evaluation, ReportData, Run
from covidreport.report.blocks import Items, Section
from covidreport.report.index import Index
from covidreport.text import clean, plural, titled


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section, which every report has."""
    return (
        Section("limits", "What this is not", (Items(list_limits(data, index)),), part="answer"),
    )


def list_limits(data: ReportData, index: Index) -> tuple[str, ...]:
    """A sentence for each."""
    images = "stored images"
    evaluation = _first_evaluation(data, index)
    if evaluation is not None:
        images = plural(evaluation.n_images, "stored image")
    of = "one data set"
    if data.datasets:
        images, of = "stored images", f"{len(data.datasets)} data sets"
    limits = [
        f"Research software, no medical device and no clinical claim. The figures describe answers "
        f"to {images} of {of}. They say nothing of other hospitals, machines or patients, "
        f"and nobody should be diagnosed, treated or sent home by them.",
        "An interval covers the chance of which images were drawn. It does not cover how they were "
        "collected, labelled or selected.",
    ]
    ranked = max(
        (sum(row.rank is not None for row in each.rows) for each in data.rankings), default=0
    )
    if seen := _describe_split(data, index):
        limits.append(seen)
    if ranked > 1 and not _says_picked(data):
        limits.append(
            f"The first of {plural(ranked, 'ranked run')} was picked on the same images that it is "
            "reported on: expect it to do worse on new ones."
        )
    if evaluation is not None and evaluation.n_groups is None:
        limits.append(
            "Images are counted, not patients: which images belong to one patient is not known "
            "here, and intervals are too narrow where a patient has several."
        )
    elif evaluation is not None and evaluation.n_groups != evaluation.n_images:
        drawn = (
            "intervals allow for that, and counts are of images unless they say patients."
            if evaluation.score_metrics is not None
            else "intervals are too narrow where images of one patient resemble each other."
        )
        limits.append(
            f"{plural(evaluation.n_images, 'image')} come from "
            f"{plural(evaluation.n_groups or 0, 'patient')}: {drawn}"
        )
    return tuple(limits)


def _says_picked(data: ReportData) -> bool:
    """Whether the answer says by how much the pick flatters."""
    comparisons = data.rankings[0].comparisons if data.rankings else None
    return comparisons is not None and comparisons.picked is not None


def _describe_split(data: ReportData, index: Index) -> str:
    """Whether the images were looked at while the models were developed; empty where nothing says
    so."""
    of = [each.run for each in index.runs if each.evaluation is not None]
    watched = [
        run
        for run in of
        if run.part("data").get("name") in (None, data.dataset)  # else it is of other images
        and (run.watched == data.split or _records(run, data.split))
    ]
    if not watched:
        return ""
    every = "every run was" if len(watched) == len(of) else f"{len(watched)} of {len(of)} runs were"
    if len(of) == 1:
        every = "the run was"
    return (
        f"{titled(clean(data.split))} images were looked at while models were developed: {every} "
        "followed on them epoch by epoch. They are no test on new patients, and no external one."
    )


def _records(run: Run, split: str) -> bool:
    """Whether its history has figures of that split."""
    return any(name.startswith(f"{split}_") for epoch in run.history for name in epoch.values)


def _first_evaluation(data: ReportData, index: Index) -> Evaluation | None:
    for ranking in data.rankings:
        for row in ranking.rows:
            return index.evaluation(row.run, ranking)
    return None
