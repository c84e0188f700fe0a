"""On paper: everything that is folded can be read, no table is cut, nothing is left to press."""

from __future__ import annotations

import re

import pytest

PORTRAIT, LANDSCAPE = 688, 1009
"""Of A4 within its margins, in CSS pixels: 182 mm and 267 mm."""
WIDE = ".ranking, .against"
"""Sections that `print.css` sets on landscape pages."""

_CUT = """([wide, landscape]) => [...document.querySelectorAll("main table, main svg, main img")]
  .filter(one => (one.closest(wide) !== null) === landscape)
  .filter(one => one.getClientRects().length)
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.querySelector("caption")?.textContent ?? one.outerHTML.slice(0, 80))"""
_UNSEEN = """() => [...document.querySelectorAll("main details > :not(summary)")]
  .filter(one => !one.closest(".controls"))
  .filter(one => !one.checkVisibility({contentVisibilityAuto: true}))
  .map(one => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize(
    ("name", "width", "landscape"),
    [("study_page", PORTRAIT, False), ("study_page", LANDSCAPE, True)],
)
def test_no_table_or_picture_is_cut(visit, request, name, width, landscape):
    """Each fits between the margins of its page."""
    page = visit(request.getfixturevalue(name), width=width)
    page.emulate_media(media="print")

    assert page.evaluate(_CUT, [WIDE, landscape]) == []
    assert page.locator("main table").count() > 20


@pytest.mark.parametrize("script", [True, False])
def test_what_is_folded_is_printed(visit, scored_page, script):
    """With the script and without it; what a reader could press is left out."""
    page = visit(scored_page, java_script_enabled=script)
    page.emulate_media(media="print")

    if script:
        assert page.evaluate(_UNSEEN) == []
    pressed = page.locator("button:visible:not(.sort), select:visible, input:visible, nav:visible")
    assert pressed.count() == 0
    heads = page.locator("table.ranked").first.locator("thead").inner_text()
    assert all(name in heads for name in ("Rank", "Missed", "Sensitivity", "F1"))
    text = page.locator("main").inner_text()
    assert "Figures of each epoch" in text
    assert len(re.findall(r"6 epochs of ", text)) == 18


def test_the_paper_is_light_whatever_the_screen(visit, study_page):
    """Nobody prints a black page."""
    page = visit(study_page, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")

    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(21, 32, 43)"


def test_it_becomes_a_pdf_of_pages_with_numbers_and_links(visit, study_page, tmp_path):
    """Some tens of pages for 18 runs; names lead to their sections there too."""
    page = visit(study_page)
    paper = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True, outline=True)

    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert 20 < pages < 80
    assert paper.count(b"/Subtype /Link") > 100
