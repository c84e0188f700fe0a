"""The reports whose formats are compared, each rendered once."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from covidreport.records import ReportData
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_csv, render_html, render_json, render_markdown
from covidreport.storage.runs import discover_runs
from tests.report.outline import list_contents, split_markdown, split_page
from tests.shared import Share

STUDY = Path(__file__).parents[3] / "examples" / "study-2020"


@dataclass(frozen=True)
class Formats:
    """One report in all of its formats, as they are read."""

    name: str
    data: ReportData
    titles: dict[str, str]
    """Of the page's sections, by their ids."""
    page: dict[str, Element]
    text: dict[str, Element]
    """The sections of Markdown, by their titles; nothing is left out for its length."""
    document: Any
    rows: list[dict[str, str]]

    def pairs(self) -> list[tuple[str, Element, Element]]:
        """Each section of the page beside the one of the same title in Markdown, by its id."""
        return [(name, part, self.text[self.titles[name]]) for name, part in self.page.items()]


@pytest.fixture(
    scope="session",
    params=["study", "hostile", "compared", "detailed", "everything", "published"],
)
def formats(request, share: Share) -> Formats:
    """A small study, one of hostile names, two with comparisons and details, one with every
    section, and the published one."""
    name = request.param
    if name == "published":
        runs = discover_runs([STUDY])
        data = collect_report(runs, ReportChoices("covid-19", 0.5))
    else:
        data = request.getfixturevalue(name)
    return share(f"formats-{name}", lambda _: read_formats(name, data))


def read_formats(name: str, data: ReportData) -> Formats:
    """All formats of a report."""
    page = render_html(data)
    return Formats(
        name,
        data,
        dict(list_contents(page)),
        split_page(page),
        split_markdown(render_markdown(data)),
        json.loads(render_json(data)),
        list(csv.DictReader(io.StringIO(render_csv(data)))),
    )
