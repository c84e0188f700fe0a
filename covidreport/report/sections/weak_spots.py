"""Weak spots that nobody named: parts of the cases that runs miss more than chance explains."""

from __future__ import annotations

from covidreport.records import ReportData, SpotCut, WeakSpot, WeakSpots
from covidreport.report.blocks import (
    Cell,
    Column,
    Count,
    Inlines,
    Prose,
    PValue,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.text import clean, decimal, humanise, listed, plural, titled, whole

TITLE = "Weak spots"


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section: evidence where a spot is named, else a line of the appendix."""
    found = data.weak_spots
    if found is None:
        return ()
    if not found.spots:
        blocks = (Prose(_say_sought(found, index)),)
        gist = "None was found among " + plural(found.parts, "part") + " of the cases"
        return (Section("weak-spots", TITLE, blocks, part="appendix", gist=gist),)
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
    return (
        Section("weak-spots", TITLE, (lead, table, Prose(_say_sought(found, index), "remark"))),
    )


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


def _say_sought(found: WeakSpots, index: Index) -> Inlines:
    """How far the search went, and what it could have found."""
    traits = listed([clean(humanise(each)) for each in found.traits])
    words = (
        f"The {plural(found.positives, 'case')} of {index.disease} were cut by {traits}, and by "
        f"pairs of these: {plural(found.parts, 'part')} with at least five cases inside and "
        "outside. The largest difference over all parts and runs is held against permuted answers. "
    )
    if found.detectable is None:
        return words + "So few cases can show no weak spot of half of them."
    return words + (
        "In half of the cases a sensitivity of the best run that is lower by "
        f"{decimal(found.detectable)} would be found in four of five such studies."
    )
