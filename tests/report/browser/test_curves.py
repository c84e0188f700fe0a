"""Curves of training and calibration, of the runs that a reader chooses."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("name", "charts"),
    [("study_page", ["loss", "accuracy"]), ("scored_page", ["loss", "accuracy", "reliability"])],
)
def test_charts_are_there_without_javascript(visit, request, name, charts):
    """What the folders hold is drawn: histories, and calibration where there are scores."""
    page = visit(request.getfixturevalue(name), java_script_enabled=False)
    page.locator("#curves summary").first.click()
    drawings = page.locator("#curves .drawing:visible")

    names = "all => all.map(one => one.closest('.chart').dataset.chart)"
    assert drawings.evaluate_all(names) == charts
    for i in range(drawings.count()):
        assert drawings.nth(i).locator("svg .line:visible").count() >= 3
        assert len(drawings.nth(i).get_attribute("aria-label")) > 40
    assert page.locator("#curves .chosen li").count() == 4


def test_a_run_that_is_hidden_leaves_every_chart(visit, study_page):
    """Three runs are left of four; another one takes the style that is free."""
    page = visit(study_page)
    page.goto(f"{study_page.as_uri()}#curves")
    seen = "#curves [data-chart='accuracy'] .drawing .line:visible"
    runs = "all => [...new Set(all.map(one => one.dataset.run))]"

    before = page.locator(seen).evaluate_all(runs)
    assert len(before) == 4
    page.locator("#curves .chosen button").first.click()
    assert page.locator(seen).evaluate_all(runs) == [run for run in before if run != "1"]
    assert page.locator("#curves [data-chart='accuracy'] .drawing .dots:visible").count() == 3
    page.get_by_label("Show another run").select_option(index=4)
    (other,) = set(page.locator(seen).evaluate_all(runs)) - set(before)
    classes = page.locator(f"{seen}[data-run='{other}']").first.get_attribute("class")
    assert classes == "line series-1"


def test_one_split_is_shown_alone(visit, scored_page):
    """Its end is marked then; the other split's lines are gone."""
    page = visit(scored_page)
    page.goto(f"{scored_page.as_uri()}#curves")
    splits = "all => [...new Set(all.map(one => one.dataset.split))]"
    loss = page.locator("#curves [data-chart='loss']")

    assert loss.locator(".drawing .line:visible").evaluate_all(splits) == ["training", "validation"]
    assert loss.locator(".drawing .dots:visible").evaluate_all(splits) == ["validation"]
    split = page.get_by_role("group", name="Curves: split")
    split.get_by_role("button", name="training").click()
    assert loss.locator(".drawing .line:visible").evaluate_all(splits) == ["training"]
    assert loss.locator(".drawing .dots:visible").evaluate_all(splits) == ["training"]
    assert loss.locator(".drawing .dots:visible").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_a_chart_follows_the_scheme(visit, scored_page, scheme):
    """No line or text keeps the colour of the other scheme: each has a rule of its own."""
    page = visit(scored_page, color_scheme=scheme, java_script_enabled=False)
    wrong = page.evaluate("""() => {
      const found = [];
      for (const one of document.querySelectorAll(":is(.drawing, .diagram) svg *")) {
        if (one.closest("[data-run], .chosen")) continue;
        for (const name of ["stroke", "fill"]) {
          const set = one.getAttribute(name);
          if (!set || set === "none" || set === "transparent") continue;
          const rule = Array.from(document.styleSheets[0].cssRules).some(each =>
            each.selectorText?.endsWith(` [${name}="${set}"]`) && one.matches(each.selectorText));
          if (!rule) found.push(`${name} ${set}`);
        }
      }
      return found;
    }""")

    assert wrong == []
