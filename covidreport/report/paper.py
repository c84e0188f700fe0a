"""What a paper takes from a report: the study and Table 1, Table 2, and the methods as prose."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from covidreport import __version__
from covidreport.records import Evaluation, RankedRun, Ranking, ReportData
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Group,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.index import Index, index_runs
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.tables import (
    all_alike,
    count_cells,
    count_columns,
    metric_title,
    of_label,
    threshold_cells,
    threshold_columns,
)
from covidreport.report.view import ReportView, view_report
from covidreport.text import DASH, clean, listed, p_value, show_bounds

METRICS = ("sensitivity", "specificity", "f1", "roc_auc")
"""Of the target, each with its interval."""
_NOT_SOFTWARE = frozenset({"covidreport", "providers_in_build"})


def view_paper(data: ReportData, options: RenderOptions = PLAIN) -> ReportView:
    """The report's study and methods, and a table of the runs of each ranking.

    In the order in which a paper numbers its tables: the patients are the first, the results the
    second, and the flow of images and the patients of other splits follow.
    """
    view = view_report(data, options.hide)
    index = index_runs(data)
    study = [block for section in view.sections["study"] for block in section.blocks]
    groups = [block for block in study if isinstance(block, Group)]
    first = tuple(inner for group in groups if group.id == "table-1" for inner in group.blocks)
    others = tuple(replace(group, state="plain") for group in groups if group.id != "table-1")
    stated = tuple(block for block in study if not isinstance(block, Group))
    tables = () if "ranking" in options.hide else tuple(_list_tables(data, index))
    methods = view.sections["methods"]
    sections = (
        *([Section("study", "Study", stated)] if stated else []),
        *([Section("table-1", "Patients and images", first)] if first else []),
        *tables,
        *(Section(f"failed-{one.id}", one.title, one.blocks) for one in view.sections["failed"]),
        *([Section("flow", "Flow of images, and other images", others)] if others else []),
        *(Section("methods", one.title, _keep_prose(one)) for one in methods),
        Section("software", "Software", (Prose(_name_software(data)),)),
    )
    return replace(view, sections={section.id: (section,) for section in sections})


def _keep_prose(section: Section) -> tuple[Block, ...]:
    """The paragraphs of a section under their titles; tables explain figures to a page's reader."""
    groups = [
        inner for block in section.blocks if isinstance(block, Group) for inner in block.blocks
    ]
    return tuple(one for one in groups if isinstance(one, Group) and _is_prose(one))


def _is_prose(group: Group) -> bool:
    return all(isinstance(block, Prose) for block in group.blocks)


def _list_tables(data: ReportData, index: Index) -> Iterator[Section]:
    for place, ranking in enumerate(data.rankings):
        suffix = f"-{place + 1}" if place else ""
        number = f" {place + 1}" if place else ""
        table = _tabulate(ranking, index)
        yield Section(f"table-2{suffix}", f"Results{number}", (table,))


def _tabulate(ranking: Ranking, index: Index) -> Table:
    """Table 2: a row a run in the order of the ranking, those without a rank at its end."""
    rows = [row for row in ranking.rows if row.counted]
    evaluations = [index.evaluation(row.run, ranking) for row in rows]
    counts = [index.counts(one) for one in evaluations]
    kept = [place for place, one in enumerate(count_columns(counts)) if one.room == "always"]
    compared = ranking.comparisons is not None
    head = (
        Column("Run", kind="name"),
        *threshold_columns(evaluations, index.target),
        *(count_columns(counts)[place] for place in kept),
        *(Column(metric_title(metric), "95 % CI", "figure") for metric in METRICS),
        *([Column("Adjusted p", "to the best", "figure")] if compared else []),
    )
    body: list[Row] = []
    for row, evaluation, of_target in zip(rows, evaluations, counts, strict=True):
        all_counts = count_cells(of_target, alike=all_alike(counts))
        cells: tuple[Cell, ...] = (
            Text(clean(row.run)),
            *threshold_cells(evaluation, evaluations, index.target),
            *(all_counts[place] for place in kept),
            *(Rate(of_label(evaluation, index.target, metric)) for metric in METRICS),
            *([_adjusted(ranking, row)] if compared else []),
        )
        first = row.rank is None and not any(one.divide for one in body)
        body.append(Row(cells, best=row.rank == 1, divide="Shown and not ranked" if first else ""))
    caption = (
        f"Runs on {clean(ranking.dataset)}, {clean(ranking.split)} split, for {index.disease}: "
        "fewest missed first, then fewest false alarms"
    )
    return Table(caption, head, tuple(body))


def _adjusted(ranking: Ranking, row: RankedRun) -> Text:
    """The adjusted p-value of the comparison with the best run."""
    standing = None if ranking.comparisons is None else ranking.comparisons.find(row.run)
    if standing is None or ranking.comparisons is None:
        return Text(DASH)
    if row.rank == 1:
        return Text("the best")
    p = standing.adjusted_p_value
    if ranking.comparisons.basis == "counts":
        return Text(show_bounds(p or 0.0, standing.adjusted_p_value_high))
    return Text(p_value(p))


def _name_software(data: ReportData) -> str:
    """What computed the figures, with the versions that the evaluations record."""
    evaluations = [one.evaluation for one in data.runs if one.evaluation is not None]
    used = listed(list(_list_versions(evaluations)) or ["libraries that were not recorded"])
    return (
        "Runs were evaluated, ranked and compared with covidreport; what computed their answers: "
        f"{used}. "
        f"This report was made with covidreport {__version__}."
    )


def _list_versions(evaluations: list[Evaluation]) -> Iterator[str]:
    """`onnxruntime 1.27.0`, each library once, with all versions that were used."""
    found: dict[str, dict[str, None]] = {}
    for one in evaluations:
        for name, version in (one.facts.versions or {}).items():
            if name not in _NOT_SOFTWARE and isinstance(version, str):
                found.setdefault(name, {})[version] = None
    for name, versions in found.items():
        yield f"{clean(name)} {clean(' and '.join(versions))}"
