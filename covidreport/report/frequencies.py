"""Rates in the words of a ward: of 1,000 patients at the stated prevalence, so many are missed."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.metrics import count_frequencies
from covidreport.records import (
    Evaluation,
    Frequency,
    PredictiveValues,
    Ranking,
    ReportData,
    RunFrequencies,
)
from covidreport.report.blocks import Chart, Column, Group, Prose, Row, Table, Text
from covidreport.report.charts.tally import draw_icons
from covidreport.report.index import Index
from covidreport.text import clean, exact, whole

MOST_ICONS = 1000
KEY = "Filled: missed. Outlined dark: found. Dashed: false alarms. Faint: rightly cleared."


def collect_frequencies(
    ranking: Ranking, evaluations: Sequence[Evaluation], predictive: Sequence[PredictiveValues]
) -> tuple[RunFrequencies, ...]:
    """Of the ranked runs, at the prevalence that is stated for each; of patients where these are
    known, else of images."""
    stated = {each.run: each.prevalence for each in predictive if each.stated}
    by_run = {each.run: each for each in evaluations}
    found = []
    for row in ranking.rows:
        if row.rank is None or row.run not in stated:
            continue
        rates = by_run[row.run].estimates[ranking.target]
        sensitivity, specificity = rates["sensitivity"], rates["specificity"]
        if row.patients is not None:
            sensitivity, specificity = row.patients.sensitivity, row.patients.specificity
        of = count_frequencies(stated[row.run], sensitivity, specificity)
        if of is not None:
            found.append(RunFrequencies(row.run, row.patients is not None, of))
    return tuple(found)


def group_frequencies(data: ReportData, index: Index) -> tuple[Group, ...]:
    """The group of blocks; none without a stated prevalence."""
    if not data.frequencies:
        return ()
    first = data.frequencies[0]
    blocks: list[Prose | Chart | Table] = [
        Prose(f"{clean(first.run)}: {describe_frequencies(first, index.disease)}")
    ]
    if first.frequencies.total <= MOST_ICONS:
        icons = draw_icons(first.frequencies)
        key = f"A dot is {'a patient' if first.patients else 'an image'}. {KEY}"
        blocks.append(Chart("", "", key, "", icons))
    blocks.append(_tabulate(data, index))
    at = exact(first.frequencies.prevalence)
    return (Group(tuple(blocks), f"Of 1,000 at a prevalence of {at}"),)


def describe_frequencies(run: RunFrequencies, disease: str) -> str:
    """`Of 1,000 patients, 50 with COVID-19: 12 (6 to 20) missed, 38 found, 29 false alarms …`."""
    of = run.frequencies
    noun = "patients" if run.patients else "images"
    return (
        f"Of {whole(of.total)} {noun}, {whole(of.positives)} with {disease} (a prevalence of "
        f"{exact(of.prevalence)}, stated): {_write(of.missed)} missed, {whole(of.found)} found, "
        f"{_write(of.false_alarms)} false alarms, {whole(of.cleared)} rightly cleared; in brackets "
        "95 % CI."
    )


def _write(count: Frequency) -> str:
    if count.low is None or count.high is None:
        return whole(count.n)
    return f"{whole(count.n)} ({whole(count.low)} to {whole(count.high)})"


def _tabulate(data: ReportData, index: Index) -> Table:
    head = (
        Column("Run", kind="name"), Column("Of"), Column(f"With {index.disease}", kind="count"),
        Column("Missed", "95 % CI", "figure"), Column("Found", kind="count"),
        Column("False alarms", "95 % CI", "figure"), Column("Cleared", kind="count"),
    )  # fmt: skip
    rows = []
    for each in data.frequencies:
        of = each.frequencies
        noun = "patients" if each.patients else "images"
        cells = (
            index.link(each.run), Text(f"{whole(of.total)} {noun}"), Text(whole(of.positives)),
            Text(_write(of.missed), sort=of.missed.n), Text(whole(of.found)),
            Text(_write(of.false_alarms), sort=of.false_alarms.n), Text(whole(of.cleared)),
        )  # fmt: skip
        rows.append(Row(cells))
    return Table("Natural frequencies of the ranked runs", head, tuple(rows), "pairs")
