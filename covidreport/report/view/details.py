"""One run beyond its threshold: operating points, calibration, net benefit, subgroups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from covidreport.records import Details, Estimate, Evaluation, LabelDetails, Subgroup
from covidreport.report.blocks import Fact, Rate
from covidreport.report.charts.plots import Plot, draw_decisions, draw_reliability
from covidreport.report.index import Index
from covidreport.report.sections.subgroups import name_worst, say_why_not_compared
from covidreport.report.view.records import Cell, Column, DetailsView, Row, Table
from covidreport.report.view.tables import evidence_cell
from covidreport.text import (
    DASH,
    clean,
    decimal,
    exact,
    figure,
    humanise,
    label_name,
    listed,
    plural,
    titled,
    whole,
)

SHOWN_THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Of a decision curve, those that the table has; the picture and the other formats have all."""
NOT_COMPUTED = (
    "Operating points, calibration, net benefit and subgroups were not computed by the version "
    "that evaluated this run: `covidreport score` computes them from its stored scores."
)
_Pick = Callable[[LabelDetails], Estimate]


def view_details(evaluation: Evaluation, index: Index, *, opened: bool) -> DetailsView | None:
    """What scores say beyond the figures at the threshold; None where there are only counts."""
    if not evaluation.has_scores:
        return None
    details = evaluation.details
    labels = [label for label in evaluation.labels if label in evaluation.counts]
    if details is None:
        return DetailsView(_figures_table(None, labels), opened=opened, remarks=(NOT_COMPUTED,))
    of_target = details.labels.get(index.target)
    charts: tuple[Plot, ...] = ()
    if of_target is not None:
        drawn = (_draw_reliability(of_target, index), _draw_decisions(of_target, index))
        charts = tuple(one for one in drawn if one is not None)
    return DetailsView(
        figures=_figures_table(details, labels),
        opened=opened,
        remarks=_remarks(details, index),
        consistency=_consistency(details),
        charts=charts,
        reliability=_reliability_table(of_target, index) if of_target else None,
        decisions=_decisions_table(of_target, index) if of_target else None,
        subgroups=_subgroups_table(details, index),
    )


def _figures_table(details: Details | None, labels: Sequence[str]) -> Table:
    """A row for each figure, a column for each label; dashes where nothing was computed."""
    head = (Column("Figure", kind="name"), *(Column(label_name(n), kind="figure") for n in labels))
    rows = []
    for name, pick in _list_figures(details):
        cells = [
            _cell(pick(details.labels[label]))
            if details is not None and label in details.labels
            else Cell(DASH, kind="figure")
            for label in labels
        ]
        rows.append(Row((Cell(name, kind="name"), *cells)))
    return Table("Beyond the threshold, with 95 % intervals where there are any", head, tuple(rows))


def _list_figures(details: Details | None) -> list[tuple[str, _Pick]]:
    plan = details.plan if details else None
    figures: list[tuple[str, _Pick]] = []
    for i, at in enumerate(plan.specificities if plan else ()):
        figures.append(
            (f"Sensitivity at specificity {exact(at)}", _pick_point("sensitivity_at", i))
        )
    for i, at in enumerate(plan.sensitivities if plan else ()):
        figures.append(
            (f"Specificity at sensitivity {exact(at)}", _pick_point("specificity_at", i))
        )
    figures += [
        ("Positive likelihood ratio", lambda one: one.positive_likelihood_ratio),
        ("Negative likelihood ratio", lambda one: one.negative_likelihood_ratio),
    ]
    if plan and plan.prevalence:
        stated = listed([f"{exact(p)} ({label_name(n)})" for n, p in plan.prevalence.items()])
        figures += [
            (f"PPV at a prevalence of {stated}", lambda one: one.ppv),
            (f"NPV at a prevalence of {stated}", lambda one: one.npv),
        ]
    described = details.labels.values() if details else ()
    bins = max((len(one.calibration.bins) for one in described), default=0)
    figures += [
        ("Brier score", lambda one: one.calibration.brier),
        ("Calibration intercept", lambda one: one.calibration.intercept),
        ("Calibration slope", lambda one: one.calibration.slope),
        (f"ECE in {plural(bins, 'bin')}" if bins else "ECE", lambda one: one.calibration.ece),
    ]
    return figures


def _pick_point(name: str, place: int) -> _Pick:
    def pick(one: LabelDetails) -> Estimate:
        points = getattr(one, name)
        return points[place].estimate if place < len(points) else Estimate(None)

    return pick


def _cell(estimate: Estimate) -> Cell:
    """A figure with its evidence; one that is infinite has a lower end and no value."""
    if estimate.value is None and estimate.low is not None:
        end = f"from {decimal(estimate.low)} up"
        return Cell(DASH, end, f"{DASH} (95 % CI {end})", "figure")
    return evidence_cell(estimate)


