"""The operating point: a threshold that a reader moves, and what it does to figures and curves."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from covidreport.metrics import count_labels, decide, estimate_scores, wilson
from covidreport.store import read_scores
from covidreport.text import decimal, figure, whole
from tests.report.browser.conftest import render_report

BEST = "exp1-resnet18-bce"


@pytest.fixture
def page(visit, scored_page):
    """The report of 18 runs, at the section."""
    opened = visit(scored_page)
    opened.locator("#operating").scroll_into_view_if_needed()
    opened.wait_for_selector("#operating .drawing[data-chart='net-benefit'] .vega-embed svg")
    return opened


def _row(page, run=BEST) -> list[str]:
    """The values of a run's row, behind its name."""
    row = page.locator("#operating tbody tr").filter(has_text=run)
    texts: list[str] = row.locator("td .value").all_inner_texts()
    return texts


def _move(page, text: str) -> None:
    """Put the slider at the threshold that is written so, as the keyboard does: by its value."""
    page.evaluate(
        """text => {
          const data = JSON.parse(document.getElementById("report-data").textContent);
          const slider = document.getElementById("threshold");
          slider.value = data.charts.texts["covid-19"].indexOf(text);
          slider.dispatchEvent(new Event("input"));
        }""",
        text,
    )


def test_counts_and_rates_move_with_the_threshold(page, scored_runs):
    """At thresholds that nobody evaluated: what the metrics say of the stored scores there."""
    scores = read_scores(next((scored_runs / "exp1").glob("evaluations/*/scores.parquet")))
    for text in ("0.001", "0.31", "0.87", "0.999"):
        counts, figures = estimate_scores(scores, [float(text)] * 3)
        one = counts["covid-19"]
        _move(page, text)

        assert _row(page) == [
            text, whole(one.missed), whole(one.tp), whole(one.false_alarms), whole(one.tn),
            *(figure(figures["covid-19"][m]).value
              for m in ("sensitivity", "specificity", "ppv", "npv")),
        ]  # fmt: skip
        row = page.locator("#operating tbody tr").filter(has_text=BEST)
        notes = row.locator("td .note").all_inner_texts()
        assert figure(figures["covid-19"]["sensitivity"]).interval in notes


def test_the_slider_says_exploratory_as_soon_as_it_leaves_the_evaluated_threshold(page):
    """One step is enough; a step back, and the label is gone."""
    section = page.locator("#operating")
    slider = page.get_by_label("Threshold", exact=True)
    before = _row(page)

    assert "As evaluated." in section.inner_text()
    assert "Exploratory" not in section.inner_text()

    slider.focus()
    page.keyboard.press("ArrowRight")

    assert slider.get_attribute("aria-valuetext") == "0.51"
    assert "Exploratory: at 0.51 no shown run was evaluated." in section.inner_text()
    assert section.locator("tbody tr.exploratory").count() == 4
    assert page.locator("#threshold-said").get_attribute("aria-live") == "polite"

    page.keyboard.press("ArrowLeft")

    assert "Exploratory" not in section.inner_text()
    assert _row(page) == before


def test_a_button_leads_back_to_the_evaluated_thresholds(page):
    """By keyboard; the slider has the focus again."""
    before = _row(page)
    _move(page, "0.02")
    page.get_by_role("button", name="Back to the evaluated thresholds").press("Enter")

    assert _row(page) == before
    assert page.evaluate("document.activeElement.id") == "threshold"


def test_points_on_the_curves_move_with_the_threshold(page):
    """The best run's mark in each chart, and the line that stands at the threshold."""
    marks = """() => Array.from(document.querySelectorAll("#operating .drawing svg"), svg =>
        svg.querySelector(".mark-symbol path").getAttribute("transform"))"""
    before = page.evaluate(marks)
    _move(page, "0.11")
    page.wait_for_function(f"before => ({marks})().every((m, i) => m !== before[i])", arg=before)

    assert page.locator("[data-chart='net-benefit'] .mark-rule.role-mark line").count() == 2


def test_runs_are_chosen_and_keep_their_look(page):
    """A run that is taken away frees its look; another one takes it, in every section."""
    section = page.locator("#operating")
    section.get_by_role("button", name="Hide exp4-vgg16-bce").click()

    assert section.locator("tbody tr").count() == 3
    menu = section.get_by_label("Show another run")
    other = menu.locator("option", has_text="exp7-resnet18-bce").get_attribute("value")
    menu.select_option(value=other)

    names = section.locator("tbody th bdi").all_inner_texts()
    assert names[1] == "exp7-resnet18-bce"
    assert section.locator("tbody th .swatch.series-2").count() == 1
    assert page.locator("#curves .chosen bdi").all_inner_texts() == names
    assert page.locator("#curves .chosen .swatch.series-2").count() == 1


def test_another_label_shows_its_own_counts(page, scored_runs):
    """The figures of pneumonia at its threshold, as evaluated."""
    scores = read_scores(next((scored_runs / "exp1").glob("evaluations/*/scores.parquet")))
    predicted = decide(scores.scores, [0.5] * 3, "logit", scores.failed)
    counts = count_labels(scores.truth, predicted, scores.failed)[2]
    group = page.get_by_role("group", name="Label of the operating points")
    group.get_by_role("button", name="pneumonia").click()

    assert _row(page)[1:3] == [str(counts.missed), str(counts.tp)]
    assert "for pneumonia" in page.locator("#operating caption").inner_text()


