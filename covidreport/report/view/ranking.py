"""The ranking tables, the runs that have no rank, and those that have no figures."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.compare.ranking import suggest_tuning
from covidreport.records import Evaluation, RankedRun, Ranking, ReportData, ReportedRun
from covidreport.report.charts.scatter import draw_scatter
from covidreport.report.index import Index
from covidreport.report.view.against import (
    standing_cells,
    standing_columns,
)
from covidreport.report.view.facets import list_facets, pick_facets, words_of
from covidreport.report.view.names import name_cell
from covidreport.report.view.records import Cell, Column, Facet, RankingView, Row, Table
from covidreport.report.view.tables import (
    all_alike,
    count_cells,
    count_columns,
    figure_cell,
    of_label,
    overall,
    threshold_cells,
    threshold_columns,
)
from covidreport.report.view.trade_off import count_labels, describe_scatter, view_points
from covidreport.text import DASH, clean, exact, listed, plural, titled, whole
from covidreport.text.thresholds import share_threshold

OVERALL_COLUMNS = ("micro_f1", "label_accuracy", "exact_match")
_WIDE, _NARROW = (760, 360), (340, 320)


def view_ranking(ranking: Ranking, place: int, data: ReportData, index: Index) -> RankingView:
    """One ranking: its table, the runs that are shown and not ranked, and the trade-off."""
    ranked = [row for row in ranking.rows if row.rank is not None]
    unranked = [row for row in ranking.rows if row.rank is None]
    points = view_points(ranking, index)
    labels = count_labels(len(points))
    scatters = [draw_scatter(points, *size, most_labels=labels) for size in (_WIDE, _NARROW)]
    facets = list_facets([row.run for row in ranking.rows], index)
    caption = "1 run with a rank"
    if len(ranked) > 1:
        caption = f"{len(ranked)} runs in order: fewest missed first, then fewest false alarms"
    shared = share_threshold(_evaluations(ranking, ranked, index), index.target)
    if shared is not None:
        caption += f"; threshold {clean(shared)}"
    return RankingView(
        anchor="ranking" if place == 0 else f"ranking-{place + 1}",
        title="Ranking" if place == 0 else f"Ranking {place + 1}",
        why=_why(ranking, data.rankings[0], index),
        ranked=_ranked_table(ranking, ranked, caption, facets, index) if ranked else None,
        unranked=_unranked_table(unranked, ranking, facets, index) if unranked else None,
        facets=facets,
        scatters=tuple(one for one in scatters if one is not None),
        scatter_caption=describe_scatter(ranking, index),
    )


def _why(ranking: Ranking, first: Ranking, index: Index) -> str:
    """Which images these are; and what keeps the runs out of the first ranking."""
    evaluation = _one_of(ranking, index)
    images = plural(evaluation.n_images, "image") if evaluation else "images"
    where = f"Data set {clean(ranking.dataset)}, split {clean(ranking.split)}: {images}"
    counts = index.counts(evaluation)
    if counts is not None:
        where += (
            f", {whole(counts.positives)} with {index.disease} that can be missed and "
            f"{whole(counts.negatives)} without that can raise a false alarm"
        )
    if ranking.fingerprint:
        where += f"; fingerprint {ranking.fingerprint[:12]}"
    if ranking is first:
        return f"{where}."
    others = listed(_differences(evaluation, _one_of(first, index)) or ["images"])
    return (
        f"{where}. These runs stand in a table of their own because they were evaluated with "
        f"other {others}: their figures can’t be compared with those of the first ranking."
    )


def _one_of(ranking: Ranking, index: Index) -> Evaluation | None:
    return next((index.evaluation(row.run, ranking) for row in ranking.rows), None)


def _differences(one: Evaluation | None, other: Evaluation | None) -> list[str]:
    """What is not the same in two evaluations, of what makes them comparable."""
    if one is None or other is None:
        return []
    supports = [
        {label: (c.positives, c.negatives) for label, c in each.counts.items()}
        for each in (one, other)
    ]
    same_images = one.fingerprint == other.fingerprint and (
        one.fingerprint is not None or supports[0] == supports[1]
    )
    compared = {
        "images": same_images and (one.dataset, one.split) == (other.dataset, other.split),
        "labels": set(one.labels) == set(other.labels),
        "thresholds": one.thresholds == other.thresholds,
        "settings of the evaluation": one.variant == other.variant,
    }
    return [name for name, same in compared.items() if not same]


def _evaluations(ranking: Ranking, rows: Sequence[RankedRun], index: Index) -> list[Evaluation]:
    found = (index.evaluation(row.run, ranking) for row in rows)
    return [one for one in found if one is not None]


def _ranked_table(
    ranking: Ranking, rows: Sequence[RankedRun], caption: str, facets: Sequence[Facet], index: Index
) -> Table:
    evaluations = [index.evaluation(row.run, ranking) for row in rows]
    counts = [index.counts(one) for one in evaluations]
    alike = all_alike(counts)
    blocks = any(reported.run.block is not None for reported in index.runs)
    head = [Column("Rank", kind="rank"), Column("Run", kind="name")]
    if blocks:
        head.append(Column("Block"))
    standings = {}
    if ranking.comparisons is not None:
        standings = {each.run: each for each in ranking.comparisons.standings}
    head += threshold_columns(evaluations, index.target)
    head += [
        *count_columns(counts),
        *standing_columns(ranking),
        Column("Sensitivity", "95 % CI", "figure", axis=True),
        Column("Specificity", "95 % CI", "figure", axis=True),
        Column("F1", index.disease, "figure"),
        Column("Micro F1", "all labels", "figure"),
        Column("Label accuracy", "all labels", "figure"),
        Column("Exact match", "all labels", "figure"),
    ]
    body: list[Row] = []
    for row, evaluation, of_target in zip(rows, evaluations, counts, strict=True):
        cells = [Cell(str(row.rank), kind="rank", sort=row.rank), name_cell(index, row.run)]
        if blocks:
            block = _name_block(index.find(row.run))
            cells.append(Cell(block, sort=None if block == DASH else block))
        cells += threshold_cells(evaluation, evaluations, index.target)
        cells += count_cells(of_target, alike=alike)
        cells += standing_cells(ranking, row)
        for metric in ("sensitivity", "specificity"):
            cells.append(figure_cell(of_label(evaluation, index.target, metric), mark=True))
        cells.append(figure_cell(of_label(evaluation, index.target, "f1")))
        cells += [figure_cell(overall(evaluation, metric)) for metric in OVERALL_COLUMNS]
        standing = standings.get(row.run)
        same = standing is not None and standing.told_apart is False
        divide = _divide(ranking, [one.alike for one in body], same=same)
        body.append(
            Row(
                tuple(cells), best=row.rank == 1, alike=same, divide=divide,
                facets=pick_facets(row.run, facets, index), words=words_of(row.run, index),
            )
        )  # fmt: skip
    return Table(caption, tuple(head), tuple(body))


def _divide(ranking: Ranking, above: Sequence[bool], *, same: bool) -> str:
    """The line between the runs that can't be told from the best and the rest, where it is one."""
    told = {} if ranking.comparisons is None else {
        each.run: each.told_apart for each in ranking.comparisons.standings
    }  # fmt: skip
    one_line = not any(told.get(row.run) is False for row in ranking.rows[len(above) :])
    if same or not above or not all(above) or not one_line:
        return ""
    if len(above) == 1:
        return "Above: the best. Below: the runs that it can be told apart from"
    if any(told.get(row.run) is None for row in ranking.rows[len(above) :] if row.rank):
        return "Above: can’t be told apart from the best. Below: counts alone can’t say"
    return "Above: can’t be told apart from the best. Below: can be"


