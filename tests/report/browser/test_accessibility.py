"""axe-core finds nothing wrong: contrast, names, roles, order of headings, what can be focused."""

from __future__ import annotations

import pytest

from covidreport.report import render_html
from tests.report.browser.conftest import render_report
from tests.report.scored_runs import write_runs
from tests.report.study import hostile_study

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    """Runs whose names want to be markup."""
    page = tmp_path_factory.mktemp("hostile") / "report.html"
    page.write_text(render_html(hostile_study()), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def few_page(tmp_path_factory):
    """As `scored_page`, of six runs: the same parts, repeated less often."""
    folder = tmp_path_factory.mktemp("few")
    write_runs(folder / "runs", runs=6, images=200)
    return render_report([folder / "runs"], folder / "report.html")


def _expect_nothing(page):
    # what passes is counted and not described, which takes most of axe's time
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]})

    assert [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found.response["violations"]
    ] == []
    assert len(found.response["passes"]) > 20


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("study_page", "light", 1280),
        ("study_page", "dark", 360),
        ("scored_page", "light", 1600),
        ("few_page", "dark", 1280),
        ("few_page", "light", 360),
        ("few_page", "dark", 360),
        ("pictured_page", "dark", 1600),
        ("pictured_page", "light", 360),
        ("hostile_page", "light", 1280),
        ("hostile_page", "dark", 360),
    ],
)
def test_axe_finds_no_violation(visit, request, name, scheme, width):
    """With every fold open, so that nothing is passed over."""
    page = visit(request.getfixturevalue(name), width=width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    _expect_nothing(page)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("dark", 360)])
def test_axe_finds_no_violation_once_things_were_set(visit, pictured_page, scheme, width):
    """Charts drawn by the script and read, a threshold that was not evaluated; then a case over
    all."""
    page = visit(pictured_page, width=width, color_scheme=scheme)
    page.goto(f"{pictured_page.as_uri()}#operating?threshold=0.3&split=validation&sort=f1")
    for chart in ("roc", "precision-recall", "net-benefit", "loss", "accuracy", "reliability"):
        line = page.locator(f".chart:has([data-chart='{chart}']) .readout")
        page.locator(f"[data-chart='{chart}']").scroll_into_view_if_needed()
        line.wait_for()
    page.locator("#operating .readout").first.focus()
    assert page.locator("#operating tr.exploratory").count() > 0
    _expect_nothing(page)

    page.locator("#cases .card a").first.click()
    page.get_by_role("dialog").wait_for()
    _expect_nothing(page)
