"""The runs by weighted rates: what an enriched set says of the ward."""

from __future__ import annotations

from covidreport.records import Estimate, ReportData, Weighted, WeightedRate, WeightedRun
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Difference,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.blocks.tables import Room
from covidreport.report.elsewhere import write_with_interval
from covidreport.report.index import Index
from covidreport.text import clean, decimal, exact, listed, plural

MOST_NAMES = 4
RATES: tuple[tuple[str, str, Room], ...] = (
    ("Sensitivity", "sensitivity", "always"), ("Specificity", "specificity", "always"),
    ("PPV", "ppv", "wide"), ("NPV", "npv", "wide"),
)  # fmt: skip
"""Each with the room that the table has it in."""
REMARK = (
    "n is the effective sample, Kish’s (Σw)² / Σw²: as many equally weighted images say as much. "
    "Where patients have several images, it is smaller. Intervals are Wilson’s of it. Counts, ROC "
    "AUC, calibration and comparisons elsewhere in this report count each image once."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no weights are stored with the ranked images."""
    weighted = data.weighted
    if weighted is None or not weighted.runs:
        return ()
    blocks: tuple[Block, ...] = (
        Prose(_lead(weighted, data), "lead"),
        *_say_differences(weighted),
        _tabulate(weighted, index),
        *_say_excluded(weighted),
        Prose(REMARK, "remark"),
    )
    title = "By weight"
    if weighted.asked:
        return (Section("weighted", title, blocks),)
    first = [each.run for each in weighted.runs if each.rank == 1]
    gist = f"Each image as many patients: first is {clean(listed(first, MOST_NAMES))}"
    if not first:
        gist = "Each image as many patients; no run is ranked"
    return (Section("weighted", title, blocks, part="appendix", gist=gist),)


def _lead(weighted: Weighted, data: ReportData) -> str:
    words = (
        "Each image stands for as many patients as its weight says, from "
        f"{exact(weighted.low)} to {exact(weighted.high)}. Weighted rates are those of the ward "
        "that the weights describe. "
    )
    if weighted.asked:
        return f"{words}The answer is by them, as asked; the ranking counts images."
    first = {each.run for each in weighted.runs if each.rank == 1}
    best = {row.run for row in data.rankings[0].rows if row.rank == 1}
    if first and not first & best:
        named = clean(listed(sorted(first), MOST_NAMES))
        return f"{words}By them {named} is first; the ranking, which counts images, has another."
    return f"{words}The ranking counts images."


def _say_differences(weighted: Weighted) -> tuple[Prose, ...]:
    """Whether others are less sensitive by more than chance, unless the answer says it."""
    said = "" if weighted.asked else _describe_differences(weighted)
    return (Prose(said, "doubt"),) if said else ()


def _tabulate(weighted: Weighted, index: Index) -> Table:
    name = clean(weighted.runs[0].run)
    level = f"{100 * weighted.confidence:.4g} % CI"
    head = [Column("Rank", "by weight", "rank"), Column("Run", kind="name")]
    for title, key, room in RATES:
        head.append(Column(title, "weighted, 95 % CI", "figure", room=room))
        if key in ("sensitivity", "specificity") and len(weighted.runs) > 1:
            near: Room = "always" if key == "sensitivity" else "medium"
            head.append(Column("Less the first", level, "figure", room=near))
    rows = tuple(
        Row(_list_cells(each, weighted, index), best=each.rank == 1) for each in weighted.runs
    )
    return Table(f"Weighted rates for {index.disease}; the first is {name}", tuple(head), rows)


def _list_cells(run: WeightedRun, weighted: Weighted, index: Index) -> tuple[Cell, ...]:
    cells: list[Cell] = [
        Text("–" if run.rank is None else str(run.rank), sort=run.rank), index.link(run.run)
    ]  # fmt: skip
    for _, key, _ in RATES:
        rate = run.rates[key]
        cells.append(Rate(rate.estimate, note=_write_size(rate)))
        if key in ("sensitivity", "specificity") and len(weighted.runs) > 1:
            difference = run.sensitivity if key == "sensitivity" else run.specificity
            cells.append(_write_difference(difference, weighted.confidence))
    return tuple(cells)


def _write_size(rate: WeightedRate) -> str:
    return "" if rate.size is None else f"n {decimal(rate.size, 1)}"


def _write_difference(difference: Estimate | None, level: float) -> Difference:
    if difference is None:
        return Difference(None)
    return Difference(difference.value, difference.low, difference.high, level=level)


def _say_excluded(weighted: Weighted) -> tuple[Prose, ...]:
    if not weighted.excluded:
        return ()
    said = "; ".join(f"{clean(each.run)}: {clean(each.reason)}" for each in weighted.excluded)
    return (Prose(f"{plural(len(weighted.excluded), 'run')} can’t stand here. {said}.", "remark"),)


def describe_first(weighted: Weighted, index: Index) -> tuple[tuple[Cell, ...], str]:
    """Which run is first by weights, and which others differ from it; index names the target."""
    first = [each for each in weighted.runs if each.rank == 1]
    if not first:
        return ("By weight no run can be ranked.",), ""
    rates = first[0].rates
    sensitivity, specificity = rates["sensitivity"], rates["specificity"]
    names = [index.link(first[0].run)]
    others = len(first) - 1
    spans: tuple[Cell, ...] = (
        "By the images’ weights, as asked, ",
        *names,
        f" and {plural(others, 'other')} come first: " if others else " comes first: ",
        f"weighted sensitivity {write_with_interval(sensitivity.estimate)}",
        f" (effective sample {decimal(sensitivity.size, 1)})" if sensitivity.size else "",
        f", weighted specificity {write_with_interval(specificity.estimate)}.",
    )
    return spans, _describe_differences(weighted)


def _describe_differences(weighted: Weighted) -> str:
    """How many ranked runs are less sensitive than the first by more than chance."""
    others = [
        each for each in weighted.runs if each.rank is not None and each.sensitivity is not None
    ]
    if not others:
        return ""
    lower = [
        each
        for each in others
        if each.sensitivity and each.sensitivity.high is not None and each.sensitivity.high < 0
    ]
    level = f"{100 * weighted.confidence:.4g} %"
    if not lower:
        return (
            f"None of the {plural(len(others), 'other ranked run')} is significantly less "
            f"sensitive by weight: no interval of a difference ({level}) lies below 0."
        )
    return (
        f"Of {plural(len(others), 'other ranked run')} {len(lower)} "
        f"{'is' if len(lower) == 1 else 'are'} significantly less sensitive by weight: the "
        f"interval of the difference ({level}) lies below 0."
    )
