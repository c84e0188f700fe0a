"""axe-core finds nothing wrong: contrast, names, roles, order of headings, what can be focused."""

from __future__ import annotations

import pytest

from covidreport.report import render_html
from tests.report.study import hostile_study

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    """Runs whose names want to be markup."""
    page = tmp_path_factory.mktemp("hostile") / "report.html"
    page.write_text(render_html(hostile_study()), encoding="utf-8")
    return page


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("study_page", "light", 1280),
        ("study_page", "dark", 360),
        ("scored_page", "light", 1600),
        ("scored_page", "dark", 1280),
        ("scored_page", "light", 360),
        ("scored_page", "dark", 360),
        ("hostile_page", "light", 1280),
        ("hostile_page", "dark", 360),
    ],
)
def test_axe_finds_no_violation(visit, request, name, scheme, width):
    """With every fold open, so that nothing is passed over."""
    page = visit(request.getfixturevalue(name), width=width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    found = axe.Axe().run(page)

    assert [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found.response["violations"]
    ] == []
    assert len(found.response["passes"]) > 20
