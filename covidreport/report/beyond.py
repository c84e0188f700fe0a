"""One run beyond its threshold: operating points, calibration, net benefit, subgroups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from covidreport.records import Estimate, Evaluation, LabelScoreMetrics, ScoreMetrics, Subgroup
from covidreport.report.blocks import (
    Block,
    Column,
    Count,
    Fact,
    Facts,
    Group,
    Number,
    Prose,
    Rate,
    Row,
    Table,
    Text,
)
from covidreport.report.groups import WORST_OF_SEVERAL, say_why_not_compared
from covidreport.report.index import Index
from covidreport.text import decimal, exact, humanise, label_name, listed, plural, titled
from covidreport.text.folds import say_pooled

SHOWN_THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Of a decision curve, those that the table has; the picture and the other formats have all."""
NOT_COMPUTED = (
    "Operating points, calibration, net benefit and subgroups were not computed by the version "
    "that evaluated this run: `covidreport score` computes them from its stored scores."
)
_Pick = Callable[[LabelScoreMetrics], Estimate]
_Figure = tuple[str, _Pick, str]
"""What it is called, where it stands, and its key where it may be a mean over folds."""


def describe_beyond(evaluation: Evaluation, index: Index, *, opened: bool) -> list[Group]:
    """What scores say beyond the figures at the threshold; nothing where there are only counts."""
    if not evaluation.has_scores:
        return []
    details = evaluation.score_metrics
    labels = [label for label in evaluation.labels if label in evaluation.counts]
    blocks: list[Block] = [_figures_table(details, labels)]
    if details is None:
        blocks.append(Prose(NOT_COMPUTED, "remark"))
    else:
        blocks.append(Facts(_consistency(details)))
        of_target = details.labels.get(index.target)
        if of_target is not None:
            tables = (_reliability_table(of_target, index), *_decisions_table(of_target, index))
            title = "Calibration and net benefit in numbers"
            blocks.append(Group(tables, title, state="folded", layout="beside"))
        blocks += _subgroups_table(details, index)
    title = "Beyond the threshold: operating points, calibration, net benefit, subgroups"
    return [Group(tuple(blocks), title, state="open" if opened else "folded")]


def _figures_table(details: ScoreMetrics | None, labels: Sequence[str]) -> Table:
    """A row for each figure, a column for each label; dashes where nothing was computed."""
    head = (Column("Figure", kind="name"), *(Column(label_name(n), kind="figure") for n in labels))
    rows = []
    for name, pick, key in _list_figures(details):
        cells = [
            _rate(pick(details.labels[label]), say_pooled(details, label, key))
            if details is not None and label in details.labels
            else Rate(None)
            for label in labels
        ]
        rows.append(Row((Text(name), *cells)))
    caption = "Beyond the threshold, with 95 % intervals where there are any"
    return Table(caption, head, tuple(rows), "metrics")


def _list_figures(details: ScoreMetrics | None) -> list[_Figure]:
    plan = details.plan if details else None
    figures: list[_Figure] = []
    for i, at in enumerate(plan.specificities if plan else ()):
        figures.append(
            (f"Sensitivity at specificity {exact(at)}", _pick_point("sensitivity_at", i), "")
        )
    for i, at in enumerate(plan.sensitivities if plan else ()):
        figures.append(
            (f"Specificity at sensitivity {exact(at)}", _pick_point("specificity_at", i), "")
        )
    figures += [
        ("Positive likelihood ratio", lambda one: one.positive_likelihood_ratio, ""),
        ("Negative likelihood ratio", lambda one: one.negative_likelihood_ratio, ""),
    ]
    if plan and plan.prevalence:
        stated = listed([f"{exact(p)} ({label_name(n)})" for n, p in plan.prevalence.items()])
        figures += [
            (f"PPV at a prevalence of {stated}", lambda one: one.ppv, ""),
            (f"NPV at a prevalence of {stated}", lambda one: one.npv, ""),
        ]
    described = details.labels.values() if details else ()
    bins = max((len(one.calibration.bins) for one in described), default=0)
    figures += [
        ("Brier score", lambda one: one.calibration.brier, ""),
        ("Calibration intercept", lambda one: one.calibration.intercept, "calibration_intercept"),
        ("Calibration slope", lambda one: one.calibration.slope, "calibration_slope"),
        (
            f"ECE in {plural(bins, 'bin')}" if bins else "ECE",
            lambda one: one.calibration.ece,
            "ece",
        ),
    ]
    return figures


