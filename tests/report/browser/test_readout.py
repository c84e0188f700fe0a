"""What a chart says at a point: by pointer, by finger and by keyboard, in words beneath it."""

from __future__ import annotations

import re

import pytest

from covidreport.metrics import estimate_scores
from covidreport.store import read_scores
from covidreport.text import decimal, format_estimate

BEST = "exp1-resnet18-bce"


def _line(page, chart):
    """The line beneath a chart, once the chart is drawn."""
    page.locator(f"[data-chart='{chart}']").scroll_into_view_if_needed()
    line = page.locator(f"[data-chart='{chart}'] .readout")
    line.wait_for()
    return line


def _expected(scored_runs, threshold):
    scores = read_scores(next((scored_runs / "exp1").glob("evaluations/*/scores.parquet")))
    counts, figures = estimate_scores(scores, [threshold] * 3)
    one = figures["covid-19"]
    names = {"sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV"}
    rates = [f"{word} {format_estimate(one[key]).value}" for key, word in names.items()]
    sick = counts["covid-19"]
    return ", ".join([*rates, f"{sick.missed} missed", f"{sick.false_alarms} false alarms"])


@pytest.mark.parametrize("chart", ["roc", "precision-recall", "net-benefit"])
def test_it_begins_at_the_operating_point_and_follows_the_slider(
    visit, scored_page, scored_runs, chart
):
    """What the metrics say of the stored scores at 0.5, and steps of the slider before."""
    page = visit(scored_page)
    line = _line(page, chart)

    assert line.inner_text().startswith(BEST)
    assert _expected(scored_runs, 0.5) in line.inner_text()
    slider = page.get_by_label("Threshold", exact=True)
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "([chart, words]) => document.querySelector(`[data-chart='${chart}'] .readout`)"
        ".textContent.includes(words)",
        arg=[chart, _expected(scored_runs, 0.2)],
    )


def test_arrow_keys_go_along_a_curve_and_between_runs(visit, scored_page):
    """To the right sensitivity never falls; up and down change the run; a ring shows the place."""
    page = visit(scored_page)
    line = _line(page, "roc")
    line.focus()
    assert page.locator("[data-chart='roc'] .ring").count() == 1
    page.keyboard.press("Home")
    before = line.get_attribute("aria-valuetext")
    seen = []
    for _ in range(12):
        seen.append(float(re.findall(r"sensitivity ([\d.]+)", line.inner_text())[0]))
        page.keyboard.press("ArrowRight")

    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    page.keyboard.press("ArrowDown")
    assert not line.inner_text().startswith(BEST)
    page.keyboard.press("ArrowUp")
    assert line.inner_text().startswith(BEST)
    assert line.get_attribute("aria-valuetext") != before
    assert line.get_attribute("role") == "slider"


def _point(page, chart, run):
    """Where on the screen the mark of a shown run stands in a chart."""
    mark = page.locator(f"[data-chart='{chart}'] .drawing .dots:visible").nth(run)
    box = mark.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_pointer_reads_the_nearest_point(visit, scored_page):
    """On a run's mark its name and its threshold; the ring goes when the pointer does."""
    page = visit(scored_page)
    line = _line(page, "roc")
    page.mouse.move(*_point(page, "roc", 1))

    assert line.inner_text().startswith("exp4-vgg16-bce")
    assert re.search(r"thresholds? 0\.(4\d|5)", line.inner_text())
    assert page.locator("[data-chart='roc'] .ring").count() == 1
    page.mouse.move(5, 5)
    assert page.locator("[data-chart='roc'] .ring").count() == 0


def test_a_finger_reads_too_and_the_words_stay(visit, scored_page):
    """On a phone: a tap on the chart; nothing is lost when the finger is lifted."""
    page = visit(scored_page, width=390, has_touch=True, is_mobile=True)
    line = _line(page, "net-benefit")
    page.touchscreen.tap(*_point(page, "net-benefit", 2))

    assert line.inner_text().startswith("exp5-resnet18-focal")
    assert "net benefit" in line.inner_text()


