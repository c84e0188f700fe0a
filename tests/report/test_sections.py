"""The sections of a report: one list of them, each of which can be left out and nothing else."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from covidreport.report.formats import render_html, render_markdown
from covidreport.report.options import RenderOptions
from covidreport.report.payload import list_parts
from covidreport.report.sections import SECTIONS, list_hideable
from covidreport.report.view import view_report
from covidreport.text import listed
from tests.report.outline import (
    list_contents,
    part_markdown,
    part_page,
    split_markdown,
    split_page,
)
from tests.report.reading import read_html, read_markdown
from tests.report.tree import read_tree, words_of

ROOT = Path(__file__).resolve().parents[2]
LIMITS, LIMITS_TITLE = "limits", "What this is not"
NAMES = list_hideable()


def _without_terms(page):
    """The page without the signs that lead to the methods, which go with them."""
    return re.sub('<a class="term".*?</a>', "", page)


@pytest.fixture(scope="module")
def whole(everything):
    """The sections of page and Markdown where nothing is hidden, the titles by anchor, the end."""
    page, text = _without_terms(render_html(everything)), render_markdown(everything)
    parts = _words(split_page(page)), _words(split_markdown(text)), dict(list_contents(page))
    assert (part_page(page)[1], part_markdown(text)) == parts[:2]  # read at once or in parts
    return *parts, read_html(page)[-200:]


def _words(sections) -> dict[str, str]:
    return {name: words_of(section) for name, section in sections.items()}


def _anchors(section: str, anchors) -> set[str]:
    return {each for each in anchors if re.fullmatch(rf"{section}(-\d+)?", each)}


def test_a_template_of_ones_own_is_asked_for_each_section_by_its_name(everything, tmp_path):
    """In the order of the list, in both formats; also for those that have nothing to show."""
    for template, render in (("report.html.j2", render_html), ("report.md.j2", render_markdown)):
        (tmp_path / template).write_text(
            f'{{% extends "covidreport/{template}" %}}\n'
            "{% block section %}§{{ name }}§{% endblock %}\n"
        )
        drawn = render(everything, RenderOptions(templates=tmp_path, hide=frozenset({"runs"})))
        assert re.findall(r"§(\w+)§", drawn) == list(SECTIONS)


def test_what_the_report_is_not_is_all_that_can_not_be_left_out():
    """Every other section has words by which it is named where it is."""
    assert set(SECTIONS) - set(NAMES) == {LIMITS}


def test_the_documentation_names_every_section():
    """In their order, with what each is."""
    page = (ROOT / "docs" / "templates.md").read_text()
    part = page[page.index("## Sections on and off") : page.index("## Templates")]

    assert re.findall(r"^\| `(\w+)` \|", part, re.M) == list(NAMES)


def test_a_report_with_everything_has_every_section(whole):
    """In the order of the list, in both formats; the contents lead to each."""
    page, text, titles, _ = whole

    assert list(dict.fromkeys(re.sub(r"-\d+$", "", name) for name in page)) == list(SECTIONS)
    assert list(titles) == list(page)
    assert list(text) == list(titles.values())
    for words in (*page.values(), *text.values()):
        assert len(words) > 40


def _part_names() -> list[tuple[str, ...]]:
    """Half of the sections, then the other half, by each digit of their places written in twos: of
    any two, one is hidden once while the other is shown. And one alone."""
    digits = range((len(NAMES) - 1).bit_length())
    halves = [
        tuple(name for place, name in enumerate(NAMES) if place >> digit & 1 == one)
        for digit in digits
        for one in (0, 1)
    ]
    return [*halves, NAMES[:1]]


def test_each_section_is_hidden_while_any_other_is_shown():
    """So that what goes with a section by mistake is found, whichever of them it is."""
    parts = [set(part) for part in _part_names()]
    assert all(
        any(one in part and other not in part for part in parts)
        for one, other in itertools.permutations(NAMES, 2)
    )


@pytest.mark.parametrize("hidden", _part_names(), ids=lambda part: f"{len(part)} and {part[0]}")
def test_hidden_sections_are_gone_and_nothing_else(everything, whole, hidden):
    """From page, contents, data of the script and Markdown; the end says what is left out."""
    full_page, full_text, titles, full_end = whole
    options = RenderOptions(hide=frozenset(hidden))
    drawn, text = render_html(everything, options), render_markdown(everything, options)
    page = _without_terms(drawn)
    each_gone = [_anchors(name, full_page) for name in hidden]
    gone = set().union(*each_gone)
    kept = {name: words for name, words in full_page.items() if name not in gone}
    around, found = part_page(page)

    assert all(each_gone)
    assert list(found) == list(kept)
    assert dict(list_contents(around)) == {k: v for k, v in titles.items() if k not in gone}
    assert [name for name in kept if found[name] != kept[name]] == []
    shown = part_markdown(text)
    gone_titles = {titles[name] for name in gone}
    kept_text = {title: words for title, words in full_text.items() if title not in gone_titles}
    assert list(shown) == list(kept_text)
    left_out = [SECTIONS[name].words for name in SECTIONS if name in hidden]
    sentence = f"Left out by the configuration: {listed(left_out)}."
    last = list(shown)[-1]
    assert shown[last].endswith(f"{sentence} Made by {view_report(everything).generator}.")
    for title in list(shown)[:-1]:
        assert shown[title] == kept_text[title], title
    assert sentence in words_of(read_tree(around))
    assert [words for words in left_out if words in full_end] == []
    for section in gone:
        assert f'id="{section}' not in page
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    links = re.findall(r'href="#([^"]+)"', drawn)
    assert set(links) <= ids


def test_hidden_cases_are_in_no_part_of_the_file(everything):
    """Nor in the data of the script."""
    tables = [everything.cases, *(each.cases for each in everything.datasets if each.rankings)]
    names = {case.name for table in tables if table is not None for case in table.positives}
    assert len(tables) == 2
    assert None not in tables
    options = RenderOptions(hide=frozenset({"cases"}))
    page, text = render_html(everything, options), render_markdown(everything, options)

    assert any(name in render_html(everything) for name in names)
    assert not [name for name in names if name in page or name in text]


def test_hidden_sections_leave_no_data_to_the_script(everything):
    """Each part of the payload goes with its section."""
    for hidden, part in (("cases", "pictures"), ("ranking", "rankings")):
        view = view_report(everything, frozenset({hidden}))
        assert not list_parts(everything, view).get(part)
    view = view_report(everything, frozenset({"operating", "curves", "referral"}))
    assert "charts" not in list_parts(everything, view)


def test_what_the_report_is_not_stands_in_it_whatever_is_hidden(everything):
    """No configuration takes away that this is no medical device."""
    options = RenderOptions(hide=frozenset(SECTIONS))
    page, text = render_html(everything, options), render_markdown(everything, options)

    assert list(split_page(page)) == [LIMITS]
    assert list(split_markdown(text)) == [LIMITS_TITLE]
    for words in (read_html(page), read_markdown(text)):
        assert "Research software, no medical device and no clinical claim." in words
        assert "Left out by the configuration: the answer, the findings, " in words


def test_a_section_that_there_is_not_is_not_called_left_out(study):
    """Nobody looks for what was never there."""
    without = replace(study, findings=())
    options = RenderOptions(hide=frozenset({"repeats", "operating", "findings"}))

    assert render_html(without, options) == render_html(without)
