"""The address keeps what a reader has set: a copied link opens the same view, Back leads back."""

from __future__ import annotations

import html
from typing import Any

import pytest


def _hash(page: Any, words: str) -> None:
    """Wait until the address says so: it is written a moment after a slider was moved."""
    page.wait_for_function("words => location.hash === words", arg=words)


def _open(page: Any, page_file: Any, words: str) -> None:
    """As a link from elsewhere does: in a page that knows nothing yet."""
    page.goto("about:blank")
    page.goto(f"{page_file.as_uri()}{words}")


def _runs_at_the_operating_point(page: Any) -> list[str]:
    names: list[str] = page.locator("#operating tbody th bdi").all_inner_texts()
    return names


def test_a_link_opens_the_operating_point_that_was_set(visit, scored_page):
    """Label, runs and threshold: by clicks and keys in one page, by the address in another."""
    page = visit(scored_page)
    section = page.locator("#operating")
    section.get_by_role("button", name="pneumonia").click()
    section.get_by_role("button", name="Hide exp4-vgg16-bce").click()
    section.get_by_label("Show another run").select_option(label="12  exp9-resnet18-bce-balanced")
    slider = page.get_by_label("Threshold", exact=True)
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.hash.includes('threshold=')")
    caption = section.locator("caption").inner_text()
    rows = section.locator("tbody").inner_text()

    other = visit(scored_page)
    _open(other, scored_page, page.evaluate("location.hash"))

    assert "At a threshold of 0.53, for pneumonia" in caption
    assert other.locator("#operating caption").inner_text() == caption
    assert other.locator("#operating tbody").inner_text() == rows
    assert other.locator("#operating .slider-bar output").inner_text() == "0.53"
    pressed = other.locator("#operating button[aria-pressed='true']")
    assert pressed.all_inner_texts() == ["pneumonia"]
    top = other.evaluate("document.getElementById('operating').getBoundingClientRect().top")
    assert abs(top) < 100


def test_the_evaluated_threshold_is_not_in_the_address(visit, scored_page):
    """What a page shows by itself needs no word."""
    page = visit(scored_page)
    slider = page.get_by_label("Threshold", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    _hash(page, "#operating?threshold=0.51")
    page.get_by_role("button", name="Back to the evaluated thresholds").click()

    _hash(page, "#operating")


def test_a_link_opens_the_curves_that_were_set(visit, scored_page):
    """Two runs, and the validation split alone: one line for each run, none dashed."""
    page = visit(scored_page)
    _open(page, scored_page, "#curves?shown=1,,12&split=validation")
    lines = page.locator("[data-chart='loss'] .drawing .line:visible")

    names = page.locator("#curves .chosen bdi").all_inner_texts()
    assert [name.split("-")[0] for name in names] == ["exp1", "exp9"]
    assert lines.count() == 2
    assert page.locator("#curves .chosen .swatch.series-3").count() == 1
    page.locator("#curves").get_by_role("button", name="both").click()
    assert lines.count() == 4
    _hash(page, "#curves?shown=1,,12")


def test_all_runs_can_be_hidden_and_stay_so(visit, scored_page):
    """Nothing shown is a choice too."""
    page = visit(scored_page)
    hide = page.locator("#operating .chosen button")
    for _ in range(hide.count()):
        hide.first.click()
    _hash(page, "#operating?shown=none")
    page.reload()

    assert _runs_at_the_operating_point(page) == []


def test_back_closes_a_case_and_forward_opens_it(visit, scored_page):
    """A case lies over the page; what was set behind it stays, and the place on the page too."""
    page = visit(scored_page)
    page.locator("#ranking thead").get_by_role("button", name="Specificity", exact=True).click()
    first = page.locator("#cases .signs thead a").first
    first.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    first.click()
    dialog = page.get_by_role("dialog")
    _hash(page, "#cases?sort=-specificity&case=case-1")

    page.go_back()
    dialog.wait_for(state="hidden")
    assert page.evaluate("location.hash") == "#ranking?sort=-specificity"
    assert abs(page.evaluate("scrollY") - before) < 50
    page.go_forward()
    dialog.wait_for()
    page.keyboard.press("Escape")
    _hash(page, "#ranking?sort=-specificity")
    assert not dialog.is_visible()


def test_a_case_leads_to_a_run_and_back(visit, scored_page):
    """The run's section opens; Back opens the case again."""
    page = visit(scored_page)
    page.locator("#cases .signs thead a").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="exp5-resnet18-focal").click()
    dialog.wait_for(state="hidden")

    page.wait_for_function("() => location.hash.startsWith('#run-')")
    assert "case=" not in page.evaluate("location.hash")
    run = page.locator("#runs details.part > details").filter(
        has=page.get_by_role("heading", name="exp5-resnet18-focal", exact=True)
    )
    assert run.get_attribute("open") is not None
    page.go_back()
    dialog.wait_for()
    assert page.evaluate("location.hash") == "#cases?case=case-1"


def test_back_undoes_a_link_and_keeps_what_was_set(visit, study_page):
    """A link inside the page is a step; what is set on the way belongs to the place."""
    page = visit(study_page)
    page.locator("nav.contents").get_by_role("link", name="Curves").click()
    page.locator("#curves").get_by_role("button", name="validation").click()
    _hash(page, "#curves?split=validation")
    page.locator("nav.contents").get_by_role("link", name="Ranking").click()
    _hash(page, "#ranking?split=validation")
    page.locator("#ranking").get_by_role("button", name="Specificity", exact=True).click()
    _hash(page, "#ranking?split=validation&sort=-specificity")

    page.go_back()
    _hash(page, "#curves?split=validation")
    assert page.locator("#ranking th[aria-sort]").count() == 0
    page.go_forward()
    _hash(page, "#ranking?split=validation&sort=-specificity")
    assert page.locator("#ranking th[aria-sort]").count() == 1


@pytest.mark.parametrize("name", ["study_page", "scored_page"])
def test_an_address_that_means_nothing_is_no_harm_and_is_mended(visit, request, name):
    """Unknown names, runs, labels, thresholds and cases are passed over and forgotten."""
    file = request.getfixturevalue(name)
    page = visit(file)
    given = page.locator("main").inner_text()
    _open(
        page, file,
        "#nowhere?label=rabies&threshold=7&shown=99,x,-1,1.5&split=test&case=case-0&missed=0"
        "&sort=constructor&hide=__proto__&architecture=toString&search=&unheard=of&x=%E0%A4",
    )  # fmt: skip

    assert page.locator("main").inner_text() == given
    assert page.evaluate("location.hash") == "#nowhere"
    _open(page, file, "#curves?shown=99,2")
    assert page.locator("#curves .chosen li").count() == 1


def test_a_page_inside_another_works_without_an_address(visit, scored_page, tmp_path):
    """As a notebook or a preview embeds it: what is set is shown and nowhere kept."""
    frame = tmp_path / "frame.html"
    text = html.escape(scored_page.read_text(encoding="utf-8"))
    frame.write_text(f'<iframe width="1200" height="800" srcdoc="{text}"></iframe>', "utf-8")
    inside = visit(frame).frames[1]
    inside.locator("#ranking thead").get_by_role("button", name="Specificity", exact=True).click()

    assert inside.locator("#ranking th[aria-sort]").count() == 1
    inside.locator("#cases .signs thead a").first.click()
    dialog = inside.get_by_role("dialog")
    dialog.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()
