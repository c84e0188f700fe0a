"""The blocks of a study: runs that were planned together, beside their figures on other splits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from covidreport.records import ReportData, ReportedRun
from covidreport.report.view.index import Index
from covidreport.report.view.records import Cell, Column, Row, Table
from covidreport.report.view.tables import (
    all_alike,
    count_cells,
    count_columns,
    figure_cell,
    of_label,
    overall,
)
from covidreport.text import DASH, clean, exact


def have_blocks(runs: Sequence[ReportedRun]) -> bool:
    """Whether any run belongs to a block."""
    return any(reported.run.block is not None for reported in runs)


def name_block(reported: ReportedRun | None) -> str:
    """The block of a run, or a dash."""
    return exact(reported.run.block) if reported else DASH


def view_blocks(data: ReportData, index: Index) -> tuple[Table, ...]:
    """One table a block, in the natural order of their names; empty where no run has a block."""
    if not have_blocks(index.runs):
        return ()
    blocks: defaultdict[str, list[ReportedRun]] = defaultdict(list)
    for reported in index.runs:
        blocks[reported.run.block or ""].append(reported)
    return tuple(
        _block_table(name, blocks[name], data, index) for name in sorted(blocks, key=_natural)
    )


def _natural(text: str) -> tuple[object, ...]:
    """`4` before `4b` before `10`; no name at all comes last."""
    parts = re.split(r"(\d+)", text)
    return (not text, [(int(p), "") if p.isdigit() else (-1, p) for p in parts if p])


def _block_table(name: str, runs: Sequence[ReportedRun], data: ReportData, index: Index) -> Table:
    found = dict.fromkeys(one.split for run in runs for one in run.usual)
    splits = (data.split, *(split for split in found if split != data.split))
    counts = [index.counts(reported.evaluation) for reported in runs]
    alike = all_alike(counts)
    head = [
        Column("Rank", kind="rank"), Column("Run", kind="name"),
        *count_columns(counts), Column("Sensitivity", "95 % CI", "figure"),
    ]  # fmt: skip
    for split in splits:
        head += [
            Column("Label accuracy", clean(split), "figure"),
            Column("Micro F1", clean(split), "figure"),
        ]
    body = []
    for reported, of_target in zip(runs, counts, strict=True):
        cells = [
            Cell(index.rank(reported.run.name), kind="rank"),
            index.cell(reported.run.name, reported.run.description),
            *count_cells(of_target, alike=alike),
            figure_cell(of_label(reported.evaluation, index.target, "sensitivity")),
        ]  # fmt: skip
        for split in splits:
            one = reported.find(split)
            cells += [figure_cell(overall(one, key)) for key in ("label_accuracy", "micro_f1")]
        body.append(Row(tuple(cells), best=index.rank(reported.run.name) == "1"))
    return Table(f"Block {clean(name)}" if name else "Without a block", tuple(head), tuple(body))
