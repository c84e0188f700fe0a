"""What each model costs, beside what it misses: its size, and its speed and memory as measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covidreport.records import Cost, Counts, RankedRun, Ranking, ReportData
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Count,
    Prose,
    Row,
    Section,
    Table,
    Text,
    Values,
)
from covidreport.report.charts.scatter import Axis, ScatterPoint, draw_scatter
from covidreport.report.index import Index
from covidreport.report.trade_off import count_labels, fit_sizes, short_names
from covidreport.text import clean, listed, plural, whole
from covidreport.text.sizes import digits, size

_FASTER = 2.0
"""Less is not called faster, nor drawn: five equal models that took turns over 192 images
each on a busy machine differed by up to 1.74."""
_HOW = (
    "Parameters are counted as exported: a batch normalisation that was folded into a convolution "
    "has none of its own. Images/s are images by seconds in the model alone, while the other "
    "models of its evaluation took turns with it. Memory is what it took at most by itself, on the "
    "CPU, with one image."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A section for each ranking of which something is known."""
    sections = (_build(ranking, place, index) for place, ranking in enumerate(data.rankings))
    return tuple(section for section in sections if section is not None)


def _build(ranking: Ranking, place: int, index: Index) -> Section | None:
    rows = [row for row in ranking.rows if row.rank is not None]
    evaluations = index.evaluations(ranking)
    costs = {row.run: evaluations[row.run].cost for row in rows if row.run in evaluations}
    if not any(cost.parameters or cost.images_per_s for cost in costs.values()):
        return None
    anchor = "cost" if place == 0 else f"cost-{place + 1}"
    said = _compare_speed(ranking, rows, costs)
    chart = _draw(ranking, anchor, costs, index)
    blocks: tuple[Block, ...] = (
        *([Prose(said, "lead")] if said else []),
        _table(ranking, rows, costs, index),
        Prose(f"{_name_machines(costs)}{_HOW}", "remark"),
        *([chart] if chart else []),
    )
    title = "What the models cost" if place == 0 else f"What the models cost, ranking {place + 1}"
    gist = "Parameters, size, images/s and memory, beside what is missed"
    return Section(anchor, title, blocks, "appendix", gist)


def _compare_speed(ranking: Ranking, rows: Sequence[RankedRun], costs: dict[str, Cost]) -> str:
    """The fastest of the runs that are not significantly different from the best one."""
    comparisons = ranking.comparisons
    if comparisons is None or _machine(costs) is None:
        return ""
    alike = [
        row
        for row in rows
        if row.rank == 1
        or ((found := comparisons.find(row.run)) and found.significantly_different is False)
    ]
    timed = [row for row in alike if row.run in costs and costs[row.run].images_per_s]
    if len(timed) < 2 or timed[0].rank != 1:
        return ""
    best = timed[0]
    fastest = max(timed, key=lambda row: costs[row.run].images_per_s or 0.0)
    speed = digits(costs[fastest.run].images_per_s)
    if (costs[fastest.run].images_per_s or 0.0) <= _FASTER * (costs[best.run].images_per_s or 0.0):
        others = len(timed) - 1
        return (
            f"Beside the best, {clean(best.run)} ({digits(costs[best.run].images_per_s)} images/s),"
            f" {plural(others, 'run is', 'runs are')} not significantly different from it, and "
            f"{'it is not' if others == 1 else 'none is'} twice as fast."
        )
    return (
        f"{clean(fastest.run)} is the fastest run not significantly different from the best, "
        f"{clean(best.run)}: {speed} images/s and {whole(fastest.missed)} missed, against "
        f"{digits(costs[best.run].images_per_s)} images/s and {whole(best.missed)} missed."
    )


def _machine(costs: dict[str, Cost]) -> str | None:
    """Where all of them were timed; None where that is not one machine, or not known."""
    machines = {cost.machine for cost in costs.values() if cost.images_per_s}
    return machines.pop() if len(machines) == 1 else None


