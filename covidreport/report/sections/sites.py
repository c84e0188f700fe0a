"""The runs by site: a forest plot each, what holds over sites, and what a new one may see."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from covidreport.metrics.sites import FEWEST_SITES
from covidreport.metrics.subgroups import FEWEST_CASES
from covidreport.records import Estimate, PooledRate, ReportData, RunSites, Sites
from covidreport.report.blocks import (
    RATES,
    Block,
    Cell,
    Column,
    Count,
    Group,
    Items,
    Number,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.report.sites import DATASET, ORDERS
from covidreport.report.tables import say_binned
from covidreport.text import DASH, clean, decimal, format_p, humanise, listed, plural

MOST_RUNS = 3
"""Runs with a forest plot."""
METHOD = "binomial-normal"
REMARK = (
    "Over sites: a binomial-normal model on the logit, with a half-normal prior for the SD between "
    "sites and no continuity correction. The mean is that of the logits: half of all such "
    "sites lie above it. The range is that of the true rate of a new site like these. Areas are "
    "not combined."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where nobody asked for sites, or none are known."""
    sites = data.sites
    if sites is None:
        return ()
    blocks: tuple[Block, ...] = (
        Prose(_write_lead(sites), "lead"),
        *_say_limits(sites),
        *_say_unusual(sites),
        *_say_first(sites, data),
        _table_of_runs(sites, index),
        *_forests(sites, index),
        *_say_without(sites, index),
        Prose(REMARK, "remark"),
    )
    if len(sites.names) < FEWEST_SITES:
        gist = f"{plural(len(sites.names), 'site')}: too few to tell what a new one may see"
        return (Section("sites", "Sites", blocks, part="appendix", gist=gist),)
    return (Section("sites", "Sites", blocks),)


def _write_lead(sites: Sites) -> str:
    by = "a data set each" if sites.rule.by == DATASET else f"by {humanise(sites.rule.by)}"
    words = f"{plural(len(sites.names), 'site')}, {by}. {ORDERS[sites.rule.rank]}."
    if sites.not_stated:
        words += f" {plural(sites.not_stated, 'image')} state none and are left out here."
    return words


def _say_limits(sites: Sites) -> Iterator[Block]:
    """What so few sites, or so few cases, can't say."""
    if len(sites.names) < FEWEST_SITES:
        yield Prose(
            f"With {plural(len(sites.names), 'site')} neither the range to expect at a new site "
            f"nor a site that differs can be told: that takes {FEWEST_SITES}. The mean says "
            "little of others.",
            "doubt",
        )
    if sites.rule.rank == "worst" and all(row.worst is None for row in sites.runs):
        yield Prose(f"No site has {FEWEST_CASES} positives: none can be the worst.", "doubt")


def _say_unusual(sites: Sites) -> Iterator[Block]:
    """The sites that differ, of the first run."""
    if len(sites.names) < FEWEST_SITES or not sites.runs[0].unusual:
        return
    first = sites.runs[0]
    said = [
        f"{clean(first.run)}: {metric} at {clean(sites.names[each.place])} is {each.side} than the "
        f"other sites let expect ({format_p(each.p_value)}, corrected for all sites)."
        for metric, found in first.unusual.items()
        for each in found
    ]
    if said:
        yield Items(tuple(said))
    else:
        yield Prose(f"No site of {clean(first.run)} differs from what the others let expect.")


def _say_first(sites: Sites, data: ReportData) -> Iterator[Block]:
    """Where another run is first over sites than in the ranking."""
    best = {row.run for row in data.rankings[0].rows if row.rank == 1}
    first = [row.run for row in sites.runs if row.rank == 1]
    if first and not best & set(first):
        yield Prose(
            f"Over sites {clean(listed(first, MOST_RUNS))} comes first; the ranking, by missed "
            f"cases of all images, has {clean(listed(sorted(best), MOST_RUNS))}.",
            "doubt",
        )


def _table_of_runs(sites: Sites, index: Index) -> Table:
    """A row for each run, over all sites, with the columns that say something of one of them."""
    head = (
        Column("Rank", "over sites", "rank"),
        Column("Run", kind="name"),
        Column("Sensitivity", "mean, 95 % CI", "figure", RATES),
        Column("At a new site", "95 % range", "figure"),
        Column("SD", "of logits", "figure"),
        Column("Worst site", f"of {FEWEST_CASES} positives or more", "figure"),
        Column("Specificity", "mean, 95 % CI", "figure", RATES),
        Column("At a new site", "95 % range", "figure"),
    )
    rows = tuple(_row(row, sites, index) for row in sites.runs)
    told = [at for at in range(len(head)) if any(row.cells[at] != Text(DASH) for row in rows)]
    rows = tuple(replace(row, cells=tuple(row.cells[at] for at in told)) for row in rows)
    columns = tuple(head[at] for at in told)
    return Table(f"The runs over {plural(len(sites.names), 'site')}", columns, rows)


