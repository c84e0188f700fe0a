"""What the authors state of their study, how images came to be counted, and whom they show."""

from __future__ import annotations

from collections.abc import Mapping

from covidreport.records import Flow, ReportData, Study
from covidreport.report.blocks import Block, Count, Fact, Facts, Group, Prose, Section, Text
from covidreport.report.cohort_table import explain, tabulate_cohort
from covidreport.report.flow import draw, list_steps, tabulate
from covidreport.report.index import Index
from covidreport.text import NOT_STATED, clean

SAMPLED = {
    "consecutive": "consecutive: everybody of the period who was eligible",
    "random": "random: drawn by chance from those who were eligible",
    "convenience": "convenience: whoever was at hand",
}
TITLES: Mapping[str, str] = {
    "setting": "Setting",
    "dates": "Dates",
    "sampling": "Sampling",
    "exclusions": "Exclusions",
    "reference_standard": "Reference standard",
    "registration": "Registration and protocol",
    "data": "Availability of the data",
    "code": "Availability of the code",
    "funding": "Funding",
}
"""By the words of `[study]`, in the order in which a paper has them."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; what is not stated is said to be so."""
    facts = tuple(
        Fact(title, Text(_state(data.study, name)), name_anchor(name))
        for name, title in TITLES.items()
    )
    blocks: list[Block] = [Facts(facts, "As its authors state it")]
    if data.flow is not None:
        blocks.append(_show_flow(data.flow, data.split, index))
    blocks += _show_cohorts(data)
    return (
        Section(
            "study", "Study", tuple(blocks),
            part="appendix", gist="What its authors state, flow of images, Table 1",
        ),
    )  # fmt: skip


def name_anchor(name: str) -> str:
    """Where a word of `[study]` stands in the report: `study-reference-standard`."""
    return f"study-{name.replace('_', '-')}"


def _state(study: Study, name: str) -> str:
    stated = getattr(study, name)
    return clean(SAMPLED.get(stated, stated)) if stated else NOT_STATED


def _show_flow(flow: Flow, split: str, index: Index) -> Group:
    steps = list_steps(flow, split, index.disease)
    scored = flow.images - sum(flow.failed.values())
    sentence = (
        Count(scored), " of ", Count(flow.images), " scored, truth unknown of ",
        Count(flow.unknown), ".",
    )  # fmt: skip
    blocks: list[Block] = [Prose(sentence)]
    if flow.left_out is None or flow.other_splits is None:
        missing = (
            "How many images the data have besides was not recorded when these runs were "
            "evaluated; `covidreport evaluate --force` does."
        )
        blocks.append(Prose(missing, "remark"))
    blocks.append(Group((draw(steps), tabulate(steps)), layout="beside"))
    return Group(tuple(blocks), "Flow of images", id="flow")


def _show_cohorts(data: ReportData) -> list[Block]:
    """Table 1 of the ranked images, and folded those of other splits and data sets."""
    shown: list[Block] = []
    for place, cohort in enumerate(data.cohorts):
        words = Prose(explain(cohort), "remark")
        of = f"{clean(cohort.dataset)}, {clean(cohort.split)} split"
        blocks = (tabulate_cohort(cohort), words)
        if place == 0:
            shown.append(Group(blocks, "Table 1", "Whom the images show", id="table-1"))
        else:
            id_ = f"table-1-{place + 1}"
            shown.append(Group(blocks, f"The same of {of}", id=id_, state="folded"))
    return shown
