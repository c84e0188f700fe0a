"""What becomes of the answers when pictures are changed in graded ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covidreport.audit.disturbance import count_kept_first, list_hopeless, list_losses
from covidreport.records import (
    DISTURBANCES,
    MOST_SEVERE,
    Comparison,
    Disturbance,
    DisturbedRun,
    DisturbedTruth,
    ReportData,
)
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Count,
    Difference,
    Group,
    Prose,
    Row,
    Section,
    Table,
    Text,
    Values,
)
from covidreport.report.charts.multiples import SIZES, Panel, Trace, draw_multiples
from covidreport.report.index import Index
from covidreport.text import DASH, clean, decimal, exact, listed, plural, whole

MOST_TOLD = 3
"""Kinds whose sensitivity is told in words."""
MOST_RUNS = 8
"""Of the table of losses; those of all stand beside their tables of all changes."""
MOST_ROWS = 600
"""Rows of the table of all changes: more runs than fit into it stand in the JSON alone."""
KEY = (
    "Across: severity, 0 for the picture as it is; up: sensitivity. The thick line is the first "
    "run of the ranking, the thin ones are the others."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """What becomes of each run's answers; none where no run was evaluated on changed pictures."""
    runs = data.disturbed
    if not runs or not runs[0].changes:
        return ()
    blocks: tuple[Block, ...] = (
        Prose(_lead(runs[0], index), "lead"),
        *_draw(runs, index),
        *(Prose(each) for each in _say_kept(data, runs)),
        _tabulate_losses(runs[:MOST_RUNS], index),
        *_say_rest(runs),
        *_tabulate_changes(runs, index),
        Group((_tabulate_strengths(runs),), "How strong each severity is", state="folded"),
    )
    gist = _sum_up(runs)
    return (Section("disturbed", "Changed pictures", blocks, part="appendix", gist=gist),)


def _lead(first: DisturbedRun, index: Index) -> str:
    return (
        f"{whole(first.positives.images)} images with {index.disease} and "
        f"{whole(first.negatives.images)} without were changed before the resize, "
        f"in {plural(len(_list_kinds(first)), 'way')}, and shown to each run again. "
        "Differences are to the same pictures as they are. These figures rank nobody."
    )


def _sum_up(runs: Sequence[DisturbedRun]) -> str:
    """Under how many kinds of change the first run loses more than the margin, and under how many
    of these more than chance explains."""
    first, kinds = runs[0], _list_kinds(runs[0])
    lost = sum(first.find_first_loss(kind) is not None for kind in kinds)
    significant = {kind for kind, _, each in list_losses(first) if each.metric == "sensitivity"}
    more = f", by {whole(len(significant))} of them significantly" if lost else ""
    return f"The first run loses sensitivity by {whole(lost)} of {plural(len(kinds), 'way')}{more}"


def _list_kinds(run: DisturbedRun) -> list[str]:
    """The kinds that pictures were changed by, in their order."""
    changed = set(run.changes)
    return [
        kind
        for kind in DISTURBANCES
        if any(name in changed for _, name in _list_severities(kind))
    ]  # fmt: skip


def _list_severities(kind: str) -> list[tuple[int, str]]:
    strengths = DISTURBANCES[kind].strengths
    return [(s, Disturbance(kind, s).name) for s in range(1, len(strengths) + 1)]


def _draw(runs: Sequence[DisturbedRun], index: Index) -> Iterator[Chart]:
    """A panel for each kind that has several severities."""
    kinds = [
        kind
        for kind in _list_kinds(runs[0])
        if sum(name in runs[0].changes for _, name in _list_severities(kind)) > 1
    ]
    if not kinds:
        return
    panels = [
        Panel(
            DISTURBANCES[kind].title,
            tuple(Trace(_trace(run, kind), run is runs[0]) for run in runs),
        )
        for kind in kinds
    ]
    drawings = tuple(draw_multiples(panels, MOST_SEVERE, width) for width in SIZES)
    lowest = sorted(kinds, key=lambda kind: _last(runs[0], kind))[:MOST_TOLD]
    worst = listed(
        [f"{DISTURBANCES[kind].title} ({decimal(_last(runs[0], kind))})" for kind in lowest]
    )
    said = (
        f"At the highest severity {clean(runs[0].run)} has the lowest sensitivity for "
        f"{index.disease} under {worst}."
    )
    values = tuple(
        (clean(run.run), DISTURBANCES[kind].title, severity, sensitivity)
        for run in runs
        for kind in kinds
        for severity, sensitivity in enumerate(_trace(run, kind))
    )
    table = Values(("run", "change", "severity", "sensitivity"), values)
    title = f"Sensitivity for {index.disease} by severity"
    yield Chart("disturbed", title, said, KEY, drawings, table)


def _trace(run: DisturbedRun, kind: str) -> tuple[float | None, ...]:
    """Sensitivity from severity 0 on."""
    of = run.positives
    wrong = [of.wrong, *(of.count_wrong(name) for _, name in _list_severities(kind))]
    return tuple(None if n is None else 1 - n / of.images for n in wrong)


def _last(run: DisturbedRun, kind: str) -> float:
    return next(value for value in reversed(_trace(run, kind)) if value is not None)


