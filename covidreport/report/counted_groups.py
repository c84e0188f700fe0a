"""Counts by group that came with the answer to a kit, as a block beside its data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covidreport.metrics import wilson
from covidreport.metrics.small_cells import FEWEST
from covidreport.records import (
    CountedGroup,
    Estimate,
    RecordedAnswer,
    ReportedDataset,
    ReportedRun,
)
from covidreport.report.blocks import (
    RATES,
    Block,
    Cell,
    Column,
    Group,
    Prose,
    Rate,
    Row,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.text import clean, humanise, titled

OTHERS = "all others"
RULE = (
    f"No count is below {FEWEST}. Values of fewer images, or with fewer answers of one kind, stand "
    "together as all others. These may be other values for another run."
)


def list_counted(
    each: ReportedDataset, shown: Sequence[ReportedRun], index: Index
) -> tuple[Block, ...]:
    """The runs' rates by group on a data set of counts; none where its answer has no groups."""
    found = [(run, e.facts.answer) for run in shown if (e := each.find(run)) is not None]
    rows = [row for run, answer in found if answer for row in _list_rows(run, answer, index)]
    if not rows:
        return ()
    head = (
        Column("Run", kind="name"), Column("Attribute"), Column("Value"),
        Column("Sensitivity", "95 % CI", "figure", RATES),
        Column("Specificity", "95 % CI", "figure", RATES),
    )  # fmt: skip
    title = f"Groups of {clean(each.dataset)}, as they were counted there"
    table = Table(title, head, tuple(rows), "pairs")
    return (Group((Prose(RULE, "remark"), table), title, state="folded"),)


def _list_rows(reported: ReportedRun, answer: RecordedAnswer, index: Index) -> Iterator[Row]:
    alone = answer.effective is None
    for attribute, groups in answer.groups.items():
        for group in groups:
            cells: tuple[Cell, ...] = (
                index.link(reported.run.name),
                Text(titled(humanise(attribute))),
                Text(_name(group)),
                Rate(_rate(group.tp, group.fn, alone), evidence=True),
                Rate(_rate(group.tn, group.fp, alone), evidence=True),
            )
            yield Row(cells)


def _name(group: CountedGroup) -> str:
    return OTHERS if group.value is None else group.value or "not stated"


def _rate(right: int, wrong: int, interval: bool) -> Estimate:
    """Without an interval where patients have several images: nobody knows which."""
    among = right + wrong
    if not among:
        return Estimate(None)
    low, high = wilson(right, among) if interval else (None, None)
    return Estimate(right / among, low, high, right, among, "wilson" if interval else None)
