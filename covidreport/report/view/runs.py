"""One run's section: what it is, what was found about it, its figures, curves and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from covidreport.records import ReportData, ReportedRun
from covidreport.report.blocks import Link, Note
from covidreport.report.facts import view_settings
from covidreport.report.index import Index
from covidreport.report.view.evaluation import view_evaluation
from covidreport.report.view.history import view_curves, view_history
from covidreport.report.view.records import RunView
from covidreport.text import (
    DASH,
    clean,
    plural,
    whole,
)

MOST_WHOLE = 60
"""Runs up to which each is shown whole."""
WHOLE_OF_MANY = 30
"""Of more, how many are: those that stand first on the page."""


def view_runs(data: ReportData, findings: Sequence[Note], index: Index) -> tuple[RunView, ...]:
    """The section of each run; of very many runs those far down the ranking are shown in short."""
    whole_ones = len(index.runs) if len(index.runs) <= MOST_WHOLE else WHOLE_OF_MANY
    return tuple(
        view_run(each, data, findings, index)
        if place < whole_ones
        else _shorten(view_run(each, data, findings, index), len(index.runs) - whole_ones)
        for place, each in enumerate(index.runs)
    )


def _shorten(run: RunView, among: int) -> RunView:
    """Without curves, settings, what goes beyond the threshold and matrices, which stand in a
    section of their own; a sentence says so."""
    evaluations = (
        replace(one, matrices=(), details=None, provenance=None, failures=None)
        for one in run.evaluations[:1]
    )
    return replace(
        run,
        evaluations=tuple(evaluations),
        curves=(),
        history=None,
        settings=(),
        shortened=f"Shown in short, as {whole(among)} of the runs here are: its counts stand among "
        "the confusion matrices, a report of fewer runs shows it whole, and the reports as JSON "
        "and CSV hold all of its figures.",
    )


def view_run(
    reported: ReportedRun, data: ReportData, findings: Sequence[Note], index: Index
) -> RunView:
    """A run's section. The runs of rank 1 are opened; the others are folded."""
    run = reported.run
    rank = index.badge(run.name)
    opened = rank == "1" or len(index.runs) == 1
    evaluations = [one for one in (reported.evaluation, *reported.others) if one is not None]
    return RunView(
        anchor=index.anchors[run.name],
        name=clean(run.name),
        badge=rank,
        summary=_summary(reported, index),
        description=clean(run.description),
        opened=opened,
        trouble=_trouble(reported, index),
        findings=_about(index.anchors[run.name], findings),
        evaluations=tuple(view_evaluation(one, data, index, opened=opened) for one in evaluations),
        curves=view_curves(run),
        history=view_history(run),
        settings=view_settings(run),
    )


def _summary(reported: ReportedRun, index: Index) -> str:
    parts = []
    if reported.run.experiment is not None:
        parts.append(f"experiment {clean(reported.run.experiment)}")
    if reported.run.block is not None:
        parts.append(f"block {clean(reported.run.block)}")
    if index.places.get(reported.run.name, 0) > 0 and index.rank(reported.run.name) != DASH:
        parts.append(f"rank {index.rank(reported.run.name)}")
    counts = index.counts(reported.evaluation)
    if counts is None:
        parts.append("no figures")
    else:
        parts.append(f"{whole(counts.missed)} of {whole(counts.positives)} missed")
        parts.append(plural(counts.false_alarms, "false alarm"))
    return " · ".join(parts)


def _trouble(reported: ReportedRun, index: Index) -> str:
    sentences = []
    sentences += [f"Of its folder: {clean(note)}." for note in reported.run.notes]
    if reported.failure is not None:
        stage, reason = clean(reported.failure.stage), clean(reported.failure.explanation)
        sentences.append(f"Failed at {stage}: {reason}")
    elif reported.evaluation is None:
        sentences.append("Was not evaluated on these images.")
    row = index.ranked.get(reported.run.name)
    if row is not None and row.rank is None:
        sentences.append(f"Not ranked: {clean(row.why_unranked or 'no reason is recorded')}.")
    return " ".join(sentences)


def _about(anchor: str, notes: Sequence[Note]) -> tuple[Note, ...]:
    return tuple(
        note
        for note in notes
        if any(isinstance(one, Link) and one.target == anchor for one in note.about)
    )
