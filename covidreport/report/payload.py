"""What the report's script works on: one JSON object in the page, a part for each section.

Parts carry figures that are not rounded, and beside them the view's strings for all that is shown,
so the script shows no number that the view has not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from covidreport.records import ReportData, ReportedRun
from covidreport.report.blocks import Chart, Link, Picture, Pictures, walk_blocks
from covidreport.report.cells import SIGNS, write_cell
from covidreport.report.charts.palette import SERIES_STYLES
from covidreport.report.charts.threshold import RunCurve
from covidreport.report.datasets import number_beside, see_from
from covidreport.report.index import Index, index_runs
from covidreport.report.reader_points import explain_marks, mark_readers
from covidreport.report.sections.curves import MEASURES, epoch_values, list_bins
from covidreport.report.sections.operating import list_measured, point_cells
from covidreport.report.shown import choose_shown, list_labels
from covidreport.report.view import ReportView
from covidreport.text import clean, decimal, exact


def _list_runs(data: ReportData, view: ReportView) -> list[dict[str, Any]]:
    """Each run in the order of the page: its place in this list is how other parts name it.

    Its anchor is empty where the page has no section of each run.
    """
    index = index_runs(data, linked=bool(view.sections["runs"]))
    names = [reported.run.name for reported in index.runs]
    return [
        {"anchor": index.anchors.get(name, ""), "name": clean(name), "badge": index.badge(name)}
        for name in names
    ]


def _list_pictures(data: ReportData, view: ReportView) -> list[dict[str, Any]] | None:  # noqa: ARG001
    """Every block of pictures: its runs, and what each said of each picture."""
    blocks = (one for all_of in view.sections.values() for one in all_of)
    found = [
        _list_block(block)
        for section in blocks
        for block in walk_blocks(section.blocks)
        if isinstance(block, Pictures) and block.pictures
    ]
    return found or None


def _list_block(block: Pictures) -> dict[str, Any]:
    words = _list_words(block.pictures)
    return {
        "noun": block.noun,
        "counted": block.counted,
        "words": words,
        "runs": [
            [write_cell(run).value, run.target if isinstance(run, Link) else "", key]
            for run, key in zip(block.runs, block.keys, strict=True)
        ],
        "pictures": {
            one.id: {
                "name": one.name,
                "gist": one.gist,
                "facts": [[fact.name, write_cell(fact.value).line] for fact in one.facts],
                "scores": [decimal(answer.score) for answer in one.answers],
                "signs": "".join(SIGNS[answer.tone] for answer in one.answers),
                # images with the label and without it have other words for the same signs
                **({} if (own := _list_words([one])).items() <= words.items() else {"words": own}),
            }
            for one in block.pictures
        },
    }


def _list_words(pictures: Sequence[Picture]) -> dict[str, str]:
    """What each sign means."""
    return {SIGNS[answer.tone]: answer.word for one in pictures for answer in one.answers}


def _list_charts(data: ReportData, view: ReportView) -> dict[str, Any] | None:
    """What a reader moves and reads out in charts of lines; None where there are none.

    Counts that fall or rise with the threshold are stored as the difference from the one before,
    which keeps 200 runs small.
    """
    if not any(view.sections[name] for name in ("operating", "curves", "referral")):
        return None
    index = index_runs(data, linked=bool(view.sections["runs"]))
    labels = list_labels(data)
    shown = view.sections["referral"]
    referral = {each.run: each.curve for each in data.referral} if shown else {}
    return {
        "shapes": [style.path for style in SERIES_STYLES],
        "labels": [list(pair) for pair in labels.items()],
        **_list_thresholds(data),
        **_list_readers(data, index),
        "chosen": [int(index.key(each.run.name)) - 1 for each in choose_shown(data, index)],
        "runs": [
            {**counted, **_list_run(each, tuple(labels), referral.get(each.run.name, ()))}
            for each, counted in zip(index.runs, _list_counts(data, index), strict=True)
        ],
        "elsewhere": {
            f"operating-{number}-": {
                **_list_thresholds(see_from(data, there)),
                "runs": _list_counts(see_from(data, there), index.see_from(there)),
            }
            for number, there in number_beside(data).items()
            if view.sections["operating"]
        },
    }


def _list_readers(data: ReportData, index: Index) -> dict[str, Any]:
    """Of which label the marks of the ROC chart are that are of no run, what they are, and each:
    its name, its place and what is said of it; nothing where there are none."""
    marks = mark_readers(data, index)
    if not marks:
        return {}
    listed = [[one.name, one.x, one.y, one.words] for one in marks]
    return {"readers": {"label": data.target, "key": explain_marks(marks), "marks": listed}}


def _list_thresholds(data: ReportData) -> dict[str, Any]:
    thresholds = data.curves.thresholds if data.curves else {}
    return {
        "thresholds": {label: list(at) for label, at in thresholds.items()},
        "texts": {label: [exact(t) for t in at] for label, at in thresholds.items()},
    }


def _list_counts(data: ReportData, index: Index) -> list[dict[str, Any]]:
    """Of each run its counts by label; of counts alone, which have no other threshold, none."""
    labels = list_labels(data) if data.curves else ()
    measured = {
        label: {one.run: one for one in list_measured(data, index, label)} for label in labels
    }
    return [
        {
            "labels": {
                label: _list_label(each, label, one)
                for label, by_run in measured.items()
                if (one := by_run.get(index.key(each.run.name))) is not None
            }
        }
        for each in index.runs
    ]


def _list_run(
    reported: ReportedRun, labels: Sequence[str], curve: Sequence[tuple[float, float]] = ()
) -> dict[str, Any]:
    """A run's epochs, its bins and its curve of referral; only what it has."""
    run: dict[str, Any] = {}
    epochs = {
        f"{place}_{measure}": values
        for measure in MEASURES
        for place, values in epoch_values(reported, measure).items()
    }
    if epochs:
        run["epochs"] = {"at": [epoch.epoch for epoch in reported.run.history], **epochs}
    bins = {
        label: [
            [
                *map(_shorten, (b.predicted, b.observed.value, b.observed.low, b.observed.high)),
                b.count,
            ]
            for b in list_bins(reported, label)
        ]
        for label in labels
        if list_bins(reported, label)
    }
    if curve:
        run["referral"] = [
            _steps([round(1e4 * one) for one in ends]) for ends in zip(*curve, strict=True)
        ]
    return {**run, "bins": bins} if bins else run


