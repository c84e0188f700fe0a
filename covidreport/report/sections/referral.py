"""What is still missed when the images that a run is least certain of go to a radiologist."""

from __future__ import annotations

from covidreport.records import ReportData, RunReferral
from covidreport.report.blocks import Cell, Chart, Column, Group, Prose, Rate, Row, Section, Table
from covidreport.report.charts.lines import Axis, Lines, Series, TitledLines
from covidreport.report.index import Index
from covidreport.report.shown import choose_shown
from covidreport.text import clean, exact, whole

TITLE = "When uncertain images are referred"


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no ranked run has scores."""
    if not data.referral:
        return ()
    blocks = (Prose(_lead(data, index), "lead"), _tabulate(data, index), _draw(data, index))
    gist = "What a run still misses when a radiologist reads what it is least certain of"
    return (Section("referral", TITLE, blocks, part="appendix", gist=gist),)


def _lead(data: ReportData, index: Index) -> str:
    own = [each for each in data.referral if each.split is None]
    splits = sorted({each.split for each in data.referral if each.split is not None})
    lead = (
        "A run’s least certain images, those whose score lies nearest to its threshold, go to a "
        "radiologist, who is taken to read every one rightly. The table has how many "
        f"{index.disease} images the run then still misses, of all that there are. Images that "
        "could not be scored are referred last."
    )
    if splits:
        named = " or ".join(clean(each) for each in splits)
        lead += (
            f" How certain is certain enough was set on other images ({named}), so that here a "
            "somewhat other share is referred than was meant."
        )
    if own:
        lead += (
            " Without scores on another split that trained nothing it was set on these very "
            "images: such figures are exploratory, and have no interval."
        )
    return lead


def _tabulate(data: ReportData, index: Index) -> Table:
    shares = [point.at for point in data.referral[0].points]
    known = any(point.missed.low is not None for each in data.referral for point in each.points)
    note = "still missed, 95 % CI" if known else "still missed"
    head = (
        Column("Run", kind="name"),
        *(Column(f"{exact(at)} referred", note, "figure") for at in shares),
    )
    rows = []
    for each in data.referral:
        cells: list[Cell] = [index.link(each.run)]
        for point in each.points:
            of = f"{whole(point.referred)} of {whole(point.images)} referred"
            cells.append(Rate(point.missed, note=of, evidence=True))
        rows.append(Row(tuple(cells)))
    return Table(f"{index.disease} images that are still missed", head, tuple(rows), "pairs")


def _draw(data: ReportData, index: Index) -> Group:
    lines = tuple(_series(each, index) for each in data.referral)
    highest = max(y or 0.0 for one in lines for _, y in one.places)
    runs = choose_shown(data, index)
    shown = tuple(index.key(each.run.name) for each in runs)
    drawn = Lines(
        Axis("proportion of images referred"),
        Axis("proportion missed", 0.0, max(highest, 0.05), "quantity"),
        shown,
        lines,
    )
    first = data.referral[0]
    summary = "; ".join(
        f"at {exact(point.at)} {whole(point.missed.numerator)} missed" for point in first.points
    )
    said = f"Of {clean(first.run)}: {summary}."
    chart = Chart(
        "referral", "Missed by proportion referred", said,
        "Exploratory: at each proportion the least certain of these very images.",
        (TitledLines("", said, drawn),),
    )  # fmt: skip
    return Group((chart,), layout="charts", runs=tuple(index.link(each.run.name) for each in runs))


def _series(each: RunReferral, index: Index) -> Series:
    return Series(index.key(each.run), tuple((x, y) for x, y in each.curve))