def _pick_point(name: str, place: int) -> _Pick:
    def pick(one: LabelScoreMetrics) -> Estimate:
        points = getattr(one, name)
        return points[place].estimate if place < len(points) else Estimate(None)

    return pick


def _rate(estimate: Estimate, note: str = "") -> Rate:
    """A figure with its evidence; one that is infinite has a lower end and no value."""
    if estimate.value is None and estimate.low is not None:
        return Rate(estimate, note=f"from {decimal(estimate.low)} up")
    return Rate(estimate, note=note, evidence=True)


def _consistency(details: ScoreMetrics) -> tuple[Fact, ...]:
    found, normal = details.consistency, details.plan.normal
    facts = [Fact("No label at all", Rate(found.nothing, evidence=True))]
    if normal is not None:
        name = f"{titled(label_name(normal))} together with another label"
        facts.append(Fact(name, Rate(found.contradiction, evidence=True)))
    return tuple(facts)


def _reliability_table(one: LabelScoreMetrics, index: Index) -> Table:
    head = (
        Column("Score", kind="name"), Column("Images", kind="count"),
        Column("Mean score", kind="figure"), Column(f"With {index.disease}", "95 % CI", "figure"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Text(f"{exact(each.low)} to {exact(each.high)}"),
                Count(each.count),
                Number(each.predicted),
                Rate(each.observed, evidence=True),
            )
        )
        for each in one.calibration.bins
    )
    return Table(f"Calibration for {index.disease}: images by score", head, rows, "metrics")


def _decisions_table(one: LabelScoreMetrics, index: Index) -> list[Table]:
    shown = [p for p in one.net_benefit if p.threshold in SHOWN_THRESHOLDS]
    if not shown:
        return []
    head = (
        Column("Act from", kind="name"), Column("By the run", "95 % CI", "figure"),
        Column("Treat everybody", kind="figure"), Column("Treat nobody", kind="figure"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Text(exact(p.threshold)),
                Rate(p.estimate),
                *(Number(value) for value in (p.treat_all, 0.0)),
            )
        )
        for p in shown
    )
    caption = f"Net benefit for {index.disease}, in cases found an image"
    return [Table(caption, head, rows, "metrics")]


def _subgroups_table(details: ScoreMetrics, index: Index) -> list[Block]:
    rows = []
    for name, by_label in details.subgroups.items():
        found = by_label.get(index.target)
        if found is None:
            continue
        every = [*found.groups, *([found.not_stated] if found.not_stated else [])]
        rows += [_subgroup_row(name, group) for group in every]
    if not rows:
        return []
    head = (
        Column("Attribute"), Column("Value", kind="name"), Column("Images", kind="count"),
        Column("Missed", kind="missed"), Column("Sensitivity", "95 % CI", "figure"),
        Column("False alarms", kind="count"), Column("Specificity", "95 % CI", "figure"),
    )  # fmt: skip
    table = Table(f"Parts of the images, for {index.disease}", head, tuple(rows))
    return [table, Prose(WORST_OF_SEVERAL, "remark")]


def _subgroup_row(attribute: str, group: Subgroup) -> Row:
    counts = group.counts
    return Row(
        (
            Text(titled(humanise(attribute))),
            Text(group.value or "not stated"),
            Count(counts.total),
            Count(counts.missed, counts.positives),
            _rate_of_group(group, "sensitivity"),
            Count(counts.false_alarms, counts.negatives),
            _rate_of_group(group, "specificity"),
        )
    )


def _rate_of_group(group: Subgroup, metric: str) -> Rate:
    estimate = group.sensitivity if metric == "sensitivity" else group.specificity
    return Rate(estimate, note=say_why_not_compared(group, metric), evidence=True)
