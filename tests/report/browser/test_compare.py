"""Runs side by side, and all matrices."""

from __future__ import annotations

from typing import Any

import pytest

from tests.report.browser.conftest import render_report
from tests.report.scored_runs import write_runs


def _choose(page: Any, run: str, name: str) -> None:
    page.locator("#compare").get_by_label(run).select_option(label=name)


def test_two_runs_are_chosen_and_the_address_keeps_them(visit, scored_page):
    """The third and the last run: their names head each table, and stay there after a reload."""
    page = visit(scored_page)
    names = page.locator("#compare select").first.locator("option").all_inner_texts()
    _choose(page, "Run A", names[2])
    _choose(page, "Run B", names[-1])
    heads = page.locator("#compare table").first.locator("thead th")

    assert heads.all_inner_texts() == ["Figure", names[2], names[-1]]
    assert page.url.endswith("#compare?runs=3,18")
    page.reload()
    assert heads.all_inner_texts() == ["Figure", names[2], names[-1]]
    assert page.locator("#compare .matrices-table tbody").count() == 2


def test_settings_that_are_alike_are_left_out(visit, study_page):
    """Experiments 15 and 3 differ in architecture and agree in the loss."""
    page = visit(study_page)
    _choose(page, "Run A", "exp15-vgg16-bce-frozen")
    _choose(page, "Run B", "exp3-resnet18-bce")
    rows = page.locator("#compare table", has_text="Settings that differ").locator("tbody th")
    names = rows.all_inner_texts()

    assert "architecture" in names
    assert "loss" not in names


def test_four_runs_give_six_pairs(visit, scored_page):
    """Each pair has its difference in sensitivity, specificity and ROC AUC."""
    page = visit(scored_page)
    names = page.locator("#compare select").first.locator("option").all_inner_texts()
    _choose(page, "Run C", names[4])
    _choose(page, "Run D", names[5])
    rows = page.locator("#compare table", has_text="Paired differences").locator("tbody tr")

    assert rows.count() == 18
    assert page.locator("#compare").get_by_role("status").inner_text() == "4 runs side by side"


def test_cases_that_one_found_and_the_other_missed_can_be_opened(visit, scored_page):
    """Each row has one found and one missed; its name opens the case."""
    page = visit(scored_page)
    rows = page.locator("#compare table.cases-told tbody tr")

    assert rows.count() > 0
    for text in rows.all_inner_texts():
        assert text.count("found") == 1
    rows.first.locator("a").click()
    assert page.get_by_role("dialog").is_visible()


def test_counts_alone_say_that_no_pair_was_compared(visit, study_page):
    """Where answers are not known, no difference is shown for more than it is."""
    page = visit(study_page)

    assert "here are counts alone" in page.locator("#compare").inner_text()


def test_without_javascript_the_first_two_stand_side_by_side(visit, scored_page):
    """The best and the next, with their difference and their matrices; nothing to choose from."""
    page = visit(scored_page, java_script_enabled=False)
    section = page.locator("#compare")

    assert section.locator("select").count() == 0
    assert section.locator(".matrices-table tbody").count() == 2
    assert "minus" in section.inner_text()


def test_matrices_are_those_of_the_published_study(visit, study_page):
    """Experiment 15, validation: 405 and 195 without COVID-19, 8 missed and 20 found of 28."""
    page = visit(study_page)
    rows = page.locator("#matrices tbody").first.locator("tr")
    cells = [rows.nth(i).locator("td").all_inner_texts()[:2] for i in range(2)]

    assert [[cell.split() for cell in row] for row in cells] == [
        [["405", "67.5", "%"], ["195", "32.5", "%"]],
        [["8", "28.6", "%"], ["20", "71.4", "%"]],
    ]
    assert page.locator("#matrices tbody").count() == 18


def test_subgroups_of_the_best_runs_stand_together(visit, scored_page):
    """Three runs, two attributes, and the worst group named in words."""
    page = visit(scored_page)
    text = page.locator("#subgroups").inner_text()

    assert page.locator("#subgroups table").first.locator("thead th.axis").count() == 3
    assert "lowest" in text
    assert "looks bad by chance alone" in text


@pytest.fixture(scope="module")
def unranked_page(tmp_path_factory):
    """Six runs, the last two of which call too many healthy people ill to be ranked."""
    folder = tmp_path_factory.mktemp("unranked")
    write_runs(folder / "runs", runs=6, images=400)
    return render_report([folder / "runs"], folder / "report.html", specificity_floor=0.75)


def test_a_run_that_is_not_ranked_is_said_to_be_compared_with_none(visit, unranked_page):
    """The other reason, that only some pairs are compared, is not given for it."""
    page = visit(unranked_page)
    ranked = page.locator("#compare").get_by_label("Run B").locator("option:checked").inner_text()
    _choose(page, "Run B", "exp6-vgg16-bce-balanced")
    text = page.locator("#compare").inner_text()

    assert "exp6-vgg16-bce-balanced is not ranked and is compared with none." in text
    assert "were not compared with each other" not in text
    _choose(page, "Run B", ranked)
    assert "not ranked" not in page.locator("#compare").inner_text()


def test_cases_of_the_ranked_runs_stand_beside_one_that_is_not(visit, unranked_page):
    """The same rows as without it, and a sentence that says who is not among them."""
    page = visit(unranked_page)
    told = page.locator("#compare table.cases-told")
    before = told.locator("tbody").inner_text()
    _choose(page, "Run C", "exp6-vgg16-bce-balanced")

    assert told.locator("tbody tr").count() > 0
    assert told.locator("tbody").inner_text() == before
    remark = "exp6-vgg16-bce-balanced is not in the grid of missed cases."
    assert remark in page.locator("#compare").inner_text()


def test_a_run_is_chosen_once(visit, scored_page):
    """What stands in another box cannot be chosen again; what leaves it can."""
    page = visit(scored_page)
    names = page.locator("#compare select").first.locator("option").all_inner_texts()

    def disabled(run):
        options = page.locator("#compare").get_by_label(run).locator("option:disabled")
        return options.all_inner_texts()

    assert disabled("Run A") == [names[1]]
    assert disabled("Run B") == [names[0]]
    assert disabled("Run C") == names[:2]
    _choose(page, "Run C", names[4])
    _choose(page, "Run A", names[2])
    assert disabled("Run B") == [names[2], names[4]]
    _choose(page, "Run C", "none")
    assert disabled("Run B") == [names[2]]


def test_columns_of_the_grid_of_pairs_are_even(visit, unranked_page):
    """Whatever stands in them; the table is as wide as it must be."""
    page = visit(unranked_page)
    widths = page.locator("table.grid thead th.count").evaluate_all(
        "heads => heads.map(head => Math.round(head.getBoundingClientRect().width))"
    )
    table = page.locator("table.grid").bounding_box()
    box = page.locator(".scroll:has(> table.grid)").bounding_box()

    assert len(widths) == 4
    assert max(widths) - min(widths) <= 1
    assert table["width"] < box["width"] * 0.75
