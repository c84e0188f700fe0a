"""Every run's confusion matrices under one head, as a study lays them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covidreport.records import Counts, ReportData
from covidreport.report.blocks import (
    Block,
    Column,
    Grid,
    GridCell,
    GridRow,
    Group,
    Head,
    Prose,
    Section,
)
from covidreport.report.confusion import list_answers, list_cells
from covidreport.report.index import Index
from covidreport.text import DASH, clean, label_name, plural, titled

MOST_OPEN = 24
"""Runs whose matrices stand on the page at once; of more the rest is folded."""
NOTE = (
    "Rows are what an image is, columns what a run said of it. By each count stands its share of "
    "the row. On the page its shade is as deep as that share, blue where it is right and orange "
    "where it is wrong. Bold are the missed cases by which runs are ranked."
)
_CORNER = (Column("Run", kind="name"), Column("actual"))
_Key = tuple[str, str]
"""A split and a label."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no run has counts. The ranked split first, labels in their order."""
    counted = {
        reported.run.name: {
            (data.split if one is reported.evaluation else one.split, label): counts
            for one in reported.usual
            for label, counts in one.counts.items()
        }
        for reported in index.runs
    }
    columns = _order_columns([key for found in counted.values() for key in found], data.split)
    if not columns:
        return ()
    answers = list_answers([counts for found in counted.values() for counts in found.values()])
    heads = (
        _list_splits(columns, len(answers)),
        tuple(
            Head(label_name(label), len(answers), strong=label == index.target)
            for _, label in columns
        ),
        answers * len(columns),
    )
    rows = [
        row
        for name, found in counted.items()
        if found
        for row in _rows(name, found, columns, len(answers), index)
    ]
    runs = len(rows) // 2
    caption = f"Confusion matrices of {plural(runs, 'run')}"
    shown = Grid(caption, _CORNER, heads, tuple(rows[: 2 * MOST_OPEN]), "counts")
    blocks: list[Block] = [Prose(NOTE, "lead"), shown]
    if runs > MOST_OPEN:
        title = f"The matrices of {plural(runs - MOST_OPEN, 'more run')}"
        rest = Grid(title, _CORNER, heads, tuple(rows[2 * MOST_OPEN :]), "counts")
        blocks.append(Group((rest,), title, state="folded"))
    gist = f"Of {plural(runs, 'run')}, for each label"
    return (Section("matrices", "Confusion matrices", tuple(blocks), "appendix", gist),)


def _order_columns(keys: Sequence[_Key], split: str) -> list[_Key]:
    found = dict.fromkeys(keys)
    splits = list(dict.fromkeys(each for each, _ in found))
    return sorted(found, key=lambda key: (key[0] != split, splits.index(key[0])))


def _list_splits(columns: Sequence[_Key], answers: int) -> tuple[Head, ...]:
    spans: dict[str, int] = {}
    for split, _ in columns:
        spans[split] = spans.get(split, 0) + answers
    return tuple(Head(f"{titled(clean(split))} split", span) for split, span in spans.items())


def _rows(
    name: str,
    counted: Mapping[_Key, Counts],
    columns: Sequence[_Key],
    answers: int,
    index: Index,
) -> tuple[GridRow, GridRow]:
    """A run's two rows: images without the label and with it; a dash where nothing was counted."""
    rows: tuple[list[GridCell], list[GridCell]] = ([], [])
    for split, label in columns:
        counts = counted.get((split, label))
        target = label == index.target and split == columns[0][0]
        for at in (0, 1):
            if counts is None:
                rows[at].append(GridCell(DASH, span=answers))
            else:
                rows[at].extend(list_cells(counts, answers, target=target)[at])
    run, key = Head(index.link(name, f"rank {index.rank(name)}"), span=2), index.key(name)
    return (
        GridRow((run, Head("no")), tuple(rows[0]), key),
        GridRow((Head("yes"),), tuple(rows[1]), key),
    )
