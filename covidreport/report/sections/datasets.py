"""The same runs on several data sets side by side, such as an internal and an external one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from covidreport.compare.finding import describe_verdict
from covidreport.metrics.brightness import QUANTILES, find_quantile
from covidreport.records import (
    Estimate,
    Evaluation,
    RankedRun,
    ReportData,
    ReportedDataset,
    ReportedRun,
)
from covidreport.report.blocks import (
    RATES,
    Block,
    Cell,
    Code,
    Column,
    Difference,
    Group,
    Inlines,
    Items,
    Number,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.charts.intervals import fit_domain
from covidreport.report.counted_groups import list_counted
from covidreport.report.datasets import METRICS
from covidreport.report.index import Index
from covidreport.report.tables import (
    all_alike,
    count_cells,
    count_columns,
    metric_title,
    of_label,
    say_binned,
)
from covidreport.text import DASH, clean, humanise, label_name, plural, titled, whole

REMARK = (
    "A difference is the figure on the other data set less that on the first. Its 95 % interval is "
    "the square-and-add of both intervals, since the images are others. Patients who are in both "
    "data sets would make it too wide or too narrow. Intervals are not widened for the number of "
    "runs. A dash stands where a run was not evaluated on these very images."
)
SHIFT = (
    "Rates move when patients do. Another share of severe cases, of supine views or of children "
    "changes what a run misses, whatever the hospital, and so do darker pictures. What the data "
    "sets state of their images is counted here. Brightness is the mean grey level of a picture as "
    "its file is decoded, from 0, black, to 255, white. Earlier versions did not record it."
)
COUNTS_ALONE = (
    "It came as counts: no cases, calibration or paired tests are told of it. Its ROC AUC, of "
    "binned scores, is not compared"
)
NOT_RECORDED = "not recorded"


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where runs were evaluated on one data set."""
    if len(data.datasets) < 2:
        return ()
    shown = [run for run in index.runs if any(each.find(run) for each in data.datasets)]
    lead = (
        "What the same runs do on images from elsewhere says more of what they will do on new ones "
        f"than any interval. Differences are to {clean(data.datasets[0].dataset)}, "
        f"{data.datasets[0].why_first}: below 0 is worse elsewhere."
    )
    blocks: tuple[Block, ...] = (
        Prose(lead, "lead"),
        Items(tuple(_describe(each, index) for each in data.datasets)),
        _ranks_table(shown, data, index),
        Group(
            (
                *(_metric_table(metric, shown, data, index) for metric in METRICS),
                Prose(REMARK, "remark"),
            ),
            "Sensitivity, specificity and ROC AUC on each data set",
            state="folded",
        ),
        *(block for each in data.datasets for block in list_counted(each, shown, index)),
        Group(
            (_shift_table(data, index), Prose(SHIFT, "remark")),
            "What differs between the data sets",
            state="folded",
        ),
    )
    return (Section("datasets", "Data sets side by side", blocks),)


def _any_evaluation(each: ReportedDataset, index: Index) -> Evaluation | None:
    """One that has all that is known of the images, where there is one."""
    found = [one for run in index.runs if (one := each.find(run)) is not None]
    return next((one for one in found if one.score_metrics), found[0] if found else None)


def _describe(each: ReportedDataset, index: Index) -> Inlines:
    """Its images, and what stands of their ranking."""
    one = _any_evaluation(each, index)
    counts = index.counts(one)
    words = f"{clean(each.dataset)}, {clean(each.split)}"
    if one is not None:
        patients = f" of {plural(one.n_groups, 'patient')}" if one.n_groups else ""
        words += f": {plural(one.n_images, 'image')}{patients}"
    if counts is not None:
        words += f", {whole(counts.positives)} with {index.disease}"
    if one is not None and not one.has_scores:
        words += f". {COUNTS_ALONE}"
    if not each.rankings:
        return f"{words}. The rankings of this report are of it."
    verdict = describe_verdict(each.rankings[0], index.disease)
    pieces: list[Cell] = [f"{words}. {_name_best(each)}{clean(verdict)} Its own report: "]
    return (*pieces, Code(f"covidreport render --dataset {shlex.quote(each.dataset)}"))


