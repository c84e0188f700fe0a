"""How images came to be counted: the steps add up, and the picture has each of them."""

from __future__ import annotations

from covidreport.records import Flow
from covidreport.report.charts.diagram import Label
from covidreport.report.charts.flow import FlowBox, draw_flow
from covidreport.report.flow import draw, list_steps, tabulate
from tests.report.blocks import read_values

FLOW = Flow(
    images=628, unknown=3, positives=28, negatives=597, failed_positive=1, failed_negative=2,
    failed={"the file is truncated": 2, "": 1}, left_out={"view L": 12, "no view": 30},
    other_splits={"train": 6200}, patients=600, positive_patients=27, negative_patients=580,
)  # fmt: skip


def test_every_step_has_its_images():
    """From all of the data to both kinds of counted images; reasons from the most images down."""
    table = tabulate(list_steps(FLOW, "validation", "COVID-19"))
    assert read_values(table) == [
        ["In the data", "6,870", "", ""],
        ["Left out", "42", "", "no view: 30; view L: 12"],
        ["Of other splits", "6,200", "", "train: 6,200"],
        ["Split validation", "628", "600", ""],
        ["Truth of COVID-19 unknown", "3", "", ""],
        ["Evaluated", "625", "", ""],
        ["Not scored, and counted as wrong", "3", "", "the file is truncated: 2; not stated: 1"],
        ["With COVID-19", "28", "27", "not scored: 1"],
        ["Without COVID-19", "597", "580", "not scored: 2"],
    ]


def test_what_was_not_recorded_is_no_step():
    """An evaluation of an earlier version begins with its split."""
    steps = list_steps(Flow(10, 0, 4, 6, 0, 0, {}), "all", "COVID-19")
    assert next(step.title for step in steps) == "Split all"
    assert [column.title for column in tabulate(steps).columns] == ["Step", "Images", "Of them"]


def test_many_reasons_are_counted_together():
    """The four with the most images are named."""
    flow = Flow(9, 0, 4, 5, 0, 0, {f"reason {i}": 9 - i for i in range(7)})
    failed = next(one for one in list_steps(flow, "all", "x") if one.title.startswith("Not scored"))
    assert failed.parts == (
        "reason 0: 9", "reason 1: 8", "reason 2: 7", "reason 3: 6", "other: 12",
    )  # fmt: skip


def test_the_picture_says_what_the_table_says():
    """In words that stay in their boxes, wide and narrow."""
    steps = list_steps(FLOW, "validation", "COVID-19")
    for diagram in draw(steps).drawing:
        words = " ".join(shape.text for shape in diagram.shapes if isinstance(shape, Label))
        for said in ("6,870 images", "no view: 30", "600 patients", "27 patients", "597 images"):
            assert said in words
        for step in steps:
            assert step.title in words


def test_long_names_are_wrapped():
    """No line is longer than its box, and none is lost."""
    title = "Split " + "of-a-very-long-name-indeed" * 3
    ends = FlowBox("With", ("1 image",)), FlowBox("Without", ("2 images",))
    diagram = draw_flow([FlowBox(title, ("3 images",))], ends, 350)
    lines = [shape for shape in diagram.shapes if isinstance(shape, Label)]
    assert (
        "".join(one.text for one in lines if one.x < 175)
        .replace(" ", "")
        .startswith(title.replace(" ", ""))
    )
    assert all(len(one.text) * 6.3 <= 160 for one in lines)
    assert diagram.height > max(one.y for one in lines)
