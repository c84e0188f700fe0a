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


CUT_REPEATS = """() => {
    const TELLING = ["class", "style", "hidden", "role", "scope", "type", "tabindex", "lang"];
    const REFERRING = ["for", "headers", "aria-labelledby", "aria-describedby", "aria-controls",
        "aria-owns", "aria-details", "aria-activedescendant"];
    const KEPT = "h1, h2, h3, h4, h5, h6, caption, th, legend, summary, title";
    const NAMED_BY_CONTENT = `${KEPT}, a, button, label, option`;
    const named = (one, name) => (one.getAttribute(name) ?? "").split(/\\s+/).filter(Boolean);
    const referring = new Map();
    for (const one of document.querySelectorAll(REFERRING.map(name => `[${name}]`).join()))
        for (const id of REFERRING.flatMap(name => named(one, name)))
            referring.set(id, [...(referring.get(id) ?? []), one]);

    const fact = (one, name) => {
        const value = one.getAttribute(name);
        if (REFERRING.includes(name))
            return `[${name}=${named(one, name).every(id => document.getElementById(id))}]`;
        const telling = TELLING.includes(name) || /^aria-(?!label)/.test(name);
        return telling ? `[${name}=${value}]` : `[${name}${value.trim() ? "" : "="}]`;
    };
    const speaks = one => [...one.childNodes].some(each => each.nodeType === 3 && each.data.trim());
    const shape = one => one.localName + (speaks(one) ? "+" : "")
        + one.getAttributeNames().map(name => fact(one, name)).sort().join("");
    const whole = one => `${shape(one)}(${[...one.children].map(whole).join("")})`;
    const needed = one => [one, ...one.querySelectorAll("[id]")].some(
        each => (referring.get(each.id) ?? []).some(from => !one.contains(from)));

    const seen = new Set();
    window.cut = [];
    const walk = (one, above) => {
        const key = `${above}>${whole(one)}`;
        if (seen.has(key) && !one.matches(KEPT) && !needed(one)) {
            const place = document.createComment("cut");
            one.replaceWith(place);
            window.cut.push([place, one]);
            return;
        }
        seen.add(key);
        if (one.matches(NAMED_BY_CONTENT)) return;
        for (const child of [...one.children]) walk(child, `${above}>${shape(one)}`);
    };
    walk(document.body, "");
}"""
"""Takes out what is made as something before it is, below the same: rows, marks, cards that differ
in what they say and not in whether they say anything.

axe takes time for each element that there is, seen or not, and finds the same in both: no rule
colours by position, and what others refer to stays.
"""
PUT_BACK = "() => { for (const [place, one] of window.cut.reverse()) place.replaceWith(one) }"


OPEN_FOLDS = "document.querySelectorAll('details').forEach(one => { one.open = true })"
"""So that nothing is passed over."""


def _expect_nothing(page, contrast_alone=False, within=None):
    page.evaluate(CUT_REPEATS)
    kept = _list_kept(page, {"runOnly": ["color-contrast"]} if contrast_alone else {}, within)
    page.evaluate(PUT_BACK)
    assert "color-contrast" in kept
    if not contrast_alone:
        assert len(kept) > (6 if within else 21)


def _list_kept(page, options, within=None):
    """Which rules axe finds kept, and none broken."""
    found = _run_axe(page, options, within)
    assert [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found["violations"]
    ] == []
    return {each["id"] for each in found["passes"]}


def _run_axe(page, options, within=None):
    # what passes is counted and not described, which takes much of axe's time
    return axe.Axe().run(page, within, {"resultTypes": ["violations"], **options}).response


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
    page.locator("#ranking table.ranked tbody tr").last.locator("td:visible").last.evaluate(
        "one => { one.style.cssText = 'color: #aaa; background: #bbb'; one.textContent = 'pale' }"
    )
    page.evaluate(CUT_REPEATS)
    with pytest.raises(AssertionError, match="color-contrast"):
        _list_kept(page, {"runOnly": ["color-contrast"]})


BROKEN = (
    "one => { one.setAttribute('aria-sort', 'upwards') }",
    "one => { one.setAttribute('role', 'listitem') }",
    'one => { one.innerHTML = \'<button></button><img src="data:,"><a href="#runs"> </a>\' }',
)
FOUND = (
    "aria-valid-attr-value", "aria-required-parent", "button-name", "image-alt", "link-name",
)  # fmt: skip


def test_what_is_wrong_in_a_row_that_repeats_another_would_be_found(visit, pictured_page):
    """Whether something is said, by which role, and of what: it is not taken for a repeat."""
    page = visit(pictured_page)
    cells = page.locator("#ranking table.ranked tbody tr").last.locator("td:visible").all()
    for cell, broken in zip(cells, BROKEN, strict=False):
        cell.evaluate(broken)
    page.evaluate(CUT_REPEATS)
    broken = _run_axe(page, {"runOnly": list(FOUND)})["violations"]
    assert {each["id"] for each in broken} == set(FOUND)