def _list_label(reported: ReportedRun, label: str, measured: RunCurve) -> dict[str, Any]:
    written = [write_cell(cell) for cell in point_cells(reported.evaluation, label)]
    one: dict[str, Any] = {
        "at": measured.at,
        "positives": measured.counts.positives,
        "negatives": measured.counts.negatives,
        "found": measured.counts.tp,
        "alarms": measured.counts.false_alarms,
        "shown": [[cell.value, cell.note] for cell in written],
    }
    if measured.curve is not None and measured.at is not None:  # by argmax nothing moves
        one["curve"] = {
            "found": _steps(measured.curve.found),
            "alarms": _steps(measured.curve.false_alarms),
        }
    return one


def _shorten(value: float | None) -> float | None:
    """As it is read out, to three decimals."""
    return None if value is None else round(value, 3)


def _steps(values: Sequence[int]) -> list[int]:
    return [after - before for before, after in pairwise((0, *values))]


def _list_values(data: ReportData, view: ReportView) -> dict[str, Any] | None:  # noqa: ARG001
    """What each chart shows that is not read off its lines: titles of columns, and the columns.

    A column whose values stand in many rows is a list of them, and the place of each row's.
    """
    blocks = (one for all_of in view.sections.values() for one in all_of)
    found = {
        block.name: [block.values.columns, *map(_pack, zip(*block.values.rows, strict=True))]
        for section in blocks
        for block in walk_blocks(section.blocks)
        if isinstance(block, Chart) and block.values is not None
    }
    return found or None


def _pack(column: Sequence[str | float | None]) -> list[str | float | None] | dict[str, Any]:
    values = [float(f"{each:.6g}") if isinstance(each, float) else each for each in column]
    places: dict[str | float | None, int] = {}
    at = [places.setdefault(value, len(places)) for value in values]
    return {"of": list(places), "at": at} if 2 * len(places) < len(values) else values


PARTS: dict[str, Callable[[ReportData, ReportView], Any]] = {
    "runs": _list_runs,
    "pictures": _list_pictures,
    "charts": _list_charts,
    "values": _list_values,
}
"""Each part by its name in the script's `report`; a part that is None is left out."""


def list_parts(data: ReportData, view: ReportView) -> dict[str, Any]:
    """The parts that this report has, by name."""
    parts = {name: make(data, view) for name, make in PARTS.items()}
    return {name: part for name, part in parts.items() if part is not None}


def escape_json(value: object) -> str:
    """Compact JSON without `<`, which could end the element, nor JavaScript's own line ends."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
