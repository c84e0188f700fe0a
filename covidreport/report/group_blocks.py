"""Differences between groups, and two attributes crossed, as blocks of the section of groups."""

from __future__ import annotations

from covidreport.records import (
    GroupDifference,
    LargestDifference,
    ReportData,
    RunGroups,
    Subgroup,
    WeakSpots,
)
from covidreport.report.blocks import (
    RATES,
    Block,
    Cell,
    Column,
    Count,
    Difference,
    Inlines,
    Prose,
    Rate,
    Row,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.text import clean, decimal, humanise, listed, plural, titled, whole


def list_compared(data: ReportData, index: Index) -> tuple[Block, ...]:
    """The tables of differences and of crossed groups; none where no two groups were compared."""
    shown = [each for each in data.groups if each.differences]
    if not shown:
        return ()
    words = (
        f"A group less the reference of its attribute{_say_references(shown[0])}. Below 0 more of "
        "its cases are missed. The average absolute odds difference is half the sum of how far "
        "sensitivity and false alarm rate differ. Groups with fewer than ten cases are left out."
    )
    crossed = _tabulate_crossed(shown, index)
    tables = (_tabulate(shown, index, odds=odds) for odds in (False, True))
    return (Prose(words), *tables, *([crossed] if crossed else []))


def _say_references(groups: RunGroups) -> str:
    """Which group that is, and who chose it."""
    chosen = {
        one.attribute: f"{clean(humanise(one.attribute))}: {clean(one.reference)}, {one.chosen}"
        for one in groups.differences
        if one.chosen
    }
    if not chosen:
        return ", the group with most cases"
    return f", as chosen ({'; '.join(chosen.values())}), else the group with most cases"


def say_largest(data: ReportData, index: Index) -> Inlines:
    """The largest difference of the first run, with an interval that allows for its being that."""
    first = next(each for each in data.groups if each.differences)
    assert first.largest is not None
    one, told = first.largest.difference, first.largest.difference.sensitivity
    attribute = _name_attribute(one.attribute)
    looked_at = plural(first.largest.comparisons, "difference")
    return (
        f"Of {looked_at} that were looked at, the clearest of ",
        index.link(first.run), " is ",
        Difference(told.value, told.low, told.high, level=first.largest.level),
        f" in sensitivity ({attribute}: ", Text(one.value), " against ", Text(one.reference), "). ",
        _judge(first.largest),
    )  # fmt: skip


def _judge(largest: LargestDifference) -> str:
    one = largest.difference.sensitivity
    if one.low is None or one.high is None:
        return "One patient alone has these images: there is no interval."
    if one.low <= 0 <= one.high:
        return "Its interval, which allows for all of them, contains 0: no difference is shown."
    return "Its interval, which allows for all of them, does not contain 0: these two differ."


def _tabulate(shown: list[RunGroups], index: Index, *, odds: bool) -> Table:
    """A row for each group but the references, a column for each run."""
    head = [
        Column("Attribute"), Column("Value", kind="name"), Column("Reference"),
        Column("Cases", kind="count"),
    ]  # fmt: skip
    head += [Column(clean(each.run), "95 % CI", "figure") for each in shown]
    by_run = [{(one.attribute, one.value): one for one in each.differences} for each in shown]
    rows = []
    for one in shown[0].differences:
        found = (run.get((one.attribute, one.value)) for run in by_run)
        cells: list[Cell] = [
            Text(_name_attribute(one.attribute)), Text(one.value), Text(one.reference),
            Count(one.positives),
            *(_differ(each, odds=odds) for each in found),
        ]  # fmt: skip
        rows.append(Row(tuple(cells)))
    title = "Average absolute odds difference" if odds else "Equal opportunity difference"
    return Table(f"{title} of groups for {index.disease}", tuple(head), tuple(rows))


def _differ(one: GroupDifference | None, *, odds: bool) -> Difference:
    if one is None:
        return Difference(None)
    found = one.odds if odds else one.sensitivity
    return Difference(found.value, found.low, found.high, signed=not odds)


def _tabulate_crossed(shown: list[RunGroups], index: Index) -> Table | None:
    """The crossed groups with ten cases or more; how many are smaller stands in the caption."""
    rows = []
    smaller = 0
    for attribute, groups in shown[0].crossed.items():
        kept = [each for each in groups.groups if "sensitivity" in each.compared]
        smaller += sum(1 for each in groups.groups if each.counts.positives) - len(kept)
        for group in kept:
            rates = [_find(each, attribute, group.value) for each in shown]
            told = _name_attribute(attribute)
            rows.append(
                Row(
                    (
                        Text(told), Text(group.value), Count(group.counts.positives),
                        *(_rate(each) for each in rates),
                    )
                )
            )  # fmt: skip
    if not rows:
        return None
    head = [Column("Attributes"), Column("Values", kind="name"), Column("Cases", kind="count")]
    head += [Column(clean(each.run), "95 % CI", "figure", axis=RATES) for each in shown]
    left = f"; {plural(smaller, 'group')} with fewer than ten cases left out" if smaller else ""
    caption = f"Sensitivity for {index.disease} by two attributes crossed{left}"
    return Table(caption, tuple(head), tuple(rows))


def _find(each: RunGroups, attribute: str, value: str) -> Subgroup | None:
    groups = each.crossed.get(attribute)
    return next((one for one in groups.groups if one.value == value), None) if groups else None


def _rate(group: Subgroup | None) -> Rate:
    if group is None:
        return Rate(None)
    return Rate(group.sensitivity, f"{whole(group.counts.missed)} missed")


def _name_attribute(attribute: str) -> str:
    return titled(humanise(attribute))


def say_sought(found: WeakSpots, index: Index) -> str:
    """How far the search for weak spots went, and what it could have found."""
    traits = listed([clean(humanise(each)) for each in found.traits])
    words = (
        f"The {plural(found.positives, 'case')} of {index.disease} were cut by {traits}. "
        f"One cut, or two of different traits, make {plural(found.parts, 'part')} with at least "
        "five cases inside and outside. "
        "The largest difference over all parts and runs is held against permuted answers. "
    )
    if found.detectable is None:
        return words + "So few cases can show no weak spot of half of them."
    return words + (
        f"Were the best run's sensitivity lower by {decimal(found.detectable)} in half of the "
        "cases, four of five such studies would find it."
    )
