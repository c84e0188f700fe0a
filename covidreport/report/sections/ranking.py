"""The runs in order, those that have no rank, and what the order trades for what."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.compare.patients import count_missed, describe_rule, list_by_patient
from covidreport.compare.ranking import suggest_tuning
from covidreport.records import Evaluation, RankedRun, Ranking, ReaderStudy, ReportData, ReportedRun
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Count,
    Facet,
    Group,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
    Values,
)
from covidreport.report.charts.intervals import fit_rates
from covidreport.report.charts.scatter import draw_scatter
from covidreport.report.facets import list_facets, pick_facets, words_of
from covidreport.report.index import Index
from covidreport.report.reader_points import name_average
from covidreport.report.tables import (
    all_alike,
    count_cells,
    count_columns,
    metric_title,
    of_label,
    overall,
    threshold_cells,
    threshold_columns,
)
from covidreport.report.trade_off import (
    count_labels,
    describe_scatter,
    find_average,
    fit_sizes,
    list_points,
)
from covidreport.text import (
    DASH,
    clean,
    exact,
    listed,
    p_value,
    plural,
    show_bounds,
    titled,
    whole,
)
from covidreport.text.folds import count_models
from covidreport.text.labels import explain_other_labels
from covidreport.text.thresholds import common_threshold, decides_itself

OVERALL_COLUMNS = ("micro_f1", "label_accuracy", "exact_match")


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A section for each ranking."""
    return tuple(_build(one, place, data, index) for place, one in enumerate(data.rankings))


def _build(ranking: Ranking, place: int, data: ReportData, index: Index) -> Section:
    ranked = [row for row in ranking.rows if row.rank is not None]
    unranked = [row for row in ranking.rows if row.rank is None]
    anchor = "ranking" if place == 0 else f"ranking-{place + 1}"
    facets = list_facets([row.run for row in ranking.rows], index)
    blocks: list[Block] = [Prose(_why(ranking, data.rankings[0], index), "lead")]
    if ranked:
        blocks.append(_ranked_table(ranking, ranked, anchor, facets, index))
    by_patient = list_by_patient(ranking, index.evaluations(ranking))
    if by_patient:
        blocks.append(_by_patient(ranking, by_patient, index))
    if unranked:
        blocks.append(_unranked_table(unranked, ranking, anchor, facets, index))
    mixed = explain_other_labels(list(index.evaluations(ranking).values()))
    if mixed:
        blocks.append(Prose(clean(mixed), "remark"))
    if place == 0:
        blocks.append(Prose(_explain_dash(data), "remark"))
    chart = _draw(ranking, anchor, index, data.readers if place == 0 else None)
    return Section(
        anchor,
        "Ranking" if place == 0 else f"Ranking {place + 1}",
        (*blocks, *([chart] if chart else [])),
    )


def _draw(ranking: Ranking, anchor: str, index: Index, readers: ReaderStudy | None) -> Chart | None:
    """Missed cases against false alarms, for a wide and for a narrow page."""
    points = list_points(ranking, index)
    labels = count_labels(len(points))
    counts = index.counts(_one_of(ranking, index))
    average = None if readers is None else find_average(readers, counts)
    if average is not None:  # the last that is labelled
        points, labels = (*points[:labels], average, *points[labels:]), labels + 1
    scatters = [draw_scatter(points, *size, most_labels=labels) for size in fit_sizes(len(points))]
    drawn = tuple(one for one in scatters if one is not None)
    title, words = "Missed cases against false alarms", describe_scatter(ranking, index, points)
    summary = f"{words} The figures stand in the table above."
    rows: tuple[tuple[str | float | None, ...], ...] = tuple(
        (clean(row.run), row.rank, row.false_alarms, row.missed)
        for row in ranking.rows
        if row.counted
    )
    if readers is not None and average is not None:
        rows = (*rows, (name_average(readers), None, average.across, average.missed))
    values = Values(("run", "rank", "false alarms", "missed"), rows)
    return Chart(anchor, title, summary, words, drawn, values) if drawn else None


