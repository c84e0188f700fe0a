"""The operating point: a threshold that a reader moves, and what it does to figures and curves."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from covidreport.metrics import count_labels, estimate_scores, predict_labels
from covidreport.store import read_scores
from covidreport.text import decimal, format_estimate, whole
from tests.report.browser.conftest import render_report

BEST = "exp1-resnet18-bce"


@pytest.fixture
def page(visit, scored_page):
    """The report of 18 runs, at the section."""
    opened = visit(scored_page)
    opened.locator("#operating").scroll_into_view_if_needed()
    return opened


def _row(page, run=BEST) -> list[str]:
    """The values of a run's row, behind its name."""
    row = page.locator("#operating tbody tr").filter(has_text=run)
    texts: list[str] = row.locator("td > :first-child").all_inner_texts()
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
    """At thresholds that nobody evaluated: what the metrics say of the stored scores there, and no
    interval."""
    scores = read_scores(next((scored_runs / "exp1").glob("evaluations/*/scores.parquet")))
    for text in ("0.001", "0.31", "0.87", "0.999"):
        counts, figures = estimate_scores(scores, [float(text)] * 3)
        one = counts["covid-19"]
        _move(page, text)

        assert _row(page) == [
            text, whole(one.missed), whole(one.tp), whole(one.false_alarms), whole(one.tn),
            *(format_estimate(figures["covid-19"][m]).value
              for m in ("sensitivity", "specificity", "ppv", "npv")),
        ]  # fmt: skip
        row = page.locator("#operating tbody tr").filter(has_text=BEST)
        notes = row.locator("td i").all_inner_texts()
        assert notes == ["exploratory", "of 70", "of 70", "of 558", "of 558"]


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
    said = "Exploratory: at 0.51 no shown run was evaluated. Rates have no interval there."
    assert said in section.inner_text()
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


def test_points_on_the_curves_move_with_the_threshold(page, scored_runs):
    """The best run's mark stands where the metrics put it, and a line at the threshold."""
    scores = read_scores(next((scored_runs / "exp1").glob("evaluations/*/scores.parquet")))
    _, figures = estimate_scores(scores, [0.11] * 3)
    one = figures["covid-19"]
    rule = page.locator("[data-chart='net-benefit'] .drawing:not([hidden]) .chosen")
    display = "one => getComputedStyle(one).display"  # it has no width: Playwright never sees it
    assert rule.evaluate(display) == "none"
    _move(page, "0.11")

    sensitivity, specificity, ppv = (
        one[name].value or 0.0 for name in ("sensitivity", "specificity", "ppv")
    )
    assert _dot(page, "roc") == pytest.approx([300 * (1 - specificity), 260 * (1 - sensitivity)])
    assert _dot(page, "precision-recall") == pytest.approx([300 * sensitivity, 260 * (1 - ppv)])
    assert _dot(page, "net-benefit")[0] == pytest.approx(66)  # its axis ends at 0.5
    assert rule.evaluate(display) != "none"
    assert rule.get_attribute("transform") == "translate(66,0)"
    _move(page, "0.51")
    assert rule.evaluate(display) == "none"


def _dot(page, chart, run=1) -> list[float]:
    """Where the dot of a run stands in the drawing that is seen, in the units of its plot."""
    drawing = page.locator(f"[data-chart='{chart}'] .drawing:not([hidden])")
    path = drawing.locator(f".dots[data-run='{run}']").get_attribute("d")
    return [float(one) for one in re.findall(r"^M([\d.]+) ([\d.]+)", path)[0]]


def test_runs_are_chosen_and_keep_their_look(page):
    """A run that is taken away frees its style; another one takes it, in every section."""
    section = page.locator("#operating")
    section.get_by_role("button", name="Hide exp4-vgg16-bce").click()

    assert section.locator("tbody tr").count() == 3
    menu = section.get_by_label("Show another run")
    other = menu.locator("option", has_text="exp7-resnet18-bce").get_attribute("value")
    menu.select_option(value=other)

    names = section.locator("tbody th bdi").all_inner_texts()
    assert names[1] == "exp7-resnet18-bce"
    assert section.locator("tbody th .swatch.series-2").count() == 1
    assert page.locator("#curves .chosen bdi").all_text_contents() == names
    assert page.locator("#curves .chosen .swatch.series-2").count() == 1


def test_another_label_shows_its_own_counts(page, scored_runs):
    """The figures of pneumonia at its threshold, as evaluated."""
    scores = read_scores(next((scored_runs / "exp1").glob("evaluations/*/scores.parquet")))
    predicted = predict_labels(scores.scores, [0.5] * 3, "logit", scores.failed)
    counts = count_labels(scores.truth, predicted, scores.failed)[2]
    group = page.get_by_role("group", name="Operating point: label")
    group.get_by_role("button", name="pneumonia").click()

    assert _row(page)[1:3] == [str(counts.missed), str(counts.tp)]
    assert "for pneumonia" in page.locator("#operating caption").inner_text()
    drawing = page.locator("[data-chart='roc'] .drawing:visible")
    assert drawing.get_attribute("data-label") == "pneumonia"
    assert drawing.get_attribute("aria-label").startswith("ROC curves for pneumonia.")
    assert _dot(page, "roc")[1] == pytest.approx(260 * counts.missed / counts.positives)


def test_the_script_rounds_as_python_does(page):
    """Half-way values, of which JavaScript takes the upper one, and signs of nothing."""
    (source,) = re.findall(
        r"const numbers = (\(\(\) => \{.*?\n\}\)\(\));",
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


def test_the_script_changes_no_line(visit, scored_page, page):
    """The same curves to the letter, with and without JavaScript, and the same of them are seen."""
    static = visit(scored_page, java_script_enabled=False)
    for name in ("roc", "precision-recall", "net-benefit"):
        lines = f"[data-chart='{name}'] .drawing .line"
        drawn = [
            each.locator(lines).evaluate_all(
                "all => all.map(one => [one.getAttribute('d'), one.getAttribute('class')])"
            )
            for each in (static, page)
        ]
        assert drawn[0] == drawn[1]
        assert len(drawn[0]) == 3 * 18
        assert page.locator(f"{lines}:visible").count() == 4


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
        assert f">{value}</" in row
        assert f"<i>{note}</i>" in row


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
