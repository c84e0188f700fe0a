"""How far an answer can be believed where the disease is rarer, or commoner, than here."""

from __future__ import annotations

from covidreport.records import ReportData
from covidreport.report.blocks import Cell, Column, Prose, Rate, Row, Section, Table
from covidreport.report.frequencies import group_frequencies
from covidreport.report.index import Index
from covidreport.text import exact

LEAD = (
    "PPV is the chance that an image called positive is so, NPV that one called negative is not. "
    "Both depend on how common the disease is where a run is used, which a collection of images "
    "does not say. Here they are computed at given prevalences, as if the sensitivity and "
    "specificity on these images stayed the same there."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no run has a rank."""
    if not data.predictive:
        return ()
    stated = {each.prevalence: each.stated for each in data.predictive}
    prevalences = sorted(stated)
    found = {(each.run, each.prevalence): each for each in data.predictive}
    head = [Column("Run", kind="name")]
    for at in prevalences:
        note = "stated, 95 % CI" if stated[at] else "95 % CI"
        head += [Column(f"{name} at {exact(at)}", note, "figure") for name in ("PPV", "NPV")]
    rows = []
    for run in dict.fromkeys(each.run for each in data.predictive):
        cells: list[Cell] = [index.link(run)]
        for at in prevalences:
            each = found.get((run, at))
            cells += [Rate(None if each is None else each.ppv)]
            cells += [Rate(None if each is None else each.npv)]
        rows.append(Row(tuple(cells)))
    caption = f"PPV and NPV for {index.disease} by prevalence"
    return (
        Section(
            "predictive", "PPV and NPV at other prevalences",
            (
                Prose(LEAD, "lead"), Table(caption, tuple(head), tuple(rows), "pairs"),
                *group_frequencies(data, index),
            ),
            part="appendix", gist="How far an answer can be believed elsewhere",
        ),
    )  # fmt: skip
