"""The checklists have all their items, each answered by a place of the report or by none."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from msgspec.structs import replace

from covidreport.records import CaseMap, MeanMap, PixelSpec, RunMaps, Study
from covidreport.report.checklists import CHECKLISTS
from covidreport.report.checklists.draw import FORMATS, NOT_REPORTED, answer
from covidreport.report.formats import render_html
from covidreport.report.options import RenderOptions
from tests.report.reading import read_html, read_markdown
from tests.report.tree import read_tree, words_of

STATED = Study(
    setting="two hospitals", dates="2020", reference_standard="RT-PCR", exclusions="none",
    sampling="consecutive", registration="NCT1", code="here", data="there", funding="none",
)  # fmt: skip
NUMBERS = {
    "stard": (30, "10a 10b 12a 12b 13a 13b 21a 21b"),
    "tripod-ai": (
        27, "3a 3b 3c 5a 5b 6a 6b 6c 8a 8b 8c 9a 9b 9c 12a 12b 12c 12d 12e 12f 12g 18a 18b 18c 18d "
        "18e 18f 20a 20b 20c 23a 23b 27a 27b 27c",
    ),
    "claim": (44, ""),
}  # fmt: skip
"""How many items each has, and which of them have parts, as they are published."""


@pytest.fixture(scope="module")
def stated(everything):
    """The report of everything, with all that authors can state and maps of a case."""
    case = everything.cases.positives[0].name
    drops = ((0.3, 0.0), (0.0, 0.0))
    maps = RunMaps(
        everything.cases.runs[0], "black", PixelSpec(64, 64, "pad"), 1,
        None, MeanMap(1, 1.0, 0.3, 0, 0, drops), 0, {case: CaseMap(False, 0.2, 0.3, 0, 0, drops)},
    )  # fmt: skip
    return replace(everything, study=STATED, cases=replace(everything.cases, maps=(maps,)))


@pytest.fixture(scope="module")
def page(stated):
    """Its elements by their ids."""
    return {
        each.get("id"): each for each in read_tree(render_html(stated)).iter() if each.get("id")
    }


@pytest.mark.parametrize("name", CHECKLISTS)
def test_every_item_is_there_once_in_its_order(name):
    """Under the numbers that it is published with."""
    number, parts = NUMBERS[name]
    with_parts = {re.sub(r"\D", "", part) for part in parts.split()}
    wanted: list[str] = []
    for each in map(str, range(1, number + 1)):
        own = [part for part in parts.split() if re.sub(r"\D", "", part) == each]
        wanted += own if each in with_parts else [each]

    assert [item.number for item in CHECKLISTS[name].items] == wanted
    assert len({item.topic for item in CHECKLISTS[name].items}) > number - 8
    assert "doi:10." in CHECKLISTS[name].source


@pytest.mark.parametrize("name", CHECKLISTS)
def test_every_place_that_a_checklist_knows_is_one_of_the_page(name, page):
    """No anchor is misspelt, and all of them are there where there is all to be told."""
    anchors = {anchor for item in CHECKLISTS[name].items for anchor in item.anchors}
    assert len(anchors) > 10
    assert [anchor for anchor in anchors if anchor not in page] == []


@pytest.mark.parametrize("name", CHECKLISTS)
def test_what_is_reported_can_be_read_at_its_place(name, stated, page):
    """The place has the words that the checklist calls it by, and holds more than a title."""
    answered = answer(name, stated)
    assert sum(bool(each.places) for each in answered.items) > 15
    for each in answered.items:
        assert bool(each.places) == bool(each.item.anchors), each.item
        for place in each.places:
            words = words_of(page[place.anchor])
            assert len(words) > len(place.title)
            assert NOT_REPORTED not in words


def test_robustness_and_explanations_are_answered_where_there_are_figures(stated, everything):
    """By changed and blacked-out pictures, and by maps; without maps nothing is explained."""
    with_maps, without = (
        {each.item.number: {place.anchor for place in each.places} for each in answered.items}
        for answered in (answer("claim", stated), answer("claim", everything))
    )
    assert with_maps["30"] >= {"disturbed", "shortcuts"}
    assert (with_maps["31"], without["31"]) == ({"maps"}, set())


@pytest.mark.parametrize("name", CHECKLISTS)
def test_what_nobody_stated_is_not_reported(name, everything):
    """Though the place is there, and says that it is not stated."""
    for each in answer(name, everything).items:
        assert not [place for place in each.places if place.anchor.startswith("study-")]


def test_one_statement_answers_its_items_alone(everything):
    """Each word of `[study]` by itself."""
    funded = replace(everything, study=Study(funding="a grant"))
    new = {
        each.item.number
        for each, before in zip(
            answer("stard", funded).items, answer("stard", everything).items, strict=True
        )
        if each.places != before.places
    }
    assert new == {"30"}


def test_what_is_hidden_or_unknown_is_not_reported(stated, study):
    """A section that is left out answers nothing, nor does one that has nothing to show."""
    by_number = {
        each.item.number: {place.anchor for place in each.places}
        for each in answer(
            "stard", stated, RenderOptions(hide=frozenset({"subgroups", "study"}))
        ).items
    }
    assert by_number["17"] == by_number["9"] == by_number["19"] == set()
    assert by_number["24"] == {"ranking"}
    counts_alone = {each.item.number: each.places for each in answer("stard", study).items}
    assert counts_alone["20"] == counts_alone["17"] == ()


@pytest.mark.parametrize("name", CHECKLISTS)
def test_each_format_has_every_item_with_its_answer(name, stated):
    """As a page, as text, as a table and as a document."""
    answered = answer(name, stated)
    document = json.loads(FORMATS[".json"](answered))
    rows = list(csv.DictReader(io.StringIO(FORMATS[".csv"](answered))))
    texts = read_html(FORMATS[".html"](answered)), read_markdown(FORMATS[".md"](answered))
    told = sum(bool(each.places) for each in answered.items)

    assert [row["item"] for row in rows] == [each["item"] for each in document["items"]]
    assert sum(each["reported"] for each in document["items"]) == told
    assert sum(int(row["reported"]) for row in rows) == told
    for each, row, said in zip(answered.items, rows, document["items"], strict=True):
        assert row["item"] == said["item"] == each.item.number
        assert row["anchors"].split() == [one["anchor"] for one in said["where"]]
        for words in texts:
            assert each.item.topic in words
    for words in texts:
        assert f"{told} of {len(rows)} items" in words
        assert words.count(NOT_REPORTED) == len(rows) - told