def _say_kept(data: ReportData, runs: Sequence[DisturbedRun]) -> Iterator[str]:
    """Whether the best run stays the best."""
    ranked = {row.run: row.rank for row in data.rankings[0].rows if row.rank is not None}
    there = [each for each in runs if each.run in ranked]
    best = [each.run for each in there if ranked[each.run] == 1]
    kept = count_kept_first(there, best)
    if not best or len(there) < 2:
        return
    hopeless = [_title_change(name) for name in list_hopeless(there)]
    if hopeless:
        yield f"Under {listed(hopeless)} every ranked run misses every case."
    if not kept:
        return
    lost = [name for name, stays in kept.items() if not stays]
    names = listed([clean(name) for name in best])
    said = (
        f"Among {whole(len(there))} ranked runs {names} still misses the fewest, of equally many "
        f"with the fewest false alarms, under {whole(len(kept) - len(lost))} of "
        f"{plural(len(kept), 'other change' if hopeless else 'change')}."
    )
    if lost:
        kinds = dict.fromkeys(_find_kind(name) for name in lost)
        titles = listed([DISTURBANCES[kind].words for kind in kinds])
        said += f" Under the rest another run does: {titles}."
    yield said


def _find_kind(name: str) -> str:
    return next(kind for kind in DISTURBANCES if name in [n for _, n in _list_severities(kind)])


def _tabulate_losses(runs: Sequence[DisturbedRun], index: Index) -> Table:
    """From which severity on each run loses more than the margin, and its largest loss."""
    head = (
        Column("Run", kind="name"), Column("Loses by, from severity"),
        Column("Largest loss by"), Column("Sensitivity", "difference, 95 % CI", "figure"),
    )  # fmt: skip
    rows = []
    for run in runs:
        most = min(run.positives.changes, key=lambda each: each.difference or 0.0)
        largest: tuple[Cell, Cell] = (Text(DASH), Text(DASH))
        if (most.difference or 0.0) < 0:
            difference = Difference(most.difference, most.low, most.high)
            largest = (Text(_title_change(most.first)), difference)
        rows.append(Row((index.link(run.run), Text(_list_losses(run) or DASH), *largest)))
    caption = (
        f"The lowest severity at which sensitivity for {index.disease} loses more than "
        f"{decimal(runs[0].margin)}"
    )
    return Table(caption, head, tuple(rows))


def _say_rest(runs: Sequence[DisturbedRun]) -> Iterator[Prose]:
    if len(runs) > MOST_RUNS:
        more = plural(len(runs) - MOST_RUNS, "more run")
        said = f"{more} stand below, as far as there is room, and in `report.json`."
        yield Prose(said, "remark")


def _list_losses(run: DisturbedRun) -> str:
    found = {kind: run.find_first_loss(kind) for kind in _list_kinds(run)}
    return ", ".join(
        _title_change(Disturbance(kind, severity).name)
        for kind, severity in found.items()
        if severity is not None
    )


def _tabulate_changes(runs: Sequence[DisturbedRun], index: Index) -> Iterator[Block]:
    """A table for each run, of as many as there is room for."""
    shown = max(1, MOST_ROWS // len(runs[0].changes))
    head = (
        Column("Change", kind="name"),
        Column("Newly missed", kind="count"), Column("Newly found", kind="count"),
        Column("Sensitivity", "difference, 95 % CI", "figure"),
        Column("New false alarms", kind="count"), Column("Newly cleared", kind="count"),
        Column("Specificity", "difference, 95 % CI", "figure"),
    )  # fmt: skip
    for run in runs[:shown]:
        name = clean(run.run)
        rows = tuple(
            Row((Text(_title_change(each)), *_figure(run.positives, each),
                 *_figure(run.negatives, each)))
            for each in run.changes
        )  # fmt: skip
        table = Table(f"Answers of {name} for {index.disease} under each change", head, rows)
        yield Group((table,), name, _list_losses(run), state="folded")
    if len(runs) > shown:
        rest = len(runs) - shown
        yield Prose(f"{plural(rest, 'more run')} stand in `report.json` alone.", "remark")


def _title_change(name: str) -> str:
    kind = _find_kind(name)
    severities = {each: severity for severity, each in _list_severities(kind)}
    title = DISTURBANCES[kind].title
    return f"{title} {severities[name]}" if len(severities) > 1 else title


def _figure(truth: DisturbedTruth, name: str) -> tuple[Cell, Cell, Cell]:
    found = truth.find(name) or Comparison("", "", "", None)
    return (
        Count(found.only_first, truth.images, told=False), Count(found.only_second),
        Difference(found.difference, found.low, found.high),
    )  # fmt: skip


def _tabulate_strengths(runs: Sequence[DisturbedRun]) -> Table:
    """What the severities are."""
    head = (
        Column("Change", kind="name"),
        *(Column(str(severity), kind="figure") for severity in range(1, MOST_SEVERE + 1)),
        Column("Unit"), Column("Source"),
    )  # fmt: skip
    rows = []
    for kind in _list_kinds(runs[0]):
        graded = DISTURBANCES[kind]
        strengths = [Text(exact(each)) for each in graded.strengths]
        empty = [Text("")] * (MOST_SEVERE - len(strengths))
        rows.append(
            Row((Text(graded.title), *strengths, *empty, Text(graded.unit), Text(graded.source)))
        )
    return Table("How strong each severity is", head, tuple(rows), "wide")
