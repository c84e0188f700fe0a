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
    drawings = page.locator("#curves .drawing")

    assert drawings.evaluate_all("all => all.map(one => one.dataset.chart)") == charts
    for i in range(drawings.count()):
        assert drawings.nth(i).locator("svg path").count() > 4
        assert len(drawings.nth(i).get_attribute("aria-label")) > 40
    assert page.locator("#curves .chosen li").count() == 4


def test_a_run_that_is_hidden_leaves_every_chart(visit, study_page):
    """Three runs are left of four: three colours of lines."""
    page = visit(study_page)
    page.locator("#curves").scroll_into_view_if_needed()
    accuracy = page.locator("[data-chart='accuracy'] .vega-embed svg")
    accuracy.wait_for()
    colours = """svg => new Set(Array.from(svg.querySelectorAll(".mark-line path"),
        one => one.getAttribute("stroke"))).size"""

    assert accuracy.evaluate(colours) == 4
    page.locator("#curves .chosen button").first.click()
    page.wait_for_function(
        f"""() => ({colours})(document.querySelector("[data-chart='accuracy'] svg")) === 3"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_a_chart_follows_the_scheme(visit, scored_page, scheme):
    """No line or text keeps the colour of the other scheme: each has a rule of its own."""
    page = visit(scored_page, color_scheme=scheme, java_script_enabled=False)
    wrong = page.evaluate("""() => {
      const found = [];
      for (const one of document.querySelectorAll(".drawing svg *")) {
        for (const name of ["stroke", "fill"]) {
          const set = one.getAttribute(name);
          if (!set || set === "none" || set === "transparent") continue;
          const rule = Array.from(document.styleSheets[0].cssRules).some(each =>
            each.selectorText === `.drawing [${name}="${set}"]`);
          if (!rule) found.push(`${name} ${set}`);
        }
      }
      return found;
    }""")

    assert wrong == []