def test_the_script_writes_intervals_as_python_does(page):
    """Wilson's ends and their rounding, over a grid of counts: the page's own functions."""
    script = page.locator("script:not([type])").last.text_content()
    assert script is not None
    (source,) = re.findall(r"const wording = (\(\(\) => \{.*?\n\}\)\(\));", script, re.S)
    pairs = [(k, n) for n in (1, 2, 28, 70, 558, 100_000) for k in {0, 1, n // 3, n - 1, n}]
    z = 1.959963984540054
    found = page.evaluate(
        f"pairs => pairs.map(([k, n]) => {{ const w = {source};"
        f" return [w.wilson(k, n, {z}), w.rate(k, n, {z})]; }})",
        pairs,
    )

    for (k, n), ((low, high), (value, interval)) in zip(pairs, found, strict=True):
        expected = wilson(k, n)
        assert np.allclose([low, high], expected, rtol=0, atol=1e-12)
        assert value == decimal(k / n)
        assert interval == f"{decimal(expected[0])} to {decimal(expected[1])}"


def test_the_script_rounds_as_python_does(page):
    """Half-way values, of which JavaScript takes the upper one, and signs of nothing."""
    (source,) = re.findall(
        r"const wording = (\(\(\) => \{.*?\n\}\)\(\));",
        page.locator("script:not([type])").last.text_content(),
        re.S,
    )
    rates = [k / n for n in (1, 7, 16, 28, 80, 628, 2000) for k in range(-n, 2 * n + 1)]
    rates += [-0.0004, 0.0005, -0.0005, 1e-9, 12345.0625]
    counts = [0, 1, 999, 1000, 6200, 1_234_567]
    found = page.evaluate(
        f"([rates, counts]) => {{ const w = {source};"
        " return [rates.map(w.decimal), counts.map(w.whole)]; }",
        [rates, counts],
    )

    assert found == [[*map(decimal, rates)], [*map(whole, counts)]]


def test_the_live_chart_is_the_static_one(visit, scored_page, page):
    """The same curves to the letter, with and without JavaScript."""
    static = visit(scored_page, java_script_enabled=False)
    for name in ("roc", "precision-recall", "net-benefit"):
        lines = f".drawing[data-chart='{name}'] path[d]"
        drawn = static.locator(lines).evaluate_all  # Playwright evaluates without the page's script
        paths = [set(drawn("all => all.map(one => one.getAttribute('d'))"))]
        live = page.locator(lines).evaluate_all("all => all.map(one => one.getAttribute('d'))")
        long = {path for path in paths[0] if len(path) > 200}

        assert len(long) >= 4
        assert long <= set(live)


def test_the_payload_carries_the_views_own_strings(scored_page, scored_runs):
    """What is shown as evaluated is what the tables of the page say of the run."""
    text = scored_page.read_text(encoding="utf-8")
    (payload,) = re.findall(
        r'<script type="application/json" id="report-data">(.*?)</script>', text
    )
    data = json.loads(payload)
    shown = data["charts"]["runs"][0]["labels"]["covid-19"]["shown"]
    (row,) = re.findall(r'<table class="points">.*?<tbody>\s*<tr>(.*?)</tr>', text, re.S)

    for value, note in shown:
        assert f'<span class="value">{value}</span>' in row
        assert f'<span class="note">{note}</span>' in row


def test_exploratory_intervals_say_that_they_take_images_as_independent(page):
    """The evaluated ones are over patients; the sentence comes and goes with the threshold."""
    remark = page.locator("#operating").get_by_text("take images as independent")

    assert not remark.is_visible()
    _move(page, "0.3")
    assert remark.is_visible()
    page.get_by_role("button", name="Back to the evaluated thresholds").click()
    assert not remark.is_visible()


def test_on_a_phone_the_missed_cases_stand_beside_the_run(visit, scored_page):
    """The threshold, which all runs share, stands beside the slider alone; without one it stays."""
    script = visit(scored_page, width=390)
    plain = visit(scored_page, width=390, java_script_enabled=False)
    wide = visit(scored_page, width=1280)
    head = "#operating table.points thead th:visible"

    assert script.locator(head).nth(1).inner_text().startswith("Missed")
    assert script.locator("#operating output.threshold").inner_text() == "0.5"
    assert plain.locator(head).nth(1).inner_text() == "Threshold"
    assert wide.locator(head).nth(1).inner_text() == "Threshold"


def test_thresholds_that_differ_stay_on_a_phone(visit, scored_runs, tmp_path):
    """One run was tuned: each row says its own until a common threshold is chosen."""
    copy = tmp_path / "runs"
    shutil.copytree(scored_runs, copy)
    (file,) = copy.glob("exp1/evaluations/*/evaluation.json")
    stored = json.loads(file.read_text(encoding="utf-8"))
    stored["thresholds"]["covid-19"] = 0.4
    file.write_text(json.dumps(stored), encoding="utf-8")
    page = visit(render_report([copy], tmp_path / "report.html"), width=390)
    head = page.locator("#operating table.points thead th:visible").nth(1)

    page.locator("#operating .chosen button").first.click()
    menu = page.locator("#operating").get_by_label("Show another run")
    menu.select_option(menu.locator("option", has_text=BEST).get_attribute("value"))
    assert page.locator("#operating output.threshold").inner_text() == "each its own"
    assert head.inner_text() == "Threshold"
    _move(page, "0.3")
    assert head.inner_text().startswith("Missed")
