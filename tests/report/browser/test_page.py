"""The page as a whole: what it is allowed, and what is left of it without its script."""

from __future__ import annotations

import pytest

from covidreport.metrics import plan_study
from covidreport.records import PlanGoal, StudyAssumptions
from covidreport.report.formats import render_html
from covidreport.report.options import RenderOptions
from covidreport.report.plan import render_plan


@pytest.mark.parametrize("name", ["study_page", "scored_page"])
def test_the_script_runs_and_asks_for_nothing(visit, request, name):
    """The policy lets the page's own script run; the fixture sees that nothing is refused."""
    page = visit(request.getfixturevalue(name))

    assert page.evaluate("document.documentElement.classList.contains('scripted')")


def test_without_javascript_every_section_is_there(visit, scored_page):
    """Each link of the contents leads to a section that can be seen, with words in it."""
    page = visit(scored_page, java_script_enabled=False)

    links = page.locator("nav.contents a")
    for i in range(links.count()):
        section = page.locator(links.nth(i).get_attribute("href"))
        assert section.is_visible()
        assert len(section.inner_text()) > 40
    assert page.locator("html.scripted").count() == 0
    assert page.locator("table.ranked tbody th.name").count() == 18


@pytest.mark.parametrize("width", [360, 768, 1200, 1600])
def test_the_page_stays_within_the_window_and_wide_tables_say_so(visit, scored_page, width):
    """With everything open nothing but a table's own box goes sideways, and its edge fades until
    its end is reached."""
    page = visit(scored_page, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = """() => [...document.querySelectorAll(".scroll")].map(one =>
        [one.scrollWidth > one.clientWidth, getComputedStyle(one).maskImage !== "none"])"""
    assert [wide for wide, _ in page.evaluate(boxes)] == [
        fades for _, fades in page.evaluate(boxes)
    ]
    ranking = page.locator("#ranking .scroll").first
    assert "gradient" in ranking.evaluate("one => getComputedStyle(one).maskImage")
    ranking.evaluate("one => one.scrollTo({ left: one.scrollWidth })")
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('#ranking .scroll')).maskImage === 'none'"
    )


def test_a_script_that_was_changed_does_not_run(browser, scored_page, tmp_path):
    """The hash in the policy is worth something."""
    text = scored_page.read_text(encoding="utf-8")
    changed = tmp_path / "report.html"
    changed.write_text(text.replace('classList.add("scripted")', 'classList.add("scripted ")'))
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(changed.as_uri())
    context.close()

    assert "Content Security Policy" in said[0]


@pytest.mark.parametrize("hidden", ["ranking", "cases", "operating", "curves", "runs"])
def test_the_script_does_without_a_section_that_is_hidden(visit, everything, tmp_path, hidden):
    """The fixture sees that it says nothing; the other sections still get their controls."""
    path = tmp_path / "report.html"
    path.write_text(
        render_html(everything, RenderOptions(hide=frozenset({hidden}))), encoding="utf-8"
    )
    page = visit(path)

    for section, control in {
        "ranking": "input[type=search]", "operating": "input[type=range]",
        "curves": "select",
    }.items():  # fmt: skip
        found = page.locator(f"#{section} {control}").count()
        assert (found > 0) == (section != hidden), section


def test_the_page_of_a_plan_is_drawn_by_the_same_parts(visit, tmp_path):
    """Its script finds no runs, and says nothing; the fixture sees that nothing is refused."""
    plan = plan_study(
        StudyAssumptions(0.85, between=0.6),
        [PlanGoal("half_width", 0.1), PlanGoal("difference", 0.2)],
        positives=28,
    )
    file = tmp_path / "plan.html"
    file.write_text(render_plan(plan, "covid-19", ".html"), encoding="utf-8")
    page = visit(file, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("figure.chart svg").count() == 2
    assert page.locator("text=Point at a chart").count() == 0
