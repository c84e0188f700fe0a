"""Missed cases as a reader looks at them: the grid, a case in its dialog, the pictures."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image


def test_the_grid_counts_what_the_ranking_counts(visit, scored_page):
    """In every row as many crosses and question marks as the run missed cases."""
    page = visit(scored_page)
    grids = page.locator("#cases table.signs").all()

    assert len(grids) == 2  # parts of its columns
    for i in range(18):
        rows = [grid.locator("tbody tr").nth(i).locator("td").all_inner_texts() for grid in grids]
        (missed,) = {row[0] for row in rows}
        assert int(missed) == sum(text in ("×", "?") for row in rows for text in row[1:])
    totals = [
        int(text) for grid in grids for text in grid.locator("tfoot td").all_inner_texts()[1:]
    ]
    assert totals == sorted(totals, reverse=True)


def test_a_case_is_opened_and_closed_by_keyboard(visit, scored_page):
    """Enter on its number opens it, arrows go on, Escape closes it and gives the focus back."""
    page = visit(scored_page)
    first = page.locator("#cases table.signs thead a").first
    name = first.get_attribute("title").split(":")[0]
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")

    assert dialog.get_by_role("heading").inner_text() == f"Case {name}"
    assert dialog.locator("tbody tr").count() == 18
    assert page.url.endswith("#cases?case=case-1")
    page.keyboard.press("ArrowRight")
    assert dialog.get_by_role("heading").inner_text() != f"Case {name}"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.hash") == "#case-1"
    page.wait_for_function("() => !location.hash.includes('case=')")


def test_an_address_opens_a_case(visit, scored_page):
    """A link that somebody sent shows the case that it names, and its patient by digest."""
    page = visit(scored_page)
    page.goto(f"{scored_page.as_uri()}#cases?case=case-2")
    page.reload()
    dialog = page.get_by_role("dialog")

    assert dialog.is_visible()
    assert "Patient" in dialog.inner_text()
    assert "patient " not in dialog.locator("dd").first.inner_text()


def test_a_cell_says_what_it_is(visit, scored_page):
    """Under the grid stands in words what the pointer is on; a click opens the case."""
    page = visit(scored_page)
    cell = page.locator("#cases table.signs tbody tr").first.locator("td.wrong").first
    cell.hover()
    line = page.locator("#cases .grid-line").inner_text()

    assert "missed, score 0." in line
    cell.click()
    assert page.get_by_role("dialog").is_visible()


def test_pictures_are_of_missed_cases_and_false_alarms(visit, pictured_page):
    """Every picture has words, is embedded, and opens its case with the same picture."""
    page = visit(pictured_page)
    pictures = page.locator("#cases .card img")

    assert pictures.count() > 10
    for i in range(pictures.count()):
        assert pictures.nth(i).get_attribute("src").startswith("data:image/jpeg;base64,")
        assert pictures.nth(i).get_attribute("alt").startswith("Small picture of image ")
        assert pictures.nth(i).evaluate("one => one.decode().then(() => one.naturalWidth)") == 96
    pictures.first.click()
    assert page.get_by_role("dialog").locator("img").is_visible()


def test_without_pictures_the_page_says_how_to_get_them(visit, scored_page):
    """Nobody asked for pictures: there is none, and the command is named."""
    page = visit(scored_page)

    assert page.locator("#cases img").count() == 0
    assert "evaluate --thumbnails" in page.locator("#cases").inner_text()


def test_without_javascript_the_grid_leads_to_the_list(visit, scored_page):
    """The number of a case is a link to its row, which stands in a fold."""
    page = visit(scored_page, java_script_enabled=False)

    assert page.locator("#cases table.signs tbody td.wrong").count() > 50
    target = page.locator("#cases table.signs thead a").first.get_attribute("href")
    assert target == "#case-1"
    page.locator("#cases details:has(table.listed) summary").first.click()
    assert page.locator("#case-1").is_visible()


def test_counts_alone_say_why_there_is_no_grid(visit, study_page):
    """The published study has no scores."""
    page = visit(study_page)
    text = page.locator("#cases").inner_text()

    assert "which ones is not" in text
    assert page.locator("#cases table").count() == 0


def test_the_cases_of_one_run_are_picked_out(visit, pictured_page):
    """Grid, pictures and lists show what that run got wrong, the arrows of a case go through it
    alone, and the address keeps it."""
    page = visit(pictured_page)
    section = page.locator("#cases")
    row = section.locator("table.signs tbody tr", has_text="exp3-resnet18-bce-balanced")
    missed = int(row.locator("td").first.inner_text())
    section.get_by_label("Cases that were wrong for").select_option(
        label="exp3-resnet18-bce-balanced"
    )

    assert row.locator("td.wrong:visible").count() == missed > 0
    assert row.locator("td:visible").count() == missed + 1
    cards = section.locator(".gallery").first.locator(".card:visible")
    assert cards.count() == missed
    assert f"{missed} of " in section.get_by_role("status").inner_text()
    cards.first.locator("a").click()
    dialog = page.get_by_role("dialog")
    names = set()
    for _ in range(missed + 2):
        names.add(dialog.get_by_role("heading").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(names) == missed
    page.keyboard.press("Escape")
    page.wait_for_function("() => location.hash === '#cases?missed=3'")
    page.reload()
    assert row.locator("td:visible").count() == missed + 1
    section.get_by_label("Cases that were wrong for").select_option(label="any run")
    assert row.locator("td:visible").count() > missed + 1


def test_a_map_lies_over_the_picture_and_opens_with_it(visit, mapped_page):
    """Under each case's picture, and in its dialog beside the bare picture: the corner is orange,
    where nothing else is; the mean says the same."""
    page = visit(mapped_page)
    card = page.locator("#cases .card:has(.looks)").first
    card.locator("summary", has_text="Where runs look").click()
    layer = card.locator(".layer svg.seen")
    assert layer.is_visible()
    assert _differs(page, layer) > 40
    card.locator(":scope > .seen").click()
    dialog = page.get_by_role("dialog")

    assert dialog.locator(".facts > img").is_visible()
    drawn = dialog.locator(".layer svg.seen")
    assert drawn.is_visible()
    assert _differs(page, drawn) > 40
    assert "without the patch at the upper left" in dialog.inner_text()
    marks = page.locator("#maps .frame").first.locator("svg rect")
    assert [marks.nth(i).get_attribute("fill") for i in range(marks.count())] == ["#e66101"]
    assert "at the upper left" in page.locator("#maps").inner_text()


def _differs(page, layer) -> float:
    """How much more red than blue the first patch of a map is on the screen, and no other."""
    pixels = np.asarray(Image.open(io.BytesIO(layer.screenshot())).convert("RGB"), int)
    side = pixels.shape[1] / 8
    differences = []
    for across, down in ((0, 0), (4, 4), (7, 1)):
        red, _, blue = pixels[int((down + 0.5) * side), int((across + 0.5) * side)]
        differences.append(float(red - blue))
    assert differences[1:] == [0, 0]
    return differences[0]


def test_maps_need_neither_script_nor_style_nor_embedded_pictures(visit, mapped_page, tmp_path):
    """As a server's policy has it that drops all three: the mean is drawn in marks."""
    page = mapped_page.read_text(encoding="utf-8")
    bare = re.sub(r"<style>.*?</style>|<ima?g[^>]*>", "", page, flags=re.DOTALL)
    (tmp_path / "bare.html").write_text(bare, encoding="utf-8")
    seen = visit(tmp_path / "bare.html", java_script_enabled=False)
    frame = seen.locator("#maps .frame").first
    pixels = np.asarray(Image.open(io.BytesIO(frame.screenshot())).convert("RGB"))

    assert pixels[12, 12] == pytest.approx((232, 113, 26), abs=4)  # orange over white
    assert tuple(pixels[88, 88]) == (255, 255, 255)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_maps_fit_every_page(visit, mapped_page, width, scheme):
    """Nothing goes sideways, and the scale says both ends."""
    page = visit(mapped_page, width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#maps .map-scale text").all_text_contents()[1] == "0"
