"""axe-core finds nothing wrong: contrast, names, roles, order of headings, what can be focused."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from msgspec.structs import replace

from covidreport.records import SEVERITIES
from covidreport.report.blocks import (
    Block,
    Chart,
    Code,
    Column,
    Count,
    Fact,
    Facts,
    Grid,
    GridCell,
    GridRow,
    Group,
    Head,
    Items,
    Note,
    Pictures,
    Prose,
    PValue,
    Row,
    Section,
    Table,
    Text,
    walk_blocks,
)  # fmt: skip
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.html import draw_page
from covidreport.report.payload import list_parts
from covidreport.report.view import view_report
from covidreport.storage.runs import discover_runs
from tests.shared import Share
from tests.visits import OPEN_FOLDS

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


HOSTILE = "<script>alert(1)</script> & “quotes” `code`"
TONES = get_args(get_type_hints(Prose)["tone"])
_DRAWS: Any = Chart.draws  # a property, whose function says what there is
DRAWN = set(get_args(get_type_hints(_DRAWS.fget)["return"]))


@pytest.fixture(scope="module")
def whole_page(mapped_page, share: Share):
    """A report with pictures, maps and charts, and a section of what it does not have: every kind
    of block in every tone and severity, of names that want to be markup."""

    def make(folder):
        data = collect_report(discover_runs([mapped_page.parent]), ReportChoices("covid-19", 0.5))
        view = view_report(data)
        view = replace(view, sections={"every": (_write_every(),), **view.sections})
        (folder / "report.html").write_text(draw_page(view, list_parts(data, view)), "utf-8")
        return folder / "report.html", view

    return share("whole-page", make)


def _write_every() -> Section:
    """What no report of good runs has."""
    name = Text(HOSTILE)
    columns = (Column("Run", kind="name"), Column("Missed", kind="missed"), Column("Why"))
    rows = (
        Row((name, Count(3, 20, failed=1), "The best."), best=True, alike=True),
        Row((name, Count(None), Code("x")), alike=True, baseline=True),
        Row((name, Count(9, 20), PValue(0.01, significant=True)), divide="Below: different"),
    )
    head = (Head(Text("normal"), strong=True), Head(Text("covid-19")))
    counted = (GridCell("3", "right", "of 4", 7), GridCell("1", "wrong", "of 4", 2))
    grid = Grid("Counts", (Column("Run", kind="name"),), (head,), (
        GridRow((Head(name),), counted), GridRow((Head(name),), counted[::-1]),
    ), "counts")  # fmt: skip
    notes = tuple(
        Note(severity, HOSTILE, HOSTILE, HOSTILE, (name,), "and 1 more") for severity in SEVERITIES
    )
    items = Items(tuple((HOSTILE,) for _ in SEVERITIES), SEVERITIES)
    styled = (Table(f"A {one} table", columns, rows, one) for one in ("ranked", "pairs", "dense"))
    return Section("every", "Every kind", (
        *(Prose(f"A sentence that is {tone}.", tone) for tone in TONES), items,
        Items((HOSTILE,)), Facts((Fact(HOSTILE, name),), "Facts"), *notes, grid,
        *styled,
        Group((Prose("Folded."),), "A fold", HOSTILE, state="folded"),
    ))  # fmt: skip


def test_the_page_has_every_kind_of_block(whole_page):
    """So that one page is enough: each kind, each drawing, each severity and tone."""
    _, view = whole_page
    sections = [one for all_of in view.sections.values() for one in all_of]
    blocks = [block for one in sections for block in walk_blocks(one.blocks)]

    assert {block.kind for block in blocks} == {kind.kind for kind in get_args(Block)}
    assert {one.draws for one in blocks if isinstance(one, Chart)} == DRAWN
    assert {one.severity for one in blocks if isinstance(one, Note)} == set(SEVERITIES)
    assert {one.tone for one in blocks if isinstance(one, Prose)} == set(TONES)
    assert {one.style for one in blocks if isinstance(one, Grid)} == {"signs", "counts"}
    assert any(one.layers for each in blocks if isinstance(each, Pictures) for one in each.pictures)


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


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_no_violation(visit, whole_page, scheme, width):
    """Every kind of block, all folds open, charts read and a threshold set that was not evaluated;
    then a case over all. In the dark colours alone differ."""
    file, _ = whole_page
    page = visit(file, width=width, color_scheme=scheme)
    page.goto(f"{file.as_uri()}#operating?threshold=0.3&split=validation&sort=f1")
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
    _expect_nothing(page, contrast_alone=scheme == "dark", within="dialog")


def test_what_has_too_little_contrast_would_be_found(visit, whole_page):
    """In a row that repeats another, were it of a colour of its own."""
    page = visit(whole_page[0])
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


def test_what_is_wrong_in_a_row_that_repeats_another_would_be_found(visit, whole_page):
    """Whether something is said, by which role, and of what: it is not taken for a repeat."""
    page = visit(whole_page[0])
    cells = page.locator("#ranking table.ranked tbody tr").last.locator("td:visible").all()
    for cell, broken in zip(cells, BROKEN, strict=False):
        cell.evaluate(broken)
    page.evaluate(CUT_REPEATS)
    broken = _run_axe(page, {"runOnly": list(FOUND)})["violations"]
    assert {each["id"] for each in broken} == set(FOUND)
