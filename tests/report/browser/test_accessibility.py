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


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("study_page", "light", 1280),
        ("study_page", "dark", 360),
        ("scored_page", "light", 1600),
        ("few_page", "dark", 1280),
        ("few_page", "light", 360),
        ("few_page", "dark", 360),
        ("hostile_page", "light", 1280),
        ("hostile_page", "dark", 360),
    ],
)
def test_axe_finds_no_violation(visit, request, name, scheme, width):
    """With every fold open, so that nothing is passed over."""
    page = visit(request.getfixturevalue(name), width=width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    # what passes is counted and not described, which takes most of axe's time
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]})

    assert [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found.response["violations"]
    ] == []
    assert len(found.response["passes"]) > 20