def _name_best(each: ReportedDataset) -> str:
    best = [row for row in each.rankings[0].rows if row.rank == 1]
    if not best:
        return "No run can be ranked on it. "
    others = f" and {plural(len(best) - 1, 'other')}" if len(best) > 1 else ""
    verb = "miss" if others else "misses"
    return f"{clean(best[0].run)}{others} {verb} the fewest of the ranked runs there. "


def _rank(each: ReportedDataset, run: str, data: ReportData) -> Cell:
    """A run's rank there, in the ranking that it stands in."""
    for place, ranking in enumerate(each.rankings or data.rankings):
        row: RankedRun | None = next((row for row in ranking.rows if row.run == run), None)
        if row is not None:
            note = f"ranking {place + 1}" if place else ""
            return Text(DASH if row.rank is None else str(row.rank), note, sort=row.rank)
    return Text(DASH)


def _ranks_table(shown: Sequence[ReportedRun], data: ReportData, index: Index) -> Table:
    """Rank, missed and false alarms of each run on each data set."""
    head = [Column("Run", kind="name")]
    columns: list[list[Cell]] = [[index.link(run.run.name) for run in shown]]
    for each in data.datasets:
        name = clean(each.dataset)
        counts = [index.counts(each.find(run)) for run in shown]
        alike = all_alike(counts)
        missed, _, alarms = count_columns(counts)
        head += [
            Column("Rank", name, "count"),
            *(
                Column(one.title, f"{name}, {one.note}" if one.note else name, "count")
                for one in (missed, alarms)
            ),
        ]
        columns.append([_rank(each, run.run.name, data) for run in shown])
        cells = [count_cells(one, alike=alike) for one in counts]
        columns += [[missed for missed, _, _ in cells], [alarms for _, _, alarms in cells]]
    rows = [Row(cells) for cells in zip(*columns, strict=True)]
    caption = f"The ranking on each data set, by missed {index.disease} images"
    return Table(caption, tuple(head), tuple(rows), "pairs")


def _metric_table(
    metric: str, shown: Sequence[ReportedRun], data: ReportData, index: Index
) -> Table:
    """A row for each run: its figure on each data set, and the differences to the first."""
    first, *others = data.datasets
    ends = [
        end
        for each in others
        for one in each.differences
        if one.metric == metric
        for end in (one.difference.value, one.difference.low, one.difference.high)
    ]
    head = (
        Column("Run", kind="name"),
        *(Column(clean(one.dataset), "95 % CI", "figure", RATES) for one in data.datasets),
        *(
            Column(_minus(each, first, data), "95 % CI", "figure", fit_domain(ends))
            for each in others
        ),
    )
    rows = tuple(
        Row(
            (
                index.link(run.run.name),
                *(
                    Rate(one, note=say_binned(one), evidence=True)
                    for one in (
                        of_label(each.find(run), data.target, metric) for each in data.datasets
                    )
                ),
                *(_difference(each, run.run.name, metric) for each in others),
            )
        )
        for run in shown
    )
    caption = f"{metric_title(metric)} for {index.disease} on each data set"
    return Table(caption, head, rows, "pairs")


def _minus(each: ReportedDataset, first: ReportedDataset, data: ReportData) -> str:
    if len(data.datasets) == 2:
        return "Difference"
    return f"{clean(each.dataset)} less {clean(first.dataset)}"


def _difference(each: ReportedDataset, run: str, metric: str) -> Cell:
    one = next((d for d in each.differences if (d.run, d.metric) == (run, metric)), None)
    if one is None or one.difference.value is None:
        return Text(DASH, "" if one is None else one.why)
    return Difference(one.difference.value, one.difference.low, one.difference.high)