def test_epochs_and_bins_are_read(visit, scored_page):
    """The last epoch of the validation split, and a bin of the calibration with its images."""
    page = visit(scored_page)
    page.goto(f"{scored_page.as_uri()}#curves")
    loss = _line(page, "loss")
    last, before = decimal(0.7 / 6 + 0.12), decimal(0.7 / 5 + 0.1)
    assert re.search(rf"^{BEST}\s+epoch 6, validation: loss {last}$", loss.inner_text())
    loss.focus()
    page.keyboard.press("ArrowLeft")
    assert f"epoch 5, validation: loss {before}" in loss.inner_text()
    page.keyboard.press("ArrowUp")  # the runs' splits follow each other: training, validation, ...
    page.keyboard.press("End")
    assert f"epoch 6, training: loss {decimal(0.7 / 6)}" in loss.inner_text()

    accuracy = _line(page, "accuracy")
    accuracy.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert "epoch 3, validation" in accuracy.inner_text()  # the second has no figure
    calibration = _line(page, "reliability")
    number = r"\d\.\d{3}"
    words = (
        rf"mean score {number}: proportion with the label {number} "
        rf"\(95 % CI {number} to {number}\), "
    )
    assert re.search(words + r"\d+ images$", calibration.inner_text())


def test_the_picture_of_the_ranking_is_read(visit, study_page):
    """The best run first; each dot by arrow keys, from few false alarms to many."""
    page = visit(study_page)
    line = page.locator("#ranking .readout")

    assert line.inner_text() == "exp15-vgg16-bce-frozen: 8 missed cases, 195 false alarms"
    line.focus()
    page.keyboard.press("Home")
    seen = []
    for _ in range(40):
        seen.append(int(re.findall(r"([\d,]+) false alarm", line.inner_text())[0].replace(",", "")))
        page.keyboard.press("ArrowRight")
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 233)  # the run that finds nobody, and experiment 18
    assert page.locator("#ranking .scatter .ring:visible").count() == 1


def test_without_javascript_no_line_promises_anything(visit, scored_page):
    """The pictures keep their words and titles; figures stand in the tables."""
    page = visit(scored_page, java_script_enabled=False)

    assert page.locator(".readout").count() == 0
    assert page.locator("#ranking .scatter g > title").count() > 18


def test_a_radiologist_is_read_in_the_roc_chart(visit, readers_page):
    """By pointer and by arrow keys, with counts; not of another label."""
    page = visit(readers_page)
    line = _line(page, "roc")
    diamonds = page.locator("[data-chart='roc'] .drawing:not([hidden]) path[stroke-width='1.4']")
    assert diamonds.count() == 4
    box = diamonds.nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    words = "sensitivity 0.714 (10 of 14), specificity 0.774 (82 of 106); the same: twin"
    assert line.get_attribute("aria-valuetext") == f"radiologist 2, {words}"
    line.focus()
    page.keyboard.press("Home")
    assert "radiologist 1" in line.inner_text()
    page.keyboard.press("ArrowRight")
    assert line.inner_text().startswith("average of 3 readers")
    assert "(95 % CI" in line.inner_text()
    group = page.get_by_role("group", name="Operating point: label")
    group.get_by_role("button", name="normal").click()
    assert diamonds.count() == 0
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "10 of 14" not in line.inner_text()


def test_radiologists_are_read_in_the_picture_of_the_ranking(visit, readers_page):
    """A diamond is pointed at as a circle is; the average is read as a number of cases."""
    page = visit(readers_page)
    line = page.locator("#ranking .readout")
    diamonds = page.locator("#ranking .scatter.wide .reader path")
    assert diamonds.count() == 3
    said = []
    for place in range(3):
        diamonds.nth(place).scroll_into_view_if_needed()
        box = diamonds.nth(place).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        said.append(line.inner_text())
    assert "average of 3 readers: 3.3 missed cases, 17.7 false alarms" in said
    assert any(text.startswith("radiologist 1: 2 missed cases, 5 false alarms") for text in said)
    assert any("twin: 4 missed cases, 24 false alarms" in text for text in said)