def _name_machines(costs: dict[str, Cost]) -> str:
    machines = dict.fromkeys(cost.machine for cost in costs.values() if cost.machine)
    if not machines:
        return ""
    if len(machines) == 1:
        return f"Measured on {clean(next(iter(machines)))}. "
    return f"Measured on {listed([clean(one) for one in machines])}, which are not comparable. "


def _table(
    ranking: Ranking, rows: Sequence[RankedRun], costs: dict[str, Cost], index: Index
) -> Table:
    several = len({cost.machine for cost in costs.values() if cost.machine}) > 1
    head = (
        Column("Run", kind="name"),
        Column("Missed", index.disease, "missed"),
        Column("False alarms", kind="count"),
        Column("Parameters", kind="count"),
        Column("Files", "of the model", "count"),
        Column("Images/s", "in the model", "count", falls=True),
        Column("Memory", "one image, CPU", "count"),
        *([Column("Measured on")] if several else []),
    )
    body = []
    for row in rows:
        cost, counts = costs.get(row.run, Cost()), index.counts(index.evaluation(row.run, ranking))
        cells: tuple[Cell, ...] = (
            index.link(row.run),
            _count(row.missed, counts, positive=True),
            _count(row.false_alarms, counts, positive=False),
            Text(whole(cost.parameters), sort=cost.parameters),
            Text(size(cost.file_bytes), sort=cost.file_bytes),
            Text(digits(cost.images_per_s), sort=cost.images_per_s),
            Text(size(cost.memory_bytes), sort=cost.memory_bytes),
            *([Text(cost.machine or "")] if several else []),
        )
        body.append(Row(cells, best=row.rank == 1))
    caption = f"{plural(len(rows), 'ranked run')} with the cost of the model, in order of rank"
    return Table(caption, head, tuple(body), "pairs")


def _count(count: int, counts: Counts | None, *, positive: bool) -> Cell:
    if counts is None:
        return Text(whole(count), sort=count)
    if positive:
        return Count(count, counts.positives, counts.failed_positive)
    return Count(count, counts.negatives, counts.failed_negative)


def _draw(ranking: Ranking, anchor: str, costs: dict[str, Cost], index: Index) -> Chart | None:
    """Missed cases against what tells the runs apart: the time of an image, else the parameters."""
    rows = [row for row in ranking.rows if row.rank is not None and row.run in costs]
    times = {
        row.run: 1e3 / speed for row in rows if (speed := costs[row.run].images_per_s) is not None
    }
    sizes = {row.run: n / 1e6 for row in rows if (n := costs[row.run].parameters)}
    if _machine(costs) is not None and _spread(times) >= _FASTER:
        axis, values = Axis("milliseconds an image", whole=False), times
    elif _spread(sizes) > 1:
        axis, values = Axis("millions of parameters", whole=False), sizes
    else:
        return None
    names = short_names([row for row in rows if row.run in values], index)
    points = [
        ScatterPoint(
            values[row.run], row.missed, names[row.run],
            f"{clean(row.run)}: {plural(row.missed, 'missed case', 'missed cases')}, "
            f"{digits(values[row.run])} {axis.title}",
            "best" if row.rank == 1 else "ranked",
        )
        for row in rows
        if row.run in values
    ]  # fmt: skip
    labels = count_labels(len(points))
    scatters = [
        draw_scatter(points, *each, most_labels=labels, across=axis)
        for each in fit_sizes(len(points))
    ]
    drawn = tuple(one for one in scatters if one is not None)
    key = (
        f"Each dot is a ranked run, as in the picture of the ranking: missed cases against "
        f"{axis.title}. The line runs along the runs that no other one beats on both (the Pareto "
        "front)."
    )
    title = f"Missed cases against {axis.title}"
    summary = f"{key} The figures stand in the table above."
    shown = tuple(
        (clean(row.run), values[row.run], row.missed) for row in rows if row.run in values
    )
    table = Values(("run", axis.title, "missed"), shown)
    return Chart(anchor, title, summary, key, drawn, table) if drawn else None


def _spread(values: Mapping[str, float]) -> float:
    """The largest by the smallest; 1 where there are none."""
    return max(values.values()) / min(values.values()) if values else 1.0
