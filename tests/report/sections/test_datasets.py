"""Several data sets side by side: 18 of 30 missed in one, 24 of 26 in the other, both told."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.records import Scores
from covidreport.report.blocks import Chart, walk_blocks
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_csv, render_json, render_markdown
from covidreport.report.payload import list_parts
from covidreport.report.summary import describe_report
from covidreport.report.view import view_report
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.runs import discover_runs
from covidreport.store import write_run
from tests.report.blocks import build_all
from tests.report.scored_runs import LABELS, evaluate, write_elsewhere, write_runs, write_scored

EARLY, LATE = "2026-02-01T09:30:00Z", "2026-02-11T09:30:00Z"
INSIDE = {"dataset": "inside", "fingerprint": "a" * 64, "timing": {"finished": EARLY}}
OUTSIDE = {"dataset": "outside", "fingerprint": "b" * 64, "timing": {"finished": LATE}}


def _answer(missed: int, positives: int, alarms: int, negatives: int, **attributes) -> Scores:
    """So many missed of so many with COVID-19, the first; each image is of another patient."""
    n = positives + negatives
    truth = np.zeros((n, 3), np.int8)
    truth[:positives, 0] = 1
    truth[positives:, 1] = 1
    values = np.full((n, 3), -1.0, np.float32)
    values[missed:positives, 0] = 1
    values[positives : positives + alarms, 0] = 1
    values += np.linspace(0, 0.01, n, dtype=np.float32)[:, None]
    return Scores(
        tuple(f"{i}.png" for i in range(n)), LABELS, truth, values, "logit", (None,) * n, None,
        attributes,
    )  # fmt: skip


def _write(folder, scores: Scores, **changes) -> None:
    name = folder.name
    if not folder.exists():
        write_run(folder, {"name": name})
    evaluation = replace(evaluate(name, scores), **changes)
    write_scored(folder, evaluation, scores)


INSIDE_SCORES = _answer(18, 30, 10, 70, sex=("F",) * 40 + ("M",) * 60)
OUTSIDE_SCORES = _answer(24, 26, 4, 44, sex=("F",) * 14 + ("M",) * 56)


@pytest.fixture
def runs(tmp_path):
    """One run on both, a second on the one that was evaluated first alone."""
    _write(tmp_path / "one", INSIDE_SCORES, **INSIDE)
    _write(tmp_path / "one", OUTSIDE_SCORES, **OUTSIDE)
    _write(tmp_path / "two", _answer(20, 30, 5, 70), **INSIDE)
    return tmp_path


def _collect(folder, **choices):
    return collect_report(discover_runs([folder]), ReportChoices("covid-19", 0.5), **choices)


def _find_row(text: str, caption: str, run: str) -> str:
    part = text[text.index(f"**{caption}") :]
    return re.search(rf"^\| {run} \|.*$", part, re.M).group()


def _differences(data):
    return {(d.run, d.metric): d for each in data.datasets for d in each.differences}


def test_both_stand_in_the_report_whichever_was_evaluated_last(runs):
    """Counted by hand; the interval is that of statsmodels 0.15, confint_proportions_2indep(12, 30,
    2, 26, method="newcomb")."""
    text = render_markdown(_collect(runs))
    answer = text[text.index("## Answer") : text.index("## What this is not")]

    assert "24 of 26" in answer
    assert (
        "These figures are of data set “outside”. On data set “inside”, one misses 18 of 30"
        in answer
    )
    assert "18 of 30 (sensitivity 0.400;" in answer
    row = _find_row(text, "Sensitivity for COVID-19 on each data set", "one")
    assert "0.400 (12 of 30;" in row
    assert "0.077 (2 of 26;" in row
    assert "+0.323 (95 % CI +0.098 to +0.508)" in row.replace("\\", "")
    on_each = text[text.index("**The ranking on each data set") :]
    assert [f"{name}, of {n}" in on_each for name, n in (("outside", 26), ("inside", 30))] == [
        True
    ] * 2
    assert "| 1 | 24 | 4 | 1 | 18 | 10 |" in _find_row(
        on_each, "The ranking on each data set", "one"
    )


def test_a_run_of_one_data_set_alone_has_dashes_on_the_other(runs):
    """And no difference; it is in the list all the same."""
    text = render_markdown(_collect(runs))
    row = _find_row(text, "Sensitivity for COVID-19 on each data set", "two")

    assert re.fullmatch(r"\| two \| – \| 0\.333 \(10 of 30; [^|]+\) \| – \|", row)
    assert ("two", "sensitivity") not in _differences(_collect(runs))


@pytest.mark.parametrize("named", [None, "inside", "outside", "gone"])
def test_the_first_is_the_one_that_the_report_ranks(runs, named):
    """Whichever is configured or has the most positives: below 0 is worse elsewhere."""
    for dataset, rates in (("inside", (12 / 30, 2 / 26)), ("outside", (2 / 26, 12 / 30))):
        data = _collect(runs, images=ImageQuery(dataset, named=named))
        here, there = rates
        found = _differences(data)["one", "sensitivity"].difference.value
        assert next(each.dataset for each in data.datasets) == data.dataset == dataset
        assert found == pytest.approx(there - here)
        assert [bool(each.rankings) for each in data.datasets] == [False, True]


def test_what_differs_between_them_is_counted(runs):
    """30 of 100 and 26 of 70 with COVID-19; 40 and 14 women."""
    text = render_markdown(_collect(runs))
    part = text[text.index("**What differs between the data sets") :]

    assert "| Label | COVID-19 | 0.371 (26 of 70) | 0.300 (30 of 100) |" in part
    assert "| Sex | F | 0.200 (14 of 70) | 0.400 (40 of 100) |" in part


def test_brightness_stands_beside_them_with_its_difference(tmp_path):
    """Medians, quartiles and ends by hand; with a third set that did not record it."""
    levels = {
        "inside": [[100, 5], [110, 10], [120, 5]],
        "outside": [[60, 1], [80, 9], [130, 10]],
    }
    of = (("inside", INSIDE, INSIDE_SCORES), ("outside", OUTSIDE, OUTSIDE_SCORES))
    for name, facts, scores in of:
        recorded = {"grey_levels": levels[name]}
        _write(tmp_path / "one", scores, **facts, provenance=recorded)
    _write(
        tmp_path / "one", _answer(1, 4, 1, 4), dataset="third", fingerprint="c" * 64,
        timing={"finished": EARLY},
    )  # fmt: skip
    text = render_markdown(_collect(tmp_path))
    part = text[text.index("**What differs between the data sets") :]

    for row in (
        "| Brightness, 0 to 255 | 95 % are brighter than | 60 | 100 | not recorded |",
        "| Brightness, 0 to 255 | lower quartile | 80 | 100 | not recorded |",
        "| Brightness, 0 to 255 | median | 80 | 110 | not recorded |",
        "| Brightness, 0 to 255 | upper quartile | 130 | 110 | not recorded |",
        "| Brightness, 0 to 255 | 5 % are brighter than | 130 | 120 | not recorded |",
        "| Brightness, 0 to 255 | median less that of outside | – | \\+30 | – |",
    ):
        assert row in part, part


def test_brightness_that_no_evaluation_recorded_is_said_to_be_so(runs):
    """As earlier versions wrote them."""
    text = render_markdown(_collect(runs))
    assert "| Brightness, 0 to 255 | median | not recorded | not recorded |" in text


def test_json_and_csv_hold_both(runs):
    """All figures of every data set, and the differences."""
    data = _collect(runs)
    value = json.loads(render_json(data))
    rows = [
        row
        for row in csv.DictReader(io.StringIO(render_csv(data)))
        if row["is_target"] == "1" and not row["attribute"]
    ]

    assert [each["dataset"] for each in value["datasets"]] == ["outside", "inside"]
    assert value["datasets"][1]["rankings"][0]["rows"][0]["missed"] == 18
    assert {(r["run"], r["dataset"], r["missed"]) for r in rows} >= {
        ("one", "inside", "18"), ("one", "outside", "24"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "metric", "why"),
    [
        ({"thresholds": dict.fromkeys(LABELS, 0.4)}, "sensitivity", "another threshold"),
        ({"provenance": {"model": {"sha256": "0" * 64}}}, "roc_auc", "another model"),
    ],
)
def test_what_is_no_difference_of_data_sets_is_none(runs, changes, metric, why):
    """Another threshold, or a model that was trained anew in between: a dash that says it."""
    _write(runs / "one", OUTSIDE_SCORES, **OUTSIDE, **changes)
    data = _collect(runs)
    found = _differences(data)["one", metric]

    assert (found.difference.value, found.why) == (None, why)
    assert why in render_markdown(data)


def test_ranking_by_another_threshold_leaves_the_area_comparable(runs):
    """It has no threshold."""
    _write(runs / "one", OUTSIDE_SCORES, **OUTSIDE, thresholds=dict.fromkeys(LABELS, 0.4))

    assert _differences(_collect(runs))["one", "roc_auc"].difference.low is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "train"},
        {"variant": "fp16"},
        {"fingerprint": "b" * 64},
    ],
)
def test_images_that_are_no_other_data_set_stand_in_no_comparison(tmp_path, changes):
    """Those that trained the run, another variant, and the same images under another name."""
    _write(tmp_path / "one", INSIDE_SCORES, **{**INSIDE, **changes})
    _write(tmp_path / "one", OUTSIDE_SCORES, **OUTSIDE)
    data = _collect(tmp_path)

    assert data.dataset == "outside"
    assert data.datasets == ()
    assert "## Data sets side by side" not in render_markdown(data)


def test_a_data_set_of_which_nobody_said_the_split_is_told_of(runs):
    """It has two, and none is called as the ranked one."""
    for split in ("north", "south"):
        _write(runs / "one", INSIDE_SCORES, dataset="third", split=split, fingerprint="c" * 64)
    said = []
    data = _collect(runs, tell=said.append)

    assert [each.dataset for each in data.datasets] == ["outside", "inside"]
    assert any("data set third is not shown" in each and "north, south" in each for each in said)


@pytest.mark.parametrize(("missed", "doubt"), [(24, True), (17, False), (1, True)])
def test_a_difference_beyond_chance_stands_in_a_notebook_too(runs, missed, doubt):
    """18 of 30 inside: 24 of 26 is more, 1 of 26 is fewer, 17 of 26 may be chance."""
    _write(runs / "one", _answer(missed, 26, 4, 44), **OUTSIDE)

    assert ("On data set “inside”, one misses 18 of 30" in describe_report(_collect(runs))) is doubt


def test_the_same_images_under_two_names_are_one_data_set(runs):
    """As a folder that was renamed between two evaluations leaves them."""
    _write(runs / "one", INSIDE_SCORES, **{**INSIDE, "dataset": "renamed"})

    assert len(_collect(runs).datasets) == 2


def test_any_number_of_data_sets(runs):
    """Three: each but the first has its differences."""
    _write(runs / "one", _answer(5, 20, 9, 30), dataset="third", split="all", fingerprint="c" * 64)
    data = _collect(runs)
    text = render_markdown(data)

    assert [each.dataset for each in data.datasets] == ["outside", "inside", "third"]
    assert "inside less outside (95 % CI) | third less outside (95 % CI)" in text
    assert "third”, one misses 5 of 20" in text


def test_images_that_changed_under_one_name_are_not_mixed(runs):
    """Of two states of `inside` the one that most runs were evaluated on counts."""
    for name in ("two", "three"):
        _write(runs / name, _answer(20, 31, 5, 70), **{**INSIDE, "fingerprint": "d" * 64})
    row = _find_row(render_markdown(_collect(runs)), "Sensitivity for COVID-19 on each", "one")

    assert "/31" not in row
    assert re.search(r"one \| (– \| 0\.077|0\.077 [^|]+\| –) ", row)


@pytest.mark.made_anew
def test_what_fails_on_another_data_set_is_a_finding(runs, monkeypatch):
    """Its runs could not be compared: said with its name, as of the ranked one."""
    _write(runs / "two", _answer(20, 26, 5, 44), **OUTSIDE)

    def fail(*_):
        raise MemoryError("no memory left")

    monkeypatch.setattr("covidreport.compare.compare_answers_of", fail)
    monkeypatch.setenv("COVIDREPORT_CACHE", str(runs / "cache"))
    found = [each.what for each in _collect(runs).findings if each.code == "not-compared"]

    assert [re.search(r"The runs on (\w+),", what).group(1) for what in found] == [
        "outside", "inside",
    ]  # fmt: skip


def test_patients_with_several_images_stand_in_the_interval(tmp_path):
    """On the effective samples: the interval is that of the two intervals that stand beside it."""
    runs = write_runs(tmp_path, runs=2, images=160)
    write_elsewhere([*runs, runs[0]])
    data = _collect(tmp_path)
    first, other = data.datasets
    one = next(each for each in data.runs if each.run.name == runs[0].name)
    here, there = (
        each.find(one).estimates["covid-19"]["sensitivity"] for each in (first, other)
    )  # fmt: skip
    found = _differences(data)[runs[0].name, "sensitivity"].difference

    assert here.method == there.method == "wilson over groups"
    below = np.hypot(there.value - there.low, here.high - here.value)
    assert found.low == pytest.approx(there.value - here.value - below)


def test_cases_and_curves_of_each_are_shown(runs):
    """18 of 30 missed by the first run inside, 24 of 26 outside: whichever is ranked, the other's
    are in sections of their own, of the same kind; JSON has the cases, and no curves."""
    for ranked, other, missed in (("outside", "inside", (18, 30)), ("inside", "outside", (24, 26))):
        data = _collect(runs, images=ImageQuery(ranked))
        (beside,) = [each for each in data.datasets if each.rankings]
        place = beside.cases.runs.index("one")
        answers = [case.answers[place] for case in beside.cases.positives]
        assert (answers.count("no"), len(answers)) == missed
        assert set(beside.curves.runs) == {e.run for e in beside.rankings[0].rows}
        sections = {
            one.id: one for one in (*build_all(data, "cases"), *build_all(data, "operating"))
        }
        assert sections["cases-2"].title == f"Missed cases on {other}"
        assert sections["operating-2"].title == f"Curves on {other}"
        document = json.loads(render_json(data))
        assert [each["cases"] is None for each in document["datasets"]] == [
            not each.rankings for each in data.datasets
        ]
        assert all("curves" not in each for each in document["datasets"])


def test_curves_are_those_that_a_report_on_that_set_has(runs):
    """And so are the cases, but for the ids of their pictures."""
    inside, outside = (_collect(runs, images=ImageQuery(name)) for name in ("inside", "outside"))
    (beside,) = [each for each in outside.datasets if each.rankings]
    assert beside.cases == inside.cases
    assert beside.curves == inside.curves
    (first, second) = build_all(outside, "operating")
    (own, _) = build_all(inside, "operating")
    drawn, alone = (
        [block for block in walk_blocks(section.blocks) if isinstance(block, Chart)]
        for section in (second, own)
    )
    assert [replace(each, name=each.name.removeprefix("operating-2-")) for each in drawn] == alone
    assert first.id == own.id


def test_data_for_the_script_is_of_each(runs):
    """What a reader reads out of a chart is what stands in it."""
    data = _collect(runs, images=ImageQuery("outside"))
    parts = list_parts(data, view_report(data))
    (beside,) = parts["charts"]["elsewhere"].values()
    names = [each["name"] for each in parts["runs"]]
    one = beside["runs"][names.index("one")]["labels"]["covid-19"]
    assert (one["positives"], one["found"], one["alarms"]) == (30, 12, 10)
    assert len(one["curve"]["found"]) == len(beside["thresholds"]["covid-19"])
