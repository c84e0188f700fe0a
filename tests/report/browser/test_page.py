"""The page as a whole: what it is allowed, and what is left of it without its script."""

from __future__ import annotations

import pytest

from covidreport.compare import Plan
from covidreport.metrics import plan_study
from covidreport.records import PlanGoal, StudyAssumptions
from covidreport.report.formats import render_html
from covidreport.report.options import RenderOptions
from covidreport.report.plan import render_plan
from tests.report.browser.conftest import render_report
from tests.report.scored_runs import write_runs
from tests.shared import Share
from tests.visits import OPEN_FOLDS, SIDEWAYS


@pytest.mark.parametrize("name", ["study_page", "scored_page"])
def test_the_script_runs_and_asks_for_nothing(visit, request, name):
    """The policy lets the page's own script run; the fixture sees that nothing is refused."""
    page = visit(request.getfixturevalue(name))

    assert page.evaluate("document.documentElement.classList.contains('scripted')")


def test_without_javascript_every_section_is_there(visit, scored_page):
    """Each link of the contents leads to a section that can be seen, with words in it."""
    page = visit(scored_page, java_script_enabled=False)
    page.locator("#runs summary").first.click()

    links = page.locator("nav.contents a")
    for i in range(links.count()):
        section = page.locator(links.nth(i).get_attribute("href"))
        assert section.is_visible()
        assert len(section.inner_text()) > 30
    assert page.locator("html.scripted").count() == 0
    assert page.locator("table.ranked tbody th.name").count() == 18


@pytest.mark.parametrize(
    ("width", "told"),
    [(1440, []), (900, ["Found, Cleared, NPV"]), (390, ["Found, Cleared, PPV, NPV"])],
)
def test_columns_that_a_narrow_page_leaves_out_are_named_beneath(visit, scored_page, width, told):
    """Where no menu offers them: nobody takes the rest for all there is."""
    page = visit(scored_page, width=width)
    table = page.locator("#operating table.points").first
    names = ", ".join(told).split(", ") if told else []
    for head in table.locator("thead th").all():
        title = head.locator("bdi").first.inner_text()
        # the threshold, where all runs have the same, stands above the table
        assert head.is_visible() == (title not in names) or title == "Threshold", title
    beneath = [each for each in page.locator("#operating .unseen").all() if each.is_visible()]
    assert [each.inner_text() for each in beneath] == [
        f"Left out for want of room: {each}." for each in told
    ]


@pytest.mark.parametrize("script", [True, False])
def test_a_metric_is_explained_one_tap_away(visit, scored_page, script):
    """The head of its column leads to its row among the methods, which unfolds, and says it to a
    pointer; Back leads back."""
    page = visit(scored_page, java_script_enabled=script)
    link = page.locator("#ranking").get_by_role("link", name="What Sensitivity is", exact=True)
    words = link.get_attribute("title")
    assert words
    row = page.locator("#metric-sensitivity")
    if script:
        assert not row.is_visible()
    link.click()
    row.wait_for(state="visible")
    assert words in row.inner_text()
    page.go_back()
    assert link.is_visible()


@pytest.mark.parametrize("name", ["study_page", "scored_page", "pictured_page"])
def test_no_table_goes_sideways(visit, request, name):
    """With everything open, from a phone's width to a wide screen's; on a phone the counts of all
    runs do, in a box of their own."""
    page = visit(request.getfixturevalue(name), width=360)
    page.evaluate(OPEN_FOLDS)

    for width in (360, 768, 1024, 1200, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
        counts_of_all = ("Confusion matrices", "True class") if width < 1024 else ()
        wide = [each for each in page.evaluate(SIDEWAYS) if not each.startswith(counts_of_all)]
        assert wide == [], width


def test_a_table_that_was_made_wide_says_so(visit, scored_page):
    """With every column its edge fades until its end is reached."""
    page = visit(scored_page, width=1024)
    page.locator("#ranking details.menu summary").click()
    boxes = page.locator("#ranking .menu-body input")
    for i in range(boxes.count()):
        boxes.nth(i).check()
    ranking = page.locator("#ranking .scroll").first

    assert "gradient" in ranking.evaluate("one => getComputedStyle(one).maskImage")
    ranking.evaluate("one => one.scrollTo({ left: one.scrollWidth })")
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('#ranking .scroll')).maskImage === 'none'"
    )