def _explain_dash(data: ReportData) -> str:
    """What a dash means in the tables of this report."""
    evaluations = [one for run in data.runs for one in run.usual]
    if any(not one.has_scores for one in evaluations):
        return (
            "A dash stands for a figure that can’t be known. Where only counts were recorded, "
            "exact match, ROC AUC and average precision can’t: they need the scores of each image."
        )
    return "A dash stands for a figure that is undefined or that nobody recorded; never for 0."


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
        f"other {others}. Their figures can’t be compared with those of the first ranking."
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
    same_target = set(one.label_fingerprints.items()) & set(other.label_fingerprints.items())
    same_images = bool(same_target) or (
        one.fingerprint == other.fingerprint
        and (
            one.fingerprint is not None
            or (one.dataset, one.split, supports[0]) == (other.dataset, other.split, supports[1])
        )
    )
    compared = {
        "images": same_images,
        "labels": bool(same_target) or set(one.labels) == set(other.labels),
        "thresholds": one.thresholds == other.thresholds or any(map(decides_itself, (one, other))),
        "settings of the evaluation": one.variant == other.variant,
    }
    return [name for name, same in compared.items() if not same]


def _ranked_table(
    ranking: Ranking, rows: Sequence[RankedRun], key: str, facets: Sequence[Facet], index: Index
) -> Table:
    evaluations = [index.evaluation(row.run, ranking) for row in rows]
    counts = [index.counts(one) for one in evaluations]
    alike = all_alike(counts)
    blocks = any(reported.run.block is not None for reported in index.runs)
    mixed = explain_other_labels(list(index.evaluations(ranking).values()))
    over_all = () if mixed else OVERALL_COLUMNS
    domain = fit_rates(
        of_label(one, index.target, metric)
        for one in evaluations
        for metric in ("sensitivity", "specificity")
    )
    head = (
        Column("Rank", kind="rank"),
        Column("Run", kind="name"),
        *([Column("Block", room="wide")] if blocks else []),
        *threshold_columns(evaluations, index.target),
        *count_columns(counts),
        *_standing_columns(ranking),
        Column("Sensitivity", "95 % CI", "figure", domain, falls=True),
        Column("Specificity", "95 % CI", "figure", domain, falls=True),
        Column("F1", index.disease, "figure", falls=True, room="wide"),
        *(
            Column(metric_title(metric), "all labels", "figure", falls=True, room="asked")
            for metric in over_all
        ),
    )
    baseline = ranking.comparisons.baseline if ranking.comparisons else None
    body: list[Row] = []
    for row, evaluation, of_target in zip(rows, evaluations, counts, strict=True):
        found = index.find(row.run)
        cells: tuple[Cell, ...] = (
            Text(str(row.rank), sort=row.rank),
            index.link(row.run, _describe_run(row.run, baseline, evaluation, found)),
            *([Text(exact(found.run.block) if found else DASH)] if blocks else []),
            *threshold_cells(evaluation, evaluations, index.target),
            *count_cells(of_target, alike=alike),
            *_standing_cells(ranking, row),
            *(
                Rate(of_label(evaluation, index.target, metric))
                for metric in ("sensitivity", "specificity", "f1")
            ),
            *(Rate(overall(evaluation, metric)) for metric in over_all),
        )
        standing = None if ranking.comparisons is None else ranking.comparisons.find(row.run)
        same = standing is not None and standing.significantly_different is False
        divide = _divide(ranking, [one.alike for one in body], same=same)
        body.append(
            Row(
                cells, best=row.rank == 1, alike=same, baseline=row.run == baseline, divide=divide,
                facets=pick_facets(row.run, facets, index), words=words_of(row.run, index),
            )
        )  # fmt: skip
    caption = "1 run with a rank"
    if len(rows) > 1:
        caption = f"{len(rows)} runs in order: fewest missed first, then fewest false alarms"
    caption += _at_threshold(ranking, rows, index)
    return Table(caption, head, tuple(body), "ranked", key, tuple(facets))


def _describe_run(
    name: str, baseline: str | None, evaluation: Evaluation | None, found: ReportedRun | None
) -> str:
    said = (
        "baseline" if name == baseline else "",
        "radiologist" if found is not None and found.run.is_reader else "",
        count_models(evaluation),
    )
    return ", ".join(filter(None, said))


def _by_patient(ranking: Ranking, rows: Sequence[RankedRun], index: Index) -> Group:
    """The runs by patient, folded: what that says of the first stands in the answer."""
    table = _patients_table(ranking, rows, index)
    rule = Prose(describe_rule(rows, index.disease), "remark")
    return Group((table, rule), "By patient", "Missed cases and false alarms", state="folded")


