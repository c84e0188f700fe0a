"""The ranking as a reader uses it: sorted, filtered, searched, with the address keeping it all."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest


def _names(page: Any) -> list[str]:
    """The runs that the ranking shows, from top to bottom."""
    rows = page.locator("#ranking table.ranked tbody tr:not(.divide):visible th.name")
    return [text.strip() for text in rows.all_inner_texts()]


def _sort(page: Any, title: str) -> None:
    page.locator("#ranking table.ranked thead").get_by_role(
        "button", name=title, exact=True
    ).click()


def test_a_column_is_sorted_both_ways_and_back(visit, study_page):
    """Specificity: exp8 has the best (0.900) and exp18 the worst; a third click restores order."""
    page = visit(study_page)
    given = _names(page)
    head = page.locator("#ranking table.ranked thead th", has_text="Specificity")

    _sort(page, "Specificity")
    assert _names(page)[0] == "exp8-resnet18-focal"
    assert head.get_attribute("aria-sort") == "descending"
    _sort(page, "Specificity")
    assert _names(page)[0] == "exp18-resnet18-focal"
    assert head.get_attribute("aria-sort") == "ascending"
    _sort(page, "Specificity")
    assert _names(page) == given
    assert head.get_attribute("aria-sort") is None
    assert given[0] == "exp15-vgg16-bce-frozen"


def test_the_keyboard_sorts(visit, study_page):
    """A head is a button: focus and Enter do what a click does."""
    page = visit(study_page)
    button = page.locator("#ranking thead").get_by_role("button", name="False alarms", exact=True)
    button.focus()
    page.keyboard.press("Enter")

    assert _names(page)[0] == "exp8-resnet18-focal"  # 60 false alarms, the fewest


def test_runs_are_chosen_by_their_settings_and_counted(visit, study_page):
    """Nine runs are ResNet18, all ranked; of the nine VGG16 two are not; the status says it."""
    page = visit(study_page)
    section = page.locator("#ranking")
    section.get_by_label("Architecture").select_option("resnet18")

    assert all("resnet18" in name for name in _names(page))
    status = section.get_by_role("status")
    assert status.inner_text() == "9 of 16 ranked runs shown, 0 of 2 without a rank"
    section.get_by_label("Loss").select_option("bce")
    assert sorted(_names(page)) == [
        "exp11-resnet18-bce", "exp16-resnet18-bce", "exp3-resnet18-bce", "exp7-resnet18-bce",
    ]  # fmt: skip
    assert not section.locator("tr.divide").is_visible()
    section.get_by_role("button", name="Reset").click()
    assert len(_names(page)) == 16
    assert section.get_by_role("button", name="Reset").is_disabled()


def test_a_search_looks_at_names_and_descriptions(visit, study_page):
    """Two words must both be found: `frozen` and `focal` leave experiment 17 and those it names."""
    page = visit(study_page)
    page.locator("#ranking").get_by_label("Search").fill("frozen vgg16 bce")

    assert _names(page) == ["exp15-vgg16-bce-frozen"]


def test_columns_come_and_go(visit, study_page):
    """Without the column of micro F1 neither its head nor a cell of it is left."""
    page = visit(study_page)
    head = page.locator("#ranking table.ranked thead th", has_text="Micro F1")
    assert not head.is_visible()  # until it is asked for
    page.locator("#ranking details.menu summary").click()
    page.locator("#ranking .menu-body").get_by_label("Micro F1").check()
    assert head.is_visible()
    before = page.locator("#ranking table.ranked tbody tr").first.locator("td:visible").count()
    page.locator("#ranking .menu-body").get_by_label("Micro F1").uncheck()

    assert not head.is_visible()
    cells = page.locator("#ranking table.ranked tbody tr").first.locator("td:visible")
    assert cells.count() == before - 1


def test_the_address_keeps_what_was_set(visit, study_page):
    """Opened again at the same address the page is as it was; a link inside the page keeps it."""
    page = visit(study_page)
    _sort(page, "False alarms")
    page.locator("#ranking").get_by_label("Architecture").select_option("vgg16")
    page.locator("#ranking").get_by_label("Search").fill("focal")
    shown = _names(page)
    assert page.url.endswith("#ranking?sort=false-alarms&architecture=vgg16&search=focal")

    page.reload()
    assert _names(page) == shown
    assert page.locator("#ranking").get_by_label("Search").input_value() == "focal"
    page.locator("nav.contents").get_by_role("link", name="Methods").click()
    page.wait_for_url("**#methods?**")
    page.reload()
    assert _names(page) == shown
    assert page.evaluate("document.getElementById('methods').getBoundingClientRect().top") < 100


def test_an_address_that_means_nothing_is_no_harm(visit, study_page):
    """Columns and values that are not there are passed over."""
    page = visit(study_page)
    given = _names(page)
    page.goto(
        f"{study_page.as_uri()}#ranking?sort=nonsense&architecture=none&hide=x,y&case=z&runs=9"
    )
    page.reload()

    assert _names(page) == given


def test_the_group_that_cannot_be_told_apart_is_set_off_in_words(visit, study_page):
    """The line stands behind the fourteenth run, and is gone when the order is another."""
    page = visit(study_page)
    rows = page.locator("#ranking table.ranked tbody tr").all_inner_texts()

    assert "not significantly different from the best run" in rows[14]
    _sort(page, "Specificity")
    assert page.locator("#ranking tr.divide").count() == 0


def test_the_status_says_by_what_the_rows_are_sorted(visit, study_page):
    """The caption tells of the rank's order only while the rows stand in it."""
    page = visit(study_page)
    status = page.locator("#ranking").get_by_role("status")
    caption = page.locator("#ranking table.ranked caption")
    given = caption.inner_text()
    counted = "16 of 16 ranked runs shown, 2 of 2 without a rank"

    assert "fewest missed first" in given
    assert status.inner_text() == counted
    _sort(page, "Specificity")
    assert status.inner_text() == f"{counted}, sorted by Specificity, descending"
    assert caption.inner_text() == "16 runs sorted by Specificity, descending"
    _sort(page, "Specificity")
    assert status.inner_text() == f"{counted}, sorted by Specificity, ascending"
    _sort(page, "Specificity")
    assert status.inner_text() == counted
    assert caption.inner_text() == given