def _shift_table(data: ReportData, index: Index) -> Table:
    """What proportion of the images of each data set has a label, a sex, a view, an age band.

    Beside counts alone, what one data set says by itself is left out.
    """
    of = [_any_evaluation(each, index) for each in data.datasets]
    counted = any(one is not None and not one.has_scores for one in of)
    head = (
        Column("Of the images"),
        Column("Value", kind="name"),
        *(Column(clean(each.dataset), kind="figure") for each in data.datasets),
    )
    rows = [
        Row((Text(title), Text(value), *(Rate(each, evidence=True) for each in shares)))
        for title, value, shares in (*_list_labels(of), *_list_attributes(of, index))
        if not counted or sum(share is not None for share in shares) > 1
    ]
    rows += _list_brightness(of, clean(data.datasets[0].dataset))
    return Table("What differs between the data sets", head, tuple(rows), "pairs")


def _list_brightness(of: Sequence[Evaluation | None], first: str) -> Iterator[Row]:
    """Quantiles of the mean grey levels on each data set, and the medians' differences to the first
    one's; a row that says so where none was recorded."""
    levels = [None if one is None else one.facts.grey_levels for one in of]
    title = "Brightness, 0 to 255"
    if not any(levels):
        yield Row((Text(title), Text("median"), *(Text(NOT_RECORDED) for _ in levels)))
        return
    found = [[find_quantile(each or (), share) for share in QUANTILES] for each in levels]
    for at, name in enumerate(("95 % are brighter than", "lower quartile", "median",
                               "upper quartile", "5 % are brighter than")):  # fmt: skip
        figures = [each[at] for each in found]
        cells = (Text(NOT_RECORDED) if one is None else Number(one, 0) for one in figures)
        yield Row((Text(title), Text(name), *cells))
    here, *others = (each[QUANTILES.index(0.5)] for each in found)
    less = [None if one is None or here is None else float(one - here) for one in others]
    differences = (Difference(each, places=0) for each in less)
    yield Row((Text(title), Text(f"median less that of {first}"), Text(DASH), *differences))


Shares = tuple[str, str, list[Estimate | None]]


def _list_labels(of: Sequence[Evaluation | None]) -> Iterator[Shares]:
    """The prevalence of every label."""
    labels = dict.fromkeys(label for one in of if one is not None for label in one.labels)
    for label in labels:
        counts = [None if one is None else one.counts.get(label) for one in of]
        shares = [
            None if c is None else _share(c.positives, c.positives + c.negatives) for c in counts
        ]
        yield "Label", label_name(label), shares


def _list_attributes(of: Sequence[Evaluation | None], index: Index) -> Iterator[Shares]:
    """The proportion of every value of every attribute, of the images that are counted by it."""
    found = [_count_values(one, index) for one in of]
    for attribute in dict.fromkeys(name for each in found for name in each):
        values = dict.fromkeys(v for each in found for v in each.get(attribute, {}))
        for value in values:
            shares = []
            for each in found:
                counted = each.get(attribute)
                total = sum(counted.values()) if counted else 0
                shares.append(_share(counted.get(value, 0), total) if counted else None)
            yield titled(humanise(attribute)), value or "not stated", shares


def _count_values(one: Evaluation | None, index: Index) -> dict[str, dict[str, int]]:
    """How many images have each value, by attribute."""
    if one is None or one.score_metrics is None:
        return {}
    return {
        attribute: {
            group.value: group.counts.total
            for group in (*groups.groups, *([groups.not_stated] if groups.not_stated else []))
        }
        for attribute, by_label in one.score_metrics.subgroups.items()
        if (groups := by_label.get(index.target)) is not None
    }


def _share(count: int, total: int) -> Estimate | None:
    return Estimate(count / total, numerator=count, denominator=total) if total else None