def _row(row: RunSites, sites: Sites, index: Index) -> Row:
    worst = None if row.worst is None else row.figures[row.worst]
    cells: tuple[Cell, ...] = (
        Text(DASH if row.rank is None else str(row.rank), sort=row.rank),
        index.link(row.run),
        _mean(row.sensitivity),
        _range(row.sensitivity),
        Number(None if row.sensitivity is None else row.sensitivity.sd, 2),
        Text(DASH) if worst is None or row.worst is None else Rate(
            worst.sensitivity, note=clean(sites.names[row.worst])
        ),
        _mean(row.specificity),
        _range(row.specificity),
    )  # fmt: skip
    return Row(cells, best=row.rank == 1)


def _mean(pooled: PooledRate | None) -> Rate:
    if pooled is None:
        return Rate(None)
    return Rate(Estimate(pooled.mean, pooled.low, pooled.high, method=METHOD))


def _range(pooled: PooledRate | None) -> Cell:
    if pooled is None or pooled.new_low is None or pooled.new_high is None:
        return Text(DASH)
    return Text(f"{decimal(pooled.new_low)} to {decimal(pooled.new_high)}", sort=pooled.new_low)


def _forests(sites: Sites, index: Index) -> Iterator[Group]:
    """The figures of the first runs at each site, and over them."""
    few = len(sites.names) < FEWEST_SITES
    for place, row in enumerate(sites.runs[:MOST_RUNS]):
        yield Group(
            (_forest(row, sites, index),), f"{clean(row.run)} by site",
            state="folded" if place or few else "open",
        )  # fmt: skip


def _forest(row: RunSites, sites: Sites, index: Index) -> Table:
    head = (
        Column("Site", kind="name"),
        Column(index.disease, "images", "count"),
        Column("Without it", "images", "count"),
        Column("Sensitivity", "95 % CI", "figure", RATES),
        Column("Specificity", "95 % CI", "figure", RATES),
        Column("ROC AUC", "95 % CI", "figure", RATES),
    )
    rows = [
        Row((
            Text(name), Count(each.counts.positives), Count(each.counts.negatives),
            Rate(each.sensitivity, evidence=True), Rate(each.specificity, evidence=True),
            Rate(each.roc_auc, note=say_binned(each.roc_auc)),
        ))
        for name, each in zip(sites.names, row.figures, strict=True)
        if each is not None
    ]  # fmt: skip
    rates = row.sensitivity, row.specificity
    empty: tuple[Cell, ...] = (Text(DASH), Text(DASH))
    rows.append(Row((Text("Mean over sites"), *empty, *map(_mean, rates), Text(DASH)), best=True))
    if all(one is not None and one.new_low is not None for one in rates):
        new = (_expect(one) for one in rates)
        rows.append(Row((Text("Mean, with the range at a new site"), *empty, *new, Text(DASH))))
    return Table(f"{clean(row.run)} at each site", head, tuple(rows))


def _expect(pooled: PooledRate | None) -> Rate:
    assert pooled is not None
    return Rate(Estimate(pooled.mean, pooled.new_low, pooled.new_high, method=METHOD))


def _say_without(sites: Sites, index: Index) -> Iterator[Block]:
    """The winners without each site; folded where so few sites are known."""
    table = _table_without(sites, index)
    if len(sites.names) < FEWEST_SITES:
        yield Group((table,), "Without each site", state="folded")
    else:
        yield table


def _table_without(sites: Sites, index: Index) -> Table:
    """Which run would have won without each site."""
    head = (
        Column("Without", kind="name"),
        Column("Fewest missed by"),
        Column("Missed", kind="count"),
    )
    rows = tuple(
        Row((
            Text(name),
            index.link(each.runs[0], f"and {plural(len(each.runs) - 1, 'other')}"
                       if len(each.runs) > 1 else "") if each.runs else Text(DASH),
            Count(each.missed, each.positives) if each.runs else Text(DASH),
        ))
        for name, each in zip(sites.names, sites.without, strict=True)
    )  # fmt: skip
    first = {each.runs for each in sites.without}
    said = "the same run would win" if len(first) == 1 else "another run may win"
    caption = f"Without each site ({said}), by missed {index.disease} images of the others"
    return Table(caption, head, rows)
