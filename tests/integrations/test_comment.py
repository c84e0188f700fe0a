"""The comment: what decides comes first, names are shown as they are, nothing is lost unsaid."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.integrations.comment import MARKER, render_comment
from covidreport.report.markdown import COMMENT_LIMIT
from tests.integrations.verdicts import HOSTILE, broken, failed, inconclusive, many_limits, verdict
from tests.report.reading import show_markdown


def test_a_worse_run_is_told_with_its_cases():
    """Outcome, limits with the broken one first, the newly missed, the paired test, a finding."""
    text = render_comment([failed()])
    lines = text.splitlines()
    assert lines[:2] == [MARKER, "## ❌ covidreport: fail, worse"]
    rows = [line for line in lines if line.startswith(("| ❌", "| ⚠️"))]
    assert rows == [
        "| ❌ fail | covid-19 missed | 8 | – | ≤ 5 |",
        "| ⚠️ warn | covid-19 false\\_alarms | 30 | – | ≤ 20 |",
    ]
    assert (
        "**Newly missed** (3 images found by the baseline, by digest): "
        "3f9c02d1a7be, 0a1b2c3d4e5f, 5f4e3d2c1b0a"
    ) in text
    assert "3 images newly missed, 0 newly found" in text
    assert "There are few cases" in text
    assert "sensitivity 0.714 (20 of 28; 95 % CI 0.529 to 0.847)" in text


def test_ids_are_named_as_such():
    """A reader must know whether a name is one that can be looked up."""
    shown = replace(failed(), newly_missed=("a_b.png",), ids_shown=True)
    assert "by id): a\\_b.png" in render_comment([shown])


def test_broken_and_bad_are_told_apart():
    """A run that can't be judged has no figures and another sign."""
    text = render_comment([broken()])
    assert "## ⛔ covidreport: not judged, broken" in text
    assert "the file is half written" in text
    assert "|" not in text
    assert "❔ covidreport: inconclusive" in render_comment([inconclusive()])


def test_of_several_runs_a_table_and_those_that_do_not_pass():
    """The gravest first; a run that passes is a row and no more."""
    text = render_comment([verdict("fine"), broken(), failed()])
    assert "fail (1 fail, 1 not judged, 1 pass of 3 runs)" in text
    rows = [line.split(" | ")[1] for line in text.splitlines() if line.count(" | ") == 4][2:]
    assert rows[:3] == ["worse", "broken", "fine"]
    assert "### ❌ Fail: worse" in text
    assert "fine misses" not in text


def test_hostile_names_are_shown_as_they_are():
    """As a Markdown reader renders it: no element, link or mention comes from a name."""
    markdown_it = pytest.importorskip("markdown_it")
    page = (
        markdown_it.MarkdownIt("commonmark")
        .enable("table")
        .render(render_comment([failed(HOSTILE)]))
    )
    assert "<script" not in page.lower()
    assert "&lt;script&gt;f&lt;/script&gt;" in page
    assert "@everyone" not in page.replace("@\u200b", "")
    assert page.count("<table>") == 1
    assert page.count("<tr>") == 4


def test_too_much_is_left_out_and_said():
    """500 limits: those that are not kept first, the others counted."""
    text = render_comment([many_limits()])
    shown, folded = text.split("<details>", 1)
    assert shown.count("| ❌ fail |") == 12
    assert folded.count("| ❌ fail |") == 50
    assert "<summary>488 limits more</summary>\n\n| Verdict |" in folded
    assert "And 438 limits more: verdict.json has all." in text
    crowd = render_comment([failed(HOSTILE * 20 + str(i)) for i in range(300)])
    assert len(crowd) <= COMMENT_LIMIT
    assert "parts left out here for its length: verdict.json has all." in crowd


def test_twelve_runs_stand_in_the_overview_and_the_others_are_folded():
    """Of thirty that fail: twelve, and eighteen more in a table of their own."""
    page = show_markdown(render_comment([failed(f"exp{number}") for number in range(30)]))
    first, rest = page.split("<details>", 1)
    folded = rest.split("</details>", 1)[0]
    assert first.count("<tr>") == 1 + 12
    assert "<summary>18 runs more</summary>" in folded
    assert folded.count("<tr>") == 1 + 18


def test_no_run_to_judge_is_said():
    """Where nothing is new, the comment does not claim a pass of anything."""
    assert "covidreport: no run had to be judged" in render_comment([])