def _consistency(details: Details) -> tuple[Fact, ...]:
    found, normal = details.consistency, details.plan.normal
    facts = [Fact("No label at all", Rate(found.nothing, evidence=True))]
    if normal is not None:
        name = f"{titled(label_name(normal))} together with another label"
        facts.append(Fact(name, Rate(found.contradiction, evidence=True)))
    return tuple(facts)


def _draw_reliability(one: LabelDetails, index: Index) -> Plot | None:
    filled = [each for each in one.calibration.bins if each.predicted is not None]
    words = "; ".join(
        f"mean score {decimal(each.predicted)}: {figure(each.observed).value} of "
        f"{plural(each.count, 'image')}"
        for each in filled
    )
    return draw_reliability(
        f"Calibration for {index.disease}",
        f"Observed share with {index.disease} by mean score. {words}.",
        one.calibration.bins,
    )


def _draw_decisions(one: LabelDetails, index: Index) -> Plot | None:
    shown = [p for p in one.net_benefit if p.threshold in SHOWN_THRESHOLDS]
    words = "; ".join(
        f"at {exact(p.threshold)}: {decimal(p.run)} against {decimal(p.treat_all)}" for p in shown
    )
    return draw_decisions(
        f"Net benefit for {index.disease}",
        f"The run's net benefit against treating everybody. {words}.",
        one.net_benefit,
    )


def _reliability_table(one: LabelDetails, index: Index) -> Table:
    head = (
        Column("Score", kind="name"), Column("Images", kind="count"),
        Column("Mean score", kind="figure"), Column(f"With {index.disease}", "95 % CI", "figure"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Cell(f"{exact(each.low)} to {exact(each.high)}", kind="name"),
                Cell(whole(each.count), kind="count"),
                Cell(decimal(each.predicted), kind="figure"),
                evidence_cell(each.observed),
            )
        )
        for each in one.calibration.bins
    )
    return Table(f"Calibration for {index.disease}: images by score", head, rows)


def _decisions_table(one: LabelDetails, index: Index) -> Table | None:
    shown = [p for p in one.net_benefit if p.threshold in SHOWN_THRESHOLDS]
    if not shown:
        return None
    head = (
        Column("Act from", kind="name"), Column("By the run", kind="figure"),
        Column("Treat everybody", kind="figure"), Column("Treat nobody", kind="figure"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Cell(exact(p.threshold), kind="name"),
                *(Cell(decimal(value), kind="figure") for value in (p.run, p.treat_all, 0.0)),
            )
        )
        for p in shown
    )
    return Table(f"Net benefit for {index.disease}, in cases found an image", head, rows)


def _subgroups_table(details: Details, index: Index) -> Table | None:
    rows = []
    for name, by_label in details.subgroups.items():
        found = by_label.get(index.target)
        if found is None:
            continue
        every = [*found.groups, *([found.not_stated] if found.not_stated else [])]
        rows += [_subgroup_row(name, group) for group in every]
    if not rows:
        return None
    head = (
        Column("Attribute"), Column("Value", kind="name"), Column("Images", kind="count"),
        Column("Missed", kind="missed"), Column("Sensitivity", "95 % CI", "figure"),
        Column("False alarms", kind="count"), Column("Specificity", "95 % CI", "figure"),
    )  # fmt: skip
    return Table(f"Parts of the images, for {index.disease}", head, tuple(rows))


def _subgroup_row(attribute: str, group: Subgroup) -> Row:
    counts = group.counts
    return Row(
        (
            Cell(titled(humanise(attribute))),
            Cell(clean(group.value) or "not stated", kind="name"),
            Cell(whole(counts.total), kind="count"),
            Cell(whole(counts.missed), f"of {whole(counts.positives)}", kind="missed"),
            _rate_cell(group, "sensitivity"),
            Cell(whole(counts.false_alarms), f"of {whole(counts.negatives)}", kind="count"),
            _rate_cell(group, "specificity"),
        )
    )


def _rate_cell(group: Subgroup, metric: str) -> Cell:
    cell = evidence_cell(group.sensitivity if metric == "sensitivity" else group.specificity)
    remark = say_why_not_compared(group, metric)
    if not remark:
        return cell
    note = "; ".join(part for part in (cell.note, remark) if part)
    full = f"{cell.full.removesuffix(')')}; {remark})" if cell.note else ""
    return Cell(cell.text, note, full, "figure")


def _remarks(details: Details, index: Index) -> tuple[str, ...]:
    """Which group does worst by each attribute, and what that is worth."""
    remarks = []
    for name, by_label in details.subgroups.items():
        found = by_label.get(index.target)
        named = name_worst(found) if found else ""
        if named:
            remarks.append(f"By {humanise(name)}, {named}.")
    if remarks:
        remarks.append(
            "The worst of several groups looks bad by chance alone: read its interval, and look at "
            "its images, before believing it."
        )
    return tuple(remarks)
