"""What the report is not: said before any figure is taken for more than it is."""

from __future__ import annotations

from covidreport.records import Evaluation, ReportData
from covidreport.report.blocks import Items, Section
from covidreport.report.index import Index
from covidreport.text import plural


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
        f"to {images} of {of}; they say nothing of other hospitals, machines or patients, "
        f"and nobody should be diagnosed, treated or sent home by them.",
        "An interval covers the chance of which images were drawn. It does not cover how they were "
        "collected, labelled or selected.",
    ]
    ranked = max(
        (sum(row.rank is not None for row in each.rows) for each in data.rankings), default=0
    )
    if ranked > 1:
        limits.append(
            f"The first of {plural(ranked, 'run')} was picked on the same images that it is "
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


def _first_evaluation(data: ReportData, index: Index) -> Evaluation | None:
    for ranking in data.rankings:
        for row in ranking.rows:
            return index.evaluation(row.run, ranking)
    return None
