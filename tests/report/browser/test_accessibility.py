"""axe-core finds nothing wrong: contrast, names, roles, order of headings, what can be focused."""

from __future__ import annotations

import pytest

from covidreport.report.formats import render_html
from tests.report.browser.conftest import STUDY, render_report
from tests.report.study import hostile_study

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    """Runs whose names want to be markup."""
    page = tmp_path_factory.mktemp("hostile") / "report.html"
    page.write_text(render_html(hostile_study()), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def counted_page(tmp_path_factory):
    """Five runs of the published study, one without a rank: what there is where there are only
    counts, repeated less often."""
    folders = [next(STUDY.glob(f"exp{number}-*")) for number in (1, 2, 3, 9, 15)]
    return render_report(folders, tmp_path_factory.mktemp("counted") / "report.html")


HIDE_REPEATS = """() => {
    const seen = new Set();
    const shape = one => one.localName + [...one.attributes].map(
        each => ["class", "style", "aria-current", "aria-pressed", "hidden"].includes(each.name)
            ? `[${each.name}=${each.value}]` : `[${each.name}]`
    ).sort().join("");
    const whole = one => `${shape(one)}(${[...one.children].map(whole).join("")})`;
    const walk = (one, above) => {
        const key = `${above}>${whole(one)}`;
        if (seen.has(key)) {
            one.setAttribute("data-repeats", one.style.display);
            one.style.setProperty("display", "none", "important");
            return;
        }
        seen.add(key);
        for (const child of one.children) walk(child, `${above}>${shape(one)}`);
    };
    walk(document.body, "");
}"""
"""Hides what is made as something before it is, below the same: rows that differ in text.

Contrast takes nine tenths of axe's time, and is the same in both: no rule colours by position.
"""
SHOW_REPEATS = """() => {
    for (const one of document.querySelectorAll("[data-repeats]")) {
        one.style.display = one.getAttribute("data-repeats");
        one.removeAttribute("data-repeats");
    }
}"""


OPEN_FOLDS = "document.querySelectorAll('details').forEach(one => { one.open = true })"
"""So that nothing is passed over."""


def _expect_nothing(page, contrast_alone=False, within=None):
    # what passes is counted and not described, which takes much of axe's time
    if not contrast_alone:
        asked = {"rules": {"color-contrast": {"enabled": False}}}
        assert _count_kept(page, asked, within) > (5 if within else 20)
    page.evaluate(HIDE_REPEATS)
    assert _count_kept(page, {"runOnly": ["color-contrast"]}, within) == 1
    page.evaluate(SHOW_REPEATS)


def _count_kept(page, options, within=None):
    """How many rules axe finds kept, and none broken."""
    found = axe.Axe().run(page, within, {"resultTypes": ["violations"], **options})
    assert [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found.response["violations"]
    ] == []
    return len(found.response["passes"])


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("counted_page", "light", 360),
        ("counted_page", "dark", 1280),
        ("hostile_page", "light", 1280),
    ],
)
def test_axe_finds_no_violation(visit, request, name, scheme, width):
    """Of counts alone, and where names want to be markup; in the dark colours alone differ."""
    page = visit(request.getfixturevalue(name), width=width, color_scheme=scheme)
    page.evaluate(OPEN_FOLDS)

    _expect_nothing(page, contrast_alone=scheme == "dark")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("light", 360), ("dark", 360)])
def test_axe_finds_no_violation_once_things_were_set(visit, pictured_page, scheme, width):
    """The page that has every kind of block, charts read and a threshold set that was not
    evaluated; then a case over all."""
    page = visit(pictured_page, width=width, color_scheme=scheme)
    page.goto(f"{pictured_page.as_uri()}#operating?threshold=0.3&split=validation&sort=f1")
    page.evaluate(OPEN_FOLDS)
    for chart in ("roc", "precision-recall", "net-benefit", "loss", "accuracy", "reliability"):
        line = page.locator(f"[data-chart='{chart}'] .readout")
        page.locator(f"[data-chart='{chart}']").scroll_into_view_if_needed()
        line.wait_for()
    page.locator("#operating .readout").first.focus()
    assert page.locator("#operating tr.exploratory").count() > 0
    _expect_nothing(page, contrast_alone=scheme == "dark")

    page.locator("#cases .card a").first.click()
    page.get_by_role("dialog").wait_for()
    _expect_nothing(page, within="dialog")


def test_what_has_too_little_contrast_would_be_found(visit, pictured_page):
    """In a row that repeats another, were it of a colour of its own."""
    page = visit(pictured_page)
    page.locator("#ranking tbody tr").last.locator("td:visible").last.evaluate(
        "one => { one.style.cssText = 'color: #aaa; background: #bbb'; one.textContent = 'pale' }"
    )
    page.evaluate(HIDE_REPEATS)
    with pytest.raises(AssertionError, match="color-contrast"):
        _count_kept(page, {"runOnly": ["color-contrast"]})