def _unranked_table(
    rows: Sequence[RankedRun], ranking: Ranking, facets: Sequence[Facet], index: Index
) -> Table:
    counts = [
        index.counts(index.evaluation(row.run, ranking)) if row.counted else None for row in rows
    ]
    alike = all_alike(counts)
    evaluations = [index.evaluation(row.run, ranking) for row in rows]
    head = (
        Column("Run", kind="name"),
        *threshold_columns(evaluations, index.target),
        *count_columns(counts),
        Column("Why it has no rank"),
    )
    body = tuple(
        Row(
            (
                name_cell(index, row.run),
                *threshold_cells(evaluation, evaluations, index.target),
                *count_cells(of_target, alike=alike),
                Cell(_explain_unranked(row, evaluation, index.target), kind="words"),
            ),
            facets=pick_facets(row.run, facets, index),
            words=words_of(row.run, index),
        )
        for row, evaluation, of_target in zip(rows, evaluations, counts, strict=True)
    )
    shared = share_threshold(_evaluations(ranking, rows, index), index.target)
    at = f"; threshold {clean(shared)}" if shared is not None else ""
    return Table(f"{plural(len(rows), 'run')} shown and not ranked{at}", head, body)


def _explain_unranked(row: RankedRun, evaluation: Evaluation | None, target: str) -> str:
    hint = "" if evaluation is None else suggest_tuning(evaluation, target)
    return ", ".join(filter(None, (titled(clean(row.why_unranked or DASH)), clean(hint))))


def _name_block(reported: ReportedRun | None) -> str:
    return exact(reported.run.block) if reported else DASH


def name_the_best(ranking: Ranking) -> tuple[RankedRun, ...]:
    """The runs of rank 1: several where they miss equally many and give equally many alarms."""
    return tuple(row for row in ranking.rows if row.rank == 1)


def describe_standing(data: ReportData, index: Index) -> str:
    """How many runs there are, and how many of them have a rank."""
    ranked = sum(row.rank is not None for row in index.ranked.values())
    unranked = len(index.ranked) - ranked
    without = sum(reported.evaluation is None for reported in data.runs)
    parts = [f"{ranked} ranked"]
    if unranked:
        parts.append(f"{unranked} shown and not ranked")
    if without:
        parts.append(f"{without} without figures")
    return f"{plural(len(data.runs), 'run')}: {listed(parts)}"
