"""On paper: everything that is folded can be read, nothing is cut, nothing is left to press."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from covidreport.records import Case, ReportData
from covidreport.report.formats import render_html
from covidreport.report.options import RenderOptions
from covidreport.report.sections import SECTIONS

NARROWEST = 695
"""The narrower of A4 and US Letter within its margins, in CSS pixels: 184 mm (A4)."""

_CUT = """() => [...document.querySelectorAll(
    "main table, main tr > *, main svg, main img, main figure, main p, main li, main dd, main dt")]
  .filter(one => one.getClientRects().length && !one.closest(".hidden"))
  .filter(one => {
    const {left, right} = one.getBoundingClientRect();
    return left < -1 || right > innerWidth + 1;
  })
  .map(one => `${one.closest("section[id]").id}: ${one.outerHTML.slice(0, 80)}`)"""
_OVERLAPPING = """() => [...document.querySelectorAll("main th, main td, main dt, main dd")]
  .filter(one => one.getClientRects().length && !one.closest(".hidden"))
  .filter(one => one.scrollWidth > one.clientWidth + 2)
  .map(one => `${one.closest("section[id]").id}: ${one.outerHTML.slice(0, 80)}`)"""
_UNSEEN = """() => document.body.offsetHeight  // unfolds: that waits for the layout
  && [...document.querySelectorAll("main details > :not(summary)")]
  .filter(one => !one.closest(".controls, .tell"))
  .filter(one => !one.checkVisibility({contentVisibilityAuto: true}))
  .map(one => one.outerHTML.slice(0, 80))"""
_GRID = """() => [...document.querySelectorAll("table.signs")]
  .filter(one => one.getClientRects().length)
  .map(table => ({
    heads: [...table.tHead.querySelectorAll("a")].map(one => one.lastChild.textContent),
    rows: [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText)),
    totals: [...table.tFoot.rows[0].cells].slice(2).map(cell => cell.innerText),
    right: Math.max(...[...table.querySelectorAll("th, td, a")].map(
      one => one.getBoundingClientRect().right)),
    narrowest: Math.min(...[...table.tBodies[0].rows[0].cells].map(one => one.offsetWidth)),
    letters: parseFloat(getComputedStyle(table.tBodies[0].rows[0].cells[2]).fontSize),
  }))"""


@pytest.mark.parametrize("name", ["study_page", "scored_page"])
@pytest.mark.parametrize("script", [True, False])
def test_no_table_or_picture_is_cut(visit, request, name, script):
    """Each fits between the margins of its page, and no cell runs into the next; without the
    appendix, and with it."""
    page = visit(request.getfixturevalue(name), width=NARROWEST, java_script_enabled=script)
    for appendix in (False, True):
        page.emulate_media(media="screen")
        page.locator("#print-appendix").set_checked(appendix)
        page.emulate_media(media="print")

        assert page.evaluate(_CUT) == []
        assert page.evaluate(_OVERLAPPING) == []
        assert page.locator("#ranking table:visible").count() > 0
        assert (page.locator("#runs table:visible").count() > 20) == appendix


def test_what_is_cut_would_be_seen(visit, scored_page):
    """The test above can fail: the ranking asks for more than half a page has."""
    page = visit(scored_page, width=300)
    page.emulate_media(media="print")

    assert any(one.startswith("ranking: ") for one in page.evaluate(_CUT))


@pytest.mark.parametrize(("cases", "parts"), [(30, 1), (31, 2), (300, 10)])
def test_the_grid_of_missed_cases_is_whole(visit, scored_data, tmp_path, cases, parts):
    """Each case once, in its order, with what each run said; without a script."""
    data = _take_cases(scored_data, cases)
    path = tmp_path / "report.html"
    path.write_text(render_html(data), encoding="utf-8")
    page = visit(path, width=NARROWEST, java_script_enabled=False)
    page.emulate_media(media="print")
    tables = page.evaluate(_GRID)

    assert len(tables) == parts
    heads = [head for table in tables for head in table["heads"]]
    assert heads == [str(number) for number in range(1, cases + 1)]
    signs = {"no": "×", "yes": "·", "failed": "?"}
    assert data.cases is not None
    for place, run in enumerate(data.cases.runs):
        rows = [table["rows"][place] for table in tables]
        assert {row[0] for row in rows} == {run}
        assert "".join(sign for row in rows for sign in row[2:]) == "".join(
            signs[case.answers[place]] for case in data.cases.positives
        )
    totals = [int(total) for table in tables for total in table["totals"]]
    assert totals == [
        sum(answer != "yes" for answer in case.answers) for case in data.cases.positives
    ]
    assert max(table["right"] for table in tables) <= NARROWEST + 1
    assert min(table["narrowest"] for table in tables) >= 7
    assert min(table["letters"] for table in tables) >= 8


def _take_cases(data: ReportData, number: int) -> ReportData:
    """The report with so many missed cases, those that it has over and over."""
    assert data.cases is not None
    missed = [case for case in data.cases.positives if set(case.answers) != {"yes"}]
    taken: list[Case] = [
        replace(missed[i % len(missed)], name=f"{missed[i % len(missed)].name}-{i}")
        for i in range(number)
    ]
    return replace(data, cases=replace(data.cases, positives=tuple(taken)))


@pytest.mark.parametrize("script", [True, False])
def test_the_appendix_and_what_is_folded_are_printed_where_that_is_asked_for(
    visit, scored_page, script
):
    """Else the answer and the evidence, and a line that names the choice; nothing to press."""
    page = visit(scored_page, java_script_enabled=script)
    page.emulate_media(media="print")

    pressed = page.locator("button:visible:not(.sort), select:visible, input:visible, nav:visible")
    assert pressed.count() == 0
    assert not page.locator("#runs").is_visible()
    assert "Print the appendix too" in page.locator("main").inner_text()
    heads = page.locator("table.ranked").first.locator("thead").inner_text()
    assert all(name in heads for name in ("Rank", "Missed", "Sensitivity", "Specificity"))
    assert not page.locator("#cases table.listed").first.is_visible()

    page.emulate_media(media="screen")
    page.get_by_label("Print the appendix too").check()
    page.emulate_media(media="print")
    assert page.evaluate(_UNSEEN) == []
    assert pressed.count() == 0
    text = page.locator("main").inner_text()
    assert len(re.findall(r"6 epochs of ", text)) == 18
    assert "The false alarms" in text
    assert "Print the appendix too" not in text


def test_the_report_can_ask_for_its_appendix(visit, study, tmp_path):
    """From the start; a reader can say no, and the address keeps it."""
    path = tmp_path / "report.html"
    path.write_text(render_html(study, RenderOptions(appendix=True)), encoding="utf-8")
    page = visit(path)
    choice = page.get_by_label("Print the appendix too")

    assert choice.is_checked()
    choice.uncheck()
    assert page.evaluate("location.hash").endswith("?appendix=not-printed")
    page.reload()
    assert not choice.is_checked()


@pytest.mark.parametrize("script", [True, False])
def test_without_an_appendix_all_that_is_folded_is_printed(visit, scored_data, tmp_path, script):
    """There is nothing to tick then, in a report that hides it or a plan."""
    appendix = list(SECTIONS)[list(SECTIONS).index("specificity") :]
    path = tmp_path / "report.html"
    options = RenderOptions(hide=frozenset(appendix))
    path.write_text(render_html(scored_data, options), encoding="utf-8")
    page = visit(path, java_script_enabled=script)
    assert page.locator("#print-appendix").count() == 0
    page.emulate_media(media="print")

    assert page.locator("#cases table.listed").count() > 0
    assert page.evaluate(_UNSEEN) == []


def test_the_script_opens_what_is_folded_for_the_printer(visit, scored_page):
    """For browsers whose style can't; afterwards it is folded again, and what was open stays."""
    page = visit(scored_page)
    folded = page.locator("main details:not([open])")
    before = folded.count()
    assert before > 50

    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded.count() == before  # nobody asked for it
    page.get_by_label("Print the appendix too").check()
    page.locator("#runs > details").evaluate("one => { one.open = true; }")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shut = [one for one in folded.all() if not one.evaluate("one => one.closest('.controls')")]
    page.evaluate("dispatchEvent(new Event('afterprint'))")

    assert shut == []
    assert folded.count() == before - 1


