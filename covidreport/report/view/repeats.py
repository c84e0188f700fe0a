"""Runs that differ in nothing but their seed, and methods compared over their seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covidreport.records import MethodComparison, RepeatedMethod, Repeats, ReportData, Spread
from covidreport.report.view.index import Index
from covidreport.report.view.records import Cell, Column, RepeatsView, Row, Table
from covidreport.text import (
    DASH,
    clean,
    decimal,
    exact,
    humanise,
    listed,
    p_value,
    plural,
    whole,
)

_LEVEL = 0.05


def view_repeats(data: ReportData, index: Index) -> tuple[RepeatsView, ...]:
    """One part for each ranking in which a method was run with several seeds."""
    return tuple(_view(repeats, data, index) for repeats in data.repeats)


def _view(repeats: Repeats, data: ReportData, index: Index) -> RepeatsView:
    runs = sum(len(method.runs) for method in repeats.methods)
    lead = (
        f"{plural(len(repeats.methods), 'method')} of {plural(runs, 'run')}: the runs of a method "
        "differ in nothing but their seed. How far they spread is the luck of training, on these "
        "very images; it says nothing of other patients."
    )
    if len(data.rankings) > 1:
        lead = f"In ranking {repeats.ranking + 1}: {lead[0].lower()}{lead[1:]}"
    return RepeatsView(
        lead=lead,
        methods=_methods_table(repeats, index),
        comparisons=_comparisons_table(repeats) if repeats.comparisons else None,
        remarks=_remarks(repeats),
    )


def _methods_table(repeats: Repeats, index: Index) -> Table:
    head = (
        Column("Method", kind="name"), Column("What sets it apart"), Column("Runs"),
        Column("Missed", "mean ± SD", "figure"), Column("Sensitivity", "mean ± SD", "figure"),
        Column("Specificity", "mean ± SD", "figure"), Column("ROC AUC", "mean ± SD", "figure"),
    )  # fmt: skip
    rows = []
    for place, method in enumerate(repeats.methods):
        cells = [
            Cell(name_method(place), kind="name"),
            Cell(_describe_settings(method.settings)),
            Cell(_describe_runs(method)),
            _spread_cell(method.figures["missed"], counts=True),
        ]
        cells += [
            _spread_cell(method.figures[name]) for name in ("sensitivity", "specificity", "roc_auc")
        ]
        rows.append(Row(tuple(cells)))
    return Table(
        f"{index.disease} over seeds: mean, standard deviation of single runs, smallest to largest",
        head, tuple(rows),
    )  # fmt: skip


def name_method(place: int) -> str:
    """Methods go by letters, since runs and experiments go by names and numbers: A, B … Z, AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _describe_settings(settings: Mapping[str, Any]) -> str:
    return "; ".join(f"{humanise(key)} {exact(value)}" for key, value in settings.items()) or DASH


def _describe_runs(method: RepeatedMethod) -> str:
    runs = [
        f"{clean(run)} (seed {exact(seed)})"
        for run, seed in zip(method.runs, method.seeds, strict=True)
    ]
    if method.copies:
        runs.append(f"left out as copies: {', '.join(map(clean, method.copies))}")
    return "; ".join(runs)


def _spread_cell(spread: Spread, *, counts: bool = False) -> Cell:
    if spread.mean is None:
        return Cell(DASH, kind="figure")
    places = 1 if counts else 3
    middle = decimal(spread.mean, places)
    if spread.sd is not None:
        middle += f" ± {decimal(spread.sd, places)}"
    ends = [
        whole(None if end is None else round(end)) if counts else decimal(end)
        for end in (spread.low, spread.high)
    ]
    note = f"{ends[0]} to {ends[1]}"
    if spread.undefined:
        note += f"; {plural(spread.undefined, 'run')} without"
    return Cell(middle, note, f"{middle} ({note})", "figure")


def _comparisons_table(repeats: Repeats) -> Table:
    head = (
        Column("Methods", kind="name"), Column("Missed, mean difference", "95 % CI", "figure"),
        Column("p", kind="figure"), Column("Adjusted p", kind="figure"),
        Column("Least p of so many seeds", kind="figure"),
    )  # fmt: skip
    return Table(
        "Methods against each other by their mean of missed cases",
        head, tuple(_comparison_row(each) for each in repeats.comparisons),
    )  # fmt: skip


def _comparison_row(each: MethodComparison) -> Row:
    found = each.comparison
    ends = ""
    if found.low is not None and found.high is not None:
        ends = f"{decimal(found.low, 1)} to {decimal(found.high, 1)}"
    value = decimal(found.difference, 1)
    full = f"{value} (95 % CI {ends})" if ends else value
    return Row(
        (
            Cell(f"{name_method(each.first)} − {name_method(each.second)}", kind="name"),
            Cell(value, ends, full, "figure"),
            Cell(p_value(found.p_value), found.method, kind="figure"),
            Cell(p_value(each.adjusted_p_value), kind="figure"),
            Cell(p_value(found.smallest_p), kind="figure"),
        )
    )


def _remarks(repeats: Repeats) -> tuple[str, ...]:
    """What so few seeds can't tell."""
    mute = [
        each.comparison
        for each in repeats.comparisons
        if each.comparison.smallest_p is not None and each.comparison.smallest_p > _LEVEL
    ]
    remarks = []
    if mute:
        cases = sorted({(one.seeds, one.smallest_p) for one in mute}, key=str)
        said = [
            f"{n} seeds against {m} can’t give a p below {decimal(least)}"
            for (n, m), least in cases
        ]
        remarks.append(
            f"However far apart methods lie, {listed(said)}: these seeds can’t show a difference. "
            "It takes four against four."
        )
    few = [len(method.runs) for method in repeats.methods if len(method.runs) <= 3]
    if few:
        remarks.append(
            "A standard deviation of two or three runs is itself little more than a guess."
        )
    return tuple(remarks)