@pytest.mark.parametrize("name", ["study_page", "scored_page", "pictured_page"])
def test_a_page_is_read_on_few_screens(visit, request, name):
    """At 1,440 pixels, before anything is unfolded."""
    page = visit(request.getfixturevalue(name), width=1440)
    assert page.evaluate("document.documentElement.scrollHeight") <= 9_000


BASELINE = "exp60-vgg16-bce-balanced"
"""Far down the ranking."""


@pytest.fixture(scope="module")
def long_page(share: Share):
    """Sixty runs with scores, the last of which is the baseline."""

    def make(folder):
        write_runs(folder, runs=60)
        plan = Plan(baseline=BASELINE)
        return render_report([folder], folder / "report.html", plan=plan)

    return share("long-page", make)


def test_of_a_long_table_the_first_rows_stand_until_all_are_asked_for(visit, long_page):
    """The first twenty and the baseline, without a script; with one the address keeps it, and a
    search finds those further down."""
    plain = visit(long_page, java_script_enabled=False, width=1440)
    assert long_page.stat().st_size < 3_000_000
    rows = "#ranking table.ranked tbody tr:not(.divide):visible"
    assert plain.evaluate("document.documentElement.scrollHeight") <= 12_000
    assert plain.locator(rows).count() == 21
    assert plain.locator(f"{rows} th a").last.inner_text() == BASELINE
    plain.locator("#ranking").get_by_label("All 60 rows").first.check()
    assert plain.locator(rows).count() == 60
    assert plain.locator("#cases table.signs").first.locator("tbody tr:visible").count() == 20

    page = visit(long_page)
    page.locator("#ranking").get_by_label("Search").fill("exp5")
    assert page.locator(rows).count() == 11
    page.locator("#ranking").get_by_label("Search").fill("")
    page.locator("#ranking").get_by_label("All 60 rows").first.check()
    page.wait_for_function("() => location.hash === '#ranking?all=1'")
    page.reload()
    assert page.locator(rows).count() == 60


def test_the_contents_mark_where_the_reader_is(visit, scored_page):
    """At the side of a wide page; else a menu that says it, and closes when it has led there."""
    page = visit(scored_page, width=1440)
    marked = page.locator("nav.contents [aria-current]")
    assert marked.inner_text() == "Answer"
    page.locator("nav.contents").get_by_role("link", name="Subgroups").click()
    page.wait_for_function(
        "() => document.querySelector('nav.contents [aria-current]').innerText === 'Subgroups'"
    )
    assert page.locator("nav.contents").bounding_box()["y"] >= 0

    page = visit(scored_page, width=390)
    menu = page.locator("nav.contents summary")
    assert not page.locator("nav.contents a").first.is_visible()
    menu.click()
    page.locator("nav.contents").get_by_role("link", name="Missed cases").click()
    assert not page.locator("nav.contents a").first.is_visible()
    page.wait_for_function(
        "() => document.querySelector('nav.contents .here').innerText === 'Missed cases'"
    )
    assert menu.bounding_box()["y"] < 40


def test_a_link_unfolds_the_appendix(visit, scored_page):
    """Whatever it leads to, and Back goes where it came from."""
    page = visit(scored_page, width=1440)
    assert not page.locator("#methods table").first.is_visible()
    page.locator("nav.contents").get_by_role("link", name="Methods").click()
    page.locator("#methods table").first.wait_for()
    page.go_back()
    page.locator("#answer a").first.click()
    page.locator("#run-1 table").first.wait_for()


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
