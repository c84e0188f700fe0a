"""The best runs by parts of the images: sex, age, view, whatever the data states."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import ReportData, ReportedRun, Subgroup, Subgroups, WeakSpots
from covidreport.report.blocks import (
    RATES,
    Column,
    Count,
    Group,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.group_blocks import list_compared, say_largest, say_sought
from covidreport.report.groups import WORST_OF_SEVERAL, say_why_not_compared
from covidreport.report.index import Index
from covidreport.report.run_groups import MOST_RUNS
from covidreport.text import NOT_STATED, clean, humanise, plural, titled, whole

LEAD = (
    "A run that does well on the whole may do badly for some patients. A group with fewer than ten "
    "cases is shown and never compared."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section for the first runs of the ranking; none where the data states nothing."""
    shown = [each for each in index.runs if _groups(each, index)][:MOST_RUNS]
    if not shown or not data.rankings:
        return ()
    found = _table("sensitivity", shown, index)
    compared = list_compared(data, index)
    spots = data.weak_spots
    none = () if spots is None or spots.spots else (Prose(_say_none(spots, index)),)
    more = Group(
        (_table("specificity", shown, index), *compared, *none),
        "Specificity, differences and crossed groups" if compared else "Specificity by group",
        f"Images without {index.disease}" + ("; one group against another" if compared else ""),
        state="folded",
    )
    remark = Prose(say_largest(data, index) if compared else WORST_OF_SEVERAL, "remark")
    blocks = (Prose(LEAD, "lead"), found, more, remark)
    return (Section("subgroups", "Subgroups", blocks),)


def _say_none(spots: WeakSpots, index: Index) -> str:
    """That no weak spot was named."""
    return f"No weak spot was found that nobody named. {say_sought(spots, index)}"


def _groups(reported: ReportedRun, index: Index) -> dict[str, Subgroups]:
    evaluation = reported.evaluation
    if evaluation is None or evaluation.score_metrics is None:
        return {}
    return {
        name: by_label[index.target]
        for name, by_label in evaluation.score_metrics.subgroups.items()
        if index.target in by_label
    }


def _table(metric: str, shown: Sequence[ReportedRun], index: Index) -> Table:
    """A row for each value of each attribute, a column for each run."""
    positive = metric == "sensitivity"
    head = [Column("Attribute"), Column("Value", kind="name")]
    head.append(Column("Cases" if positive else "Images without it", kind="count"))
    head += [
        Column(clean(each.run.name), "95 % CI", "figure", axis=RATES)
        for each in shown
    ]  # fmt: skip
    by_run = [_groups(each, index) for each in shown]
    rows = []
    for attribute in by_run[0]:
        for group in _every(by_run[0][attribute]):
            counts = group.counts
            of = counts.positives if positive else counts.negatives
            rows.append(
                Row(
                    (
                        Text(titled(humanise(attribute))),
                        Text(group.value or NOT_STATED),
                        Count(of),
                        *(_rate(metric, each.get(attribute), group.value) for each in by_run),
                    )
                )
            )
    title = f"{titled(metric)} for {index.disease} by group"
    return Table(f"{title}, of {_name_shown(shown)}", tuple(head), tuple(rows))


def _name_shown(shown: Sequence[ReportedRun]) -> str:
    return "the first run" if len(shown) == 1 else f"the first {plural(len(shown), 'run')}"


def _every(found: Subgroups) -> list[Subgroup]:
    return [*found.groups, *([found.not_stated] if found.not_stated else [])]


def _rate(metric: str, found: Subgroups | None, value: str) -> Rate:
    """One run's figure on one group."""
    group = next((one for one in _every(found) if one.value == value), None) if found else None
    if found is None or group is None:
        return Rate(None)
    positive = metric == "sensitivity"
    wrong = group.counts.missed if positive else group.counts.false_alarms
    remark = say_why_not_compared(group, metric)
    counted = f"{whole(wrong)} missed" if positive else plural(wrong, "alarm")
    if not (group.counts.positives if positive else group.counts.negatives):
        counted = ""
    rate = group.sensitivity if positive else group.specificity
    if rate.value is not None and rate.low is None:
        remark = f"no interval; {remark}" if remark else "no interval"
    return Rate(rate, counted, remark)
