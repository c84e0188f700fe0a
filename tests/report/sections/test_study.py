"""What the authors of a study state, and what they do not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.records import Study
from covidreport.report.formats import render_html, render_markdown
from tests.report.blocks import build, list_facts
from tests.report.reading import read_html, read_markdown
from tests.report.tree import read_tree, words_of

STATED = Study(
    setting="Two hospitals in <Warsaw> & | Łódź", dates="March to June 2020", sampling="random",
    reference_standard="RT-PCR within 48 hours\nof the radiograph", funding="none",
)  # fmt: skip


def test_what_is_stated_stands_there_and_what_is_not_is_said_to_be_so(study):
    """In the order of a paper, each in one line."""
    assert list_facts(build(replace(study, study=STATED), "study")) == {
        "Setting": "Two hospitals in <Warsaw> & | Łódź",
        "Dates": "March to June 2020",
        "Sampling": "random: drawn by chance from those who were eligible",
        "Exclusions": "not stated",
        "Reference standard": "RT-PCR within 48 hours of the radiograph",
        "Registration and protocol": "not stated",
        "Availability of the data": "not stated",
        "Availability of the code": "not stated",
        "Funding": "none",
    }
    assert set(list_facts(build(study, "study")).values()) == {"not stated"}


@pytest.mark.parametrize(
    ("render", "read"), [(render_html, read_html), (render_markdown, read_markdown)]
)
def test_pages_and_texts_have_the_words_as_they_were_written(study, render, read):
    """Whatever signs stand in them."""
    words = read(render(replace(study, study=STATED)))
    assert "Two hospitals in <Warsaw> & | Łódź" in words
    assert "RT-PCR within 48 hours of the radiograph" in words


def test_each_statement_can_be_linked_to(study):
    """Checklists lead there."""
    page = read_tree(render_html(replace(study, study=STATED)))
    told = {each.get("id"): words_of(each) for each in page.iter() if each.get("id")}
    assert told["study-reference-standard"].startswith("Reference standard RT-PCR within 48")
    assert told["study-exclusions"] == "Exclusions not stated"