def test_an_opened_case_is_not_printed_over_the_page(visit, scored_page):
    """The dialog is for the screen."""
    page = visit(scored_page)
    page.locator("#cases table.signs thead a").first.click()
    assert page.get_by_role("dialog").is_visible()
    page.emulate_media(media="print")

    assert not page.locator("dialog").is_visible()


def test_the_paper_is_light_whatever_the_screen(visit, scored_page):
    """Nobody prints a black page, nor charts in the colours of one."""
    page = visit(scored_page, color_scheme="dark")
    line = ".drawing .line.series-1"
    stroke = f'getComputedStyle(document.querySelector("{line}")).stroke'
    assert page.evaluate(stroke) == "rgb(128, 189, 245)"
    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(21, 32, 43)"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.evaluate(stroke) == "rgb(10, 90, 160)"


def test_what_is_shaded_is_printed_shaded_and_said_in_signs(visit, scored_page):
    """Browsers leave backgrounds out unless a style insists; a sign says the same without."""
    page = visit(scored_page)
    page.emulate_media(media="print")

    for one in ("td.wrong", "tr.best", "tr.alike:not(.best)", "[class*='tint-']"):
        shown = page.locator(one).first.evaluate(
            "one => [getComputedStyle(one).printColorAdjust, getComputedStyle(one).backgroundColor]"
        )
        assert shown[0] == "exact"
        assert shown[1] != "rgba(0, 0, 0, 0)"
    assert set(page.locator("table.signs td.wrong").all_inner_texts()) == {"×"}


@pytest.mark.parametrize("name", ["study_page", "scored_page"])
def test_answer_and_evidence_of_18_runs_are_at_most_8_pages(visit, request, tmp_path, name):
    """Upright, with numbers and links, on A4 and Letter; with the appendix some tens."""
    page = visit(request.getfixturevalue(name))
    for paper in ("A4", "Letter"):
        short, long = (_print(page, paper, appendix, tmp_path) for appendix in (False, True))

        assert 2 < short <= 8, paper
        assert 15 < long < 100, paper


def _print(page, paper, appendix, folder):
    """How many pages it takes; each is upright and has a number."""
    page.locator("#print-appendix").set_checked(appendix)
    drawn = page.pdf(path=folder / "report.pdf", format=paper)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", drawn)
    assert all(float(width) < float(height) for width, height in boxes)
    assert drawn.count(b"/Subtype /Link") > 20
    return len(re.findall(rb"/Type\s*/Page\b", drawn))
