"""Weak spots that nobody named: parts of the cases that runs miss more than chance explains."""

from __future__ import annotations

from covidreport.records import ReportData, SpotCut, WeakSpot, WeakSpots
from covidreport.report.blocks import (
    Cell,
    Column,
    Count,
    Prose,
    PValue,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.group_blocks import say_sought
from covidreport.report.index import Index
from covidreport.text import clean, decimal, humanise, titled, whole

TITLE = "Weak spots"


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no spot is named, which the section of groups then says."""
    found = data.weak_spots
    if found is None or not found.spots:
        return ()
    head = (
        Column("Where", kind="name"), Column("Run"), Column("Cases", kind="count"),
        Column("Sensitivity there", "95 % CI", "figure"),
        Column("Of the others", "95 % CI", "figure"),
        Column("p", "adjusted", "figure"), Column("Runs that miss more there", kind="count"),
    )  # fmt: skip
    rows = tuple(_row(each, found, index) for each in found.spots)
    lead = Prose(
        "Parts of the cases that are missed more often than chance explains, though nobody asked "
        "for them. What all runs share stands first.",
        "lead",
    )
    table = Table(f"Weak spots for {index.disease}", head, rows)
    sought = Prose(say_sought(found, index), "remark")
    return (Section("spots", TITLE, (lead, table, sought)),)


def _row(spot: WeakSpot, found: WeakSpots, index: Index) -> Row:
    cells: tuple[Cell, ...] = (
        Text(describe_spot(spot)),
        Text("all together") if spot.run is None else index.link(spot.run),
        Count(spot.positives, found.positives), Rate(spot.inside), Rate(spot.outside),
        PValue(spot.p_value), Count(spot.runs, found.runs),
    )  # fmt: skip
    return Row(cells)


def describe_spot(spot: WeakSpot) -> str:
    """Such as `Sex: F and Brightness at most 93`."""
    return " and ".join(map(_describe_cut, spot.cuts))


def _describe_cut(cut: SpotCut) -> str:
    name = titled(humanise(cut.trait))
    if cut.value is not None:
        return f"{name}: {clean(cut.value)}"
    if cut.most is not None:
        return f"{name} at most {_write(cut.most)}"
    assert cut.over is not None
    return f"{name} over {_write(cut.over)}"


def _write(value: float) -> str:
    return whole(int(value)) if value.is_integer() else decimal(value)
