"""Errors by true class: whom the false alarms hit, and what images of each class are called."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.metrics.classes import NO_LABEL
from covidreport.records import ClassErrors, ReportData, Subgroup, TrueClasses
from covidreport.report.blocks import (
    RATES,
    Block,
    Column,
    Count,
    Grid,
    GridCell,
    GridRow,
    Group,
    Head,
    Prose,
    Rate,
    Row,
    Section,
    Table,
)
from covidreport.report.index import Index
from covidreport.text import clean, label_name, listed, plural, portion_of, titled, whole

MOST_OPEN = 8
"""Runs whose tables of classes stand on the page at once; of more the rest is folded."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section of the first ranking's runs; none without scores of any."""
    found = data.classes
    if found is None:
        return ()
    blocks: list[Block] = [_alarms_table(found, data, index)]
    lacking = [
        each.run.name
        for each in index.runs
        if each.evaluation is not None and not set(found.labels) <= set(each.evaluation.labels)
    ]
    if lacking:
        words = f"Evaluated without these labels, and not in the table: {clean(listed(lacking))}."
        blocks.append(Prose(words, "remark"))
    tables = [each for each in found.runs if each.called is not None]
    if tables:
        blocks += _called_grids(tables, found, data, index)
    else:
        words = (
            "Some images carry several labels, none, or labels of which nobody knows: no table of "
            "true classes can hold each image once."
        )
        blocks.append(Prose(words, "remark"))
    lead = (
        f"Whom the false alarms hit: images without {index.disease}, by what else is true of them. "
        "A run that clears the normal ones and not those with another disease may tell sick from "
        "well, and not one disease from another."
    )
    gist = "Whom the false alarms hit, and what each class was called"
    blocks.insert(0, Prose(lead, "lead"))
    return (Section("classes", "Errors by true class", tuple(blocks), "appendix", gist),)


def _alarms_table(found: TrueClasses, data: ReportData, index: Index) -> Table:
    """A row for each run, two columns for each class of images without the target."""
    values = _order_values(found, data.target)
    by_run = [{each.value: each for each in run.false_alarms} for run in found.runs]
    head = [Column("Run", kind="name")]
    for value in values:
        name = titled(_name_class(value))
        head += [
            Column(name, "false alarms", "count"),
            Column(name, "specificity", "figure", RATES),
        ]
    rows = tuple(
        Row((index.link(run.run), *(cell for value in values for cell in _cells(cells.get(value)))))
        for run, cells in zip(found.runs, by_run, strict=True)
    )
    caption = f"False alarms and specificity for {index.disease} by true class, 95 % CI"
    return Table(caption, tuple(head), rows, "pairs")


def _order_values(found: TrueClasses, target: str) -> list[str]:
    """Single labels in their order, then several together, none, and what is not known."""
    there = {each.value for run in found.runs for each in run.false_alarms}
    single = [label for label in found.labels if label in there and label != target]
    last = [value for value in (NO_LABEL, "") if value in there]
    return [*single, *sorted(there - {*single, *last}), *last]


def _name_class(value: str) -> str:
    if not value:
        return "not known"
    return " and ".join(label_name(label) for label in value.split(" and "))


def _cells(group: Subgroup | None) -> tuple[Count, Rate]:
    if group is None:
        return Count(None), Rate(None)
    counts = group.counts
    failed = counts.failed_negative
    alarms = Count(counts.false_alarms, counts.negatives, failed)
    return alarms, Rate(group.specificity, evidence=True)


def _called_grids(
    tables: Sequence[ClassErrors], found: TrueClasses, data: ReportData, index: Index
) -> list[Block]:
    """The tables of true class against what was called, of many runs in two."""
    note = (
        "Rows are what an image is, columns what a run called it: one label alone, none, several, "
        "or it could not be scored. By each count stands its share of the row, and each row adds "
        "up. A label is called by its own threshold: several may be."
    )
    first = _called_grid(tables[:MOST_OPEN], found, data, index)
    blocks: list[Block] = [Prose(note, "remark"), first]
    rest = tables[MOST_OPEN:]
    if rest:
        folded = _called_grid(rest, found, data, index)
        title = f"The true classes of {plural(len(rest), 'more run')}"
        blocks.append(Group((folded,), title, state="folded"))
    return blocks


def _called_grid(
    tables: Sequence[ClassErrors], found: TrueClasses, data: ReportData, index: Index
) -> Grid:
    names = [label_name(label) for label in found.labels]
    heads = (
        (Head("called", len(names) + 3),),
        (*(Head(f"{name} alone") for name in names), Head("none"), Head("several"),
         Head("not scored")),
    )  # fmt: skip
    rows = []
    for each in tables:
        called = each.called or ()
        for place, (name, row) in enumerate(zip(names, called, strict=True)):
            label = Head(f"{name}, {whole(sum(row))}")
            run = Head(index.link(each.run, f"rank {index.rank(each.run)}"), span=len(names))
            target = found.labels[place] == data.target
            # Among several labels the target may be one: those images need not be missed.
            unsure = (place, len(names) + 1)
            cells = tuple(
                _count(number, sum(row), right=place == at, strong=target and at not in unsure)
                for at, number in enumerate(row)
            )
            row_heads = (run, label) if place == 0 else (label,)
            rows.append(GridRow(row_heads, cells, index.key(each.run)))
    corner = (Column("Run", kind="name"), Column("true class"))
    caption = f"True class against what was called, of {plural(len(tables), 'run')}"
    return Grid(caption, corner, heads, tuple(rows), "counts")


def _count(number: int, of: int, *, right: bool, strong: bool) -> GridCell:
    return GridCell(
        whole(number), "right" if right else "wrong", portion_of(number, of) if of else "",
        round(10 * number / of) if of else 0, strong=strong and number > 0,
    )  # fmt: skip
