"""The flow of images as steps, which a table lists and a picture draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from covidreport.records import Flow
from covidreport.report.blocks import Chart, Column, Count, Row, Table, Text, Values
from covidreport.report.charts.flow import SIZES, FlowBox, draw_flow
from covidreport.text import NOT_STATED, clean, plural, whole

MOST_REASONS = 4
"""Of many, those with the most images are named, and the others counted."""


class Step(Struct, frozen=True):
    """So many images, and of whom; None where that is not known.

    aside: images that go away, or are told apart. end: one of the two kinds of counted images.
    """

    title: str
    images: int
    patients: int | None = None
    parts: tuple[str, ...] = ()
    aside: bool = False
    end: bool = False


def list_steps(flow: Flow, split: str, disease: str) -> tuple[Step, ...]:
    """From all that is in the data to those that are counted."""
    failed = flow.failed_positive + flow.failed_negative
    counted = flow.positives + flow.negatives
    return (
        *_list_first(flow),
        Step(f"Split {clean(split)}", flow.images, flow.patients),
        Step(f"Truth of {disease} unknown", flow.unknown, aside=True),
        Step("Evaluated", counted),
        Step(
            "Not scored, and counted as wrong", failed, parts=_name_parts(flow.failed), aside=True
        ),
        _end(f"With {disease}", flow.positives, flow.positive_patients, flow.failed_positive),
        _end(f"Without {disease}", flow.negatives, flow.negative_patients, flow.failed_negative),
    )


def _list_first(flow: Flow) -> tuple[Step, ...]:
    """What lies before the split; nothing where an earlier version did not record it."""
    if flow.left_out is None or flow.other_splits is None:
        return ()
    left_out, others = sum(flow.left_out.values()), sum(flow.other_splits.values())
    return (
        Step("In the data", flow.images + left_out + others),
        Step("Left out", left_out, parts=_name_parts(flow.left_out), aside=True),
        Step("Of other splits", others, parts=_name_parts(flow.other_splits), aside=True),
    )


def _end(title: str, images: int, patients: int | None, failed: int) -> Step:
    parts = (f"not scored: {whole(failed)}",) if failed else ()
    return Step(title, images, patients, parts, end=True)


def _name_parts(parts: Mapping[str, int]) -> tuple[str, ...]:
    """`view L: 12`, the largest first."""
    ordered = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    named = [f"{clean(name) or NOT_STATED}: {whole(n)}" for name, n in ordered]
    rest = sum(n for _, n in ordered[MOST_REASONS:])
    return (*named[:MOST_REASONS], *([f"other: {whole(rest)}"] if rest else []))


def tabulate(steps: Sequence[Step]) -> Table:
    """A row a step."""
    patients = any(step.patients is not None for step in steps)
    head = (
        Column("Step", kind="name"), Column("Images", kind="count"),
        *([Column("Patients", kind="count")] if patients else []), Column("Of them"),
    )  # fmt: skip
    rows = tuple(
        Row((
            Text(step.title), Count(step.images),
            *([Count(step.patients)] if patients and step.patients is not None else
              [Text("")] if patients else []),
            Text("; ".join(step.parts)),
        ))
        for step in steps
    )  # fmt: skip
    return Table("Images from the data to the figures, as STARD 2015 has it", head, rows)


def draw(steps: Sequence[Step]) -> Chart:
    """The same as a picture, for a wide and for a narrow page."""
    boxes = [_draw_box(step) for step in steps if not step.end]
    first, last = (_draw_box(step) for step in steps if step.end)
    drawn = tuple(draw_flow(boxes, (first, last), width) for width in SIZES)
    key = (
        "At the right what goes away, and images that no score is known of: these stay, and count "
        "as missed or as false alarms."
    )
    summary = (
        "Boxes from the data down to the images that are counted. The table has their numbers."
    )
    rows = tuple((each.title, each.images, each.patients, "; ".join(each.parts)) for each in steps)
    values = Values(("step", "images", "patients", "of them"), rows)
    return Chart("flow", "Flow of images", summary, key, drawn, values)


def _draw_box(step: Step) -> FlowBox:
    whom = () if step.patients is None else (plural(step.patients, "patient"),)
    return FlowBox(step.title, (plural(step.images, "image"), *whom, *step.parts), step.aside)
