"""What the authors state of their study, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping

from covidreport.records import ReportData, Study
from covidreport.report.blocks import Fact, Facts, Section, Text
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


def build(data: ReportData, index: Index) -> tuple[Section, ...]:  # noqa: ARG001  # of every section
    """The section; what is not stated is said to be so."""
    facts = tuple(
        Fact(title, Text(_state(data.study, name)), name_anchor(name))
        for name, title in TITLES.items()
    )
    return (
        Section(
            "study", "Study", (Facts(facts, "As its authors state it"),),
            part="appendix", gist="What its authors state, in their words",
        ),
    )  # fmt: skip


def name_anchor(name: str) -> str:
    """Where a word of `[study]` stands in the report: `study-reference-standard`."""
    return f"study-{name.replace('_', '-')}"


def _state(study: Study, name: str) -> str:
    stated = getattr(study, name)
    return clean(SAMPLED.get(stated, stated)) if stated else NOT_STATED
