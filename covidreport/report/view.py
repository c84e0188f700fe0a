"""A report as it is drawn: its title, its facts and its sections but for what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Set

from msgspec import Struct

from covidreport import __version__
from covidreport.records import ReportData
from covidreport.report.blocks import Fact, Note, Section, Text
from covidreport.report.index import Index, index_runs
from covidreport.report.sections import SECTIONS, list_hideable
from covidreport.report.sections.findings import list_notes
from covidreport.text import clean, label_name, listed, plural, whole


class ReportView(Struct, frozen=True):
    """The whole report, ready to be drawn."""

    title: str
    kicker: str
    facts: tuple[Fact, ...]
    generator: str
    notes: tuple[Note, ...]
    """Every finding, the gravest first, whether their section is shown or not."""
    sections: Mapping[str, tuple[Section, ...]]
    """By their names in `report.sections.SECTIONS`, in the order of the report."""
    left_out: str = ""
    """Which sections the configuration doesn't want; empty where all are there."""


def view_report(data: ReportData, hide: Set[str] = frozenset()) -> ReportView:
    """The whole report but for the sections of `hide`, and a sentence that names those of them that
    had anything.

    Reads no clock: equal data give an equal view.
    """
    hide = hide & set(list_hideable())
    index = index_runs(data, linked="runs" not in hide)
    built = {name: entry.build(data, index) for name, entry in SECTIONS.items()}
    gone = [SECTIONS[name].words for name in built if name in hide and built[name]]
    return ReportView(
        title=clean(data.title),
        kicker=f"{'Report on' if len(data.runs) == 1 else 'Comparison of'} "
        f"{plural(len(data.runs), 'run')}",
        facts=_facts(data, index),
        generator=f"covidreport {__version__}",
        notes=list_notes(data, index),
        sections={name: () if name in hide else found for name, found in built.items()},
        left_out=f"Left out by the configuration: {listed(gone)}." if gone else "",
    )


def _facts(data: ReportData, index: Index) -> tuple[Fact, ...]:
    """What stands under the title: the data, its size, the runs."""
    facts = [Fact("Data", Text(f"{clean(data.dataset)}, {clean(data.split)} split"))]
    first = next((one.evaluation for one in index.runs if one.evaluation is not None), None)
    if first is not None:
        counts = first.counts.get(data.target)
        images = plural(first.n_images, "image")
        of_them = ", {} of them"
        if first.n_groups is not None:
            images += f" of {plural(first.n_groups, 'patient')}"
            of_them = "; {} of the images"  # patients stand between: `them` could be either
        if counts is not None:
            images += f"{of_them.format(whole(counts.positives))} with {index.disease}"
        facts.append(Fact("Images", Text(images)))
        every = sorted(
            (one.evaluation for one in index.runs if one.evaluation is not None),
            key=lambda each: -len(each.labels),
        )
        labels = dict.fromkeys(label for each in every for label in each.labels)
        facts.append(Fact("Labels", Text(listed([label_name(label) for label in labels]))))
    facts.append(Fact("Runs", Text(describe_standing(data, index))))
    return tuple(facts)


def describe_standing(data: ReportData, index: Index) -> str:
    """How many runs there are, and how many of them have a rank."""
    ranked = sum(row.rank is not None for row in index.ranked.values())
    unranked = len(index.ranked) - ranked
    without = sum(reported.evaluation is None for reported in data.runs)
    parts = [f"{ranked} ranked"]
    if unranked:
        parts.append(f"{unranked} shown and not ranked")
    if without:
        parts.append(f"{without} without figures")
    return f"{plural(len(data.runs), 'run')}: {listed(parts)}"
