"""The page by keyboard alone: Tab, Enter, Space, Escape and the arrow keys; no pointer at all."""

from __future__ import annotations

import pytest

_FOCUSED = """() => {
  const one = document.activeElement;
  return { tag: one.tagName.toLowerCase(), text: (one.innerText ?? "").trim(),
    id: one.id, label: one.getAttribute("aria-label") ?? "" };
}"""
_UNSEEN = """() => {
  const one = document.activeElement;
  const box = one.getBoundingClientRect();
  const style = getComputedStyle(one);
  const seen = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight
    && box.right > 0 && box.left < innerWidth;
  const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return seen && ringed ? null : one.outerHTML.slice(0, 120);
}"""


def _tab_to(page, wanted, most=300):
    """Tab until what has the focus is `wanted` (a function of JavaScript says so)."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"({wanted})(document.activeElement)"):
            return
    raise AssertionError(f"not reached by Tab: {wanted}")


def test_the_first_stop_skips_to_the_report(visit, study_page):
    """The link is seen when it has the focus; the next stop lies in the report."""
    page = visit(study_page)
    page.keyboard.press("Tab")

    assert page.evaluate(_FOCUSED)["text"] == "Skip to the report"
    assert page.evaluate(_UNSEEN) is None
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_contents_lead_to_a_section(visit, scored_page):
    """Enter on a link; Tab goes on inside the section."""
    page = visit(scored_page)
    _tab_to(page, "one => one.innerText === 'Operating point'")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('section').id") == "operating"


def test_the_ranking_is_sorted_filtered_and_its_columns_chosen(visit, study_page):
    """In the order in which the stops come: search, settings, columns, reset, heads of columns."""
    page = visit(study_page, width=1440)
    _tab_to(page, "one => one.type === 'search'")
    page.keyboard.type("bce")
    _tab_to(page, "one => one.getAttribute('aria-label') === 'Architecture'", 4)
    page.keyboard.press("ArrowDown")
    names = (
        "table => Array.from(table.querySelectorAll('tbody th.name'), one => one)"
        ".filter(one => one.checkVisibility()).map(one => one.innerText)"
    )
    table = page.locator("#ranking table.ranked")
    assert table.evaluate(names)
    assert all("resnet18-bce" in name for name in table.evaluate(names))

    _tab_to(page, "one => one.tagName === 'SUMMARY' && one.innerText === 'Columns'", 6)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert not table.locator("thead th", has_text="Block").is_visible()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert page.evaluate(_FOCUSED)["text"] == "Columns"
    assert not page.locator("#ranking .menu-body").is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUSED)["text"] == "Reset"
    page.keyboard.press("Enter")
    assert len(table.evaluate(names)) == 16

    _tab_to(page, "one => one.innerText === 'Specificity'", 12)
    page.keyboard.press("Enter")
    assert table.locator("thead th", has_text="Specificity").get_attribute("aria-sort")
    assert page.evaluate(_FOCUSED)["text"].startswith("Specificity")


def test_a_case_is_opened_walked_and_closed(visit, scored_page):
    """The focus is kept inside while it is open and returns to the number it came from."""
    page = visit(scored_page)
    _tab_to(page, "one => one.hash === '#case-2'")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    title = dialog.get_by_role("heading").inner_text()
    assert page.evaluate(_FOCUSED)["text"] == "Close"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert dialog.get_by_role("heading").inner_text() != title
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('dialog, body').tagName") in (
            "DIALOG", "BODY",
        )  # fmt: skip
        assert page.evaluate("document.activeElement.closest('main')") is None
    page.keyboard.press("Escape")

    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.hash") == "#case-2"


def test_the_threshold_is_moved(visit, scored_page):
    """Arrow keys on the slider; the arrows of a chart's line after it."""
    page = visit(scored_page)
    _tab_to(page, "one => one.id === 'threshold'")
    page.keyboard.press("ArrowRight")
    assert "Exploratory" in page.locator("#threshold-said").inner_text()
    page.locator("#operating .readout").first.wait_for()
    _tab_to(page, "one => one.classList.contains('readout')", 6)
    before = page.evaluate(_FOCUSED)["text"]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(_FOCUSED)["text"] != before


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [("study_page", "light", 1280), ("study_page", "dark", 360), ("scored_page", "dark", 1280)],
)
def test_whatever_has_the_focus_is_seen(visit, request, name, scheme, width):
    """Each of the first 250 stops lies in the window and has a ring of two pixels or more."""
    page = visit(request.getfixturevalue(name), width=width, color_scheme=scheme)
    page.wait_for_function("() => document.documentElement.classList.contains('scripted')")
    unseen = []
    for _ in range(250):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        unseen.append(page.evaluate(_UNSEEN))

    assert [one for one in unseen if one] == []
    assert len(unseen) > 60