def test_a_search_that_finds_nothing_says_so_in_the_table(visit, study_page):
    """In one cell as wide as the columns that are shown; the row goes when a run is found."""
    page = visit(study_page)
    search = page.locator("#ranking").get_by_label("Search")
    body = page.locator("#ranking table.ranked tbody")
    search.fill("no such run")

    assert body.inner_text().strip() == "No run matches"
    heads = page.locator("#ranking table.ranked thead th:visible").count()
    assert body.locator("td:visible").get_attribute("colspan") == str(heads)
    search.fill("exp15")
    assert "No run matches" not in body.inner_text()


@pytest.mark.parametrize("width", [390, 1280])
def test_heads_of_the_ranking_stand_apart_and_can_be_touched(visit, scored_page, width):
    """At least 4 pixels from a head's arrow to the next head's text; buttons are 24 high."""
    page = visit(scored_page, width=width)
    places = page.locator("#ranking table.ranked thead th:visible").evaluate_all(
        """heads => heads.map(head => {
          const range = document.createRange();
          range.selectNodeContents(head.querySelector("bdi"));
          const arrow = head.querySelector(".arrow").getBoundingClientRect();
          return [range.getBoundingClientRect().left, arrow.right];
        })"""
    )
    gaps = [after[0] - before[1] for before, after in pairwise(places) if after[0] > before[0]]
    heights = page.locator("#ranking button.sort:visible").evaluate_all(
        "buttons => buttons.map(one => one.getBoundingClientRect().height)"
    )

    assert min(gaps) >= 4
    assert min(heights) >= 24
    hide = page.locator("#operating .chosen button").first.bounding_box()
    assert min(hide["height"], hide["width"]) >= 24


def test_runs_are_grouped_by_a_setting(visit, study_page):
    """Each block under its head, in the order of the ranking; a block without runs has none."""
    page = visit(study_page)
    given = _names(page)
    page.locator("#ranking").get_by_label("Group by").select_option(label="Block")
    body = page.locator("#ranking table.ranked tbody")

    heads = body.locator("tr.divide:visible").all_inner_texts()
    assert heads == [f"Block {name}" for name in ("1", "2", "3", "4", "4b")]
    assert sorted(_names(page)) == sorted(given)
    rows = body.locator("tr:visible").all_inner_texts()
    last = rows[rows.index("Block 4b") + 1 :]
    assert len(last) == 4
    assert last[0].split("\t")[1] == given[0]
    page.locator("#ranking").get_by_label("Search").fill("frozen")
    assert body.locator("tr.divide:visible").all_inner_texts() == ["Block 4b"]
    assert page.url.endswith("#ranking?group=block&search=frozen")
    page.locator("#ranking").get_by_role("button", name="Reset").click()
    assert _names(page) == given