def _patients_table(ranking: Ranking, rows: Sequence[RankedRun], index: Index) -> Table:
    """The ranked runs by patient, in the same order."""
    domain = fit_rates(
        rate for row in rows if row.patients
        for rate in (row.patients.sensitivity, row.patients.specificity)
    )  # fmt: skip
    head = (
        Column("Run", kind="name"),
        Column("Missed", index.disease),
        Column("Sensitivity", "95 % CI", "figure", domain, falls=True),
        Column("False alarms", "patients", "count"),
        Column("Specificity", "95 % CI", "figure", domain, falls=True),
    )
    body = []
    for row in rows:
        patients, counts = row.patients, index.counts(index.evaluation(row.run, ranking))
        if patients is None or counts is None:
            continue
        of = patients.counts
        cells = (
            index.link(row.run),
            Text(count_missed(patients, counts), sort=of.missed),
            Rate(patients.sensitivity, evidence=True),
            Count(of.false_alarms, of.negatives, of.failed_negative),
            Rate(patients.specificity, evidence=True),
        )
        body.append(Row(cells))
    caption = "By patient, in the order of the ranking, which is by images"
    return Table(caption, head, tuple(body), "pairs")


def _at_threshold(ranking: Ranking, rows: Sequence[RankedRun], index: Index) -> str:
    found = (index.evaluation(row.run, ranking) for row in rows)
    shared = common_threshold([one for one in found if one is not None], index.target)
    return "" if shared is None else f"; threshold {clean(shared)}"


def _standing_columns(ranking: Ranking) -> tuple[Column, ...]:
    """What the ranking's table says of each run's place; nothing where nothing was compared."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ()
    return (Column("Significantly different", "adjusted p", falls=True),)


def _standing_cells(ranking: Ranking, row: RankedRun) -> tuple[Cell, ...]:
    """A run's cell under `_standing_columns`; a dash for one that was not compared."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ()
    standing = comparisons.find(row.run)
    if standing is None:
        return (Text(DASH),)
    p = standing.adjusted_p_value
    if row.rank == 1:
        return (Text("the best", sort=2.0),)  # before every p-value
    word = {True: "yes", False: "no", None: "counts can’t say"}[standing.significantly_different]
    if comparisons.basis == "counts":
        adjusted = show_bounds(p or 0.0, standing.adjusted_p_value_high)
        unadjusted = show_bounds(standing.p_value or 0.0, standing.p_value_high)
        return (Text(word, f"{adjusted}; unadjusted {unadjusted}", sort=p),)
    return (Text(word, f"{p_value(p)}; unadjusted {p_value(standing.p_value)}", sort=p),)


def _divide(ranking: Ranking, above: Sequence[bool], *, same: bool) -> str:
    """The line between the runs that are not significantly different from the best and the rest,
    where it is one."""
    told = {} if ranking.comparisons is None else {
        each.run: each.significantly_different for each in ranking.comparisons.rank_evidence
    }  # fmt: skip
    one_line = not any(told.get(row.run) is False for row in ranking.rows[len(above) :])
    if same or not above or not all(above) or not one_line:
        return ""
    if len(above) == 1:
        return "Above: the best run. Below: significantly different from it"
    alike = "Above: not significantly different from the best run"
    below = {told.get(row.run) for row in ranking.rows[len(above) :] if row.rank is not None}
    words = {True: "significantly different", None: "counts alone can’t say"}
    return f"{alike}. Below: {' or '.join(said for key, said in words.items() if key in below)}"


def _unranked_table(
    rows: Sequence[RankedRun], ranking: Ranking, key: str, facets: Sequence[Facet], index: Index
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
                index.link(row.run, count_models(evaluation)),
                *threshold_cells(evaluation, evaluations, index.target),
                *count_cells(of_target, alike=alike),
                _explain_unranked(row, evaluation, index.target),
            ),
            facets=pick_facets(row.run, facets, index),
            words=words_of(row.run, index),
        )
        for row, evaluation, of_target in zip(rows, evaluations, counts, strict=True)
    )
    caption = f"{plural(len(rows), 'run')} shown and not ranked"
    caption += _at_threshold(ranking, rows, index)
    return Table(caption, head, body, key=key)


def _explain_unranked(row: RankedRun, evaluation: Evaluation | None, target: str) -> str:
    hint = "" if evaluation is None else suggest_tuning(evaluation, target)
    return ", ".join(filter(None, (titled(clean(row.why_unranked or DASH)), clean(hint))))
