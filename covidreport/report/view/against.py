"""Runs against each other: what the table of a ranking says of it, and the section of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from covidreport.compare.finding import (
    describe_disagreement,
    describe_gap,
    describe_naming,
    describe_non_inferiority,
    describe_planned,
    describe_tests,
    describe_verdict,
)
from covidreport.records import (
    Comparison,
    RankedRun,
    Ranking,
    RunCombination,
    RunComparisons,
)
from covidreport.report.charts.intervals import DifferenceAxis, fit_differences
from covidreport.report.index import Index
from covidreport.report.view.names import name_cell
from covidreport.report.view.records import Cell, Column, ComparisonsView, Row, Table
from covidreport.report.view.trade_off import short_names
from covidreport.text import (
    DASH,
    bound_p,
    clean,
    decimal,
    format_p,
    listed,
    p_value,
    percent,
    plural,
    signed,
    titled,
    whole,
)

FEW_RUNS = 6
"""Of so many all 15 pairs are listed; of more those with the best, and the rest in the grid."""
GRID_RUNS = 20
RULES = {"any-positive": "any yes is a yes", "majority": "two of three"}


def standing_columns(ranking: Ranking) -> tuple[Column, ...]:
    """What the ranking's table says of each run's place; nothing where nothing was compared."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ()
    against = Column("Against the best", f"adjusted p{_bound(comparisons)}")
    if comparisons.basis == "counts":
        return (against,)
    return (
        against,
        Column("Rank interval", "95 %", "count"),
        Column("Is the best", "of resamples, no test", "count"),
    )


def standing_cells(ranking: Ranking, row: RankedRun) -> tuple[Cell, ...]:
    """A run's cells under `standing_columns`; dashes for one that was not compared."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ()
    standing = next((each for each in comparisons.standings if each.run == row.run), None)
    counts = comparisons.basis == "counts"
    if standing is None:
        return (Cell(DASH),) if counts else (Cell(DASH), *[Cell(DASH, kind="count")] * 2)
    p = standing.adjusted_p_value
    if row.rank == 1:
        first = Cell("the best", sort=2.0)  # before every p-value
    elif standing.told_apart is None:
        first = Cell("counts can’t say", sort=p)
    else:
        word = "told apart" if standing.told_apart else "not told apart"
        first = Cell(word, _p_text(p, comparisons), sort=p)
    if counts:
        return (first,)
    low, high = standing.rank_low, standing.rank_high
    interval = DASH if low is None else str(low) if low == high else f"{low} to {high}"
    return (
        first,
        Cell(interval, kind="count", sort=None if high is None else high + (low or 0) / 1e6),
        Cell(percent(standing.best_probability), kind="count", sort=standing.best_probability),
    )


def _bound(comparisons: RunComparisons) -> str:
    return " at least" if comparisons.basis == "counts" else ""


def _p_text(value: float | None, comparisons: RunComparisons) -> str:
    if comparisons.basis == "scores" or value is None:
        return p_value(value)
    return bound_p(value)


def describe_lead(ranking: Ranking, index: Index) -> tuple[str, ...]:
    """By how much the first is ahead, and whether that is more than chance."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ()
    ranked = [row for row in ranking.rows if row.rank is not None]
    best = [row for row in ranked if row.rank == 1]
    ahead = ""
    if len(best) == 1 and len(ranked) > 1:
        second = ranked[1]
        gap = second.missed - best[0].missed
        ahead = f"The next, {second.run}, misses {gap:,} more. " if gap else ""
        if not gap and second.false_alarms > best[0].false_alarms:
            ahead = f"The next, {second.run}, misses as many and gives more false alarms. "
        elif not gap:
            ahead = f"The next, {second.run}, misses as many and gives as many false alarms. "
    verdict = describe_verdict(ranking, index.disease)
    sentences = [f"{ahead}{verdict} {describe_gap(comparisons)}"]
    if comparisons.basis == "counts":
        sentences = [f"{ahead}{describe_gap(comparisons)}"]
    sentences += [describe_planned(ranking), describe_non_inferiority(comparisons)]
    return tuple(clean(one) for one in sentences if one)


def view_comparisons(ranking: Ranking, place: int, index: Index) -> ComparisonsView | None:
    """The section of one ranking; None where no run was compared with another."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return None
    compared = {each.run for each in comparisons.standings}
    unranked = {row.run for row in ranking.rows if row.rank is None}
    left_out = [each for each in comparisons.left_out if each.run not in unranked]
    suffix = "" if place == 0 else f"-{place + 1}"
    number = "" if place == 0 else f", ranking {place + 1}"
    if comparisons.basis == "counts" and not left_out:
        return None
    rows = tuple(
        Row((name_cell(index, each.run), Cell(titled(clean(each.reason)), kind="words")))
        for each in comparisons.left_out
        if each.run not in compared or each in left_out
    )
    head = (Column("Run", kind="name"), Column("Why it was not compared"))
    reasons = Table(f"{plural(len(rows), 'run')} not compared", head, rows) if rows else None
    anchor, title = f"against{suffix}", f"Runs against each other{number}"
    if comparisons.basis == "counts":
        sentences = (describe_verdict(ranking, index.disease), describe_gap(comparisons))
        shown = tuple(clean(one) for one in sentences if one)
        return ComparisonsView(anchor, title, shown, left_out=reasons)
    few = len(compared) <= GRID_RUNS and not comparisons.planned
    return ComparisonsView(
        anchor=anchor,
        title=title,
        sentences=tuple(clean(one) for one in _sentences(ranking, comparisons, index)),
        pairs=_pairs_table(ranking, comparisons, index),
        grid=_grid(ranking, comparisons, index) if few and len(compared) > 2 else None,
        grid_note=_GRID_NOTE if few and len(compared) > 2 else "",
        non_inferiority=_non_inferiority_table(comparisons, index),
        combinations=_combinations_table(comparisons),
        combinations_note=_note_combinations(comparisons),
        left_out=reasons,
    )


_GRID_NOTE = (
    "Above the diagonal: the adjusted p-value of the pair, with ≠ where it tells the two apart. On "
    "it: how many cases the run missed. Below it: how many cases only the run of the row missed "
    "and only the run of the column."
)


def _sentences(ranking: Ranking, comparisons: RunComparisons, index: Index) -> list[str]:
    sentences = [describe_verdict(ranking, index.disease), describe_tests(comparisons)]
    overall = comparisons.overall
    if overall is not None:
        differ = "some run differs" if overall.p_value <= comparisons.alpha else "none differs"
        statistic = "undefined" if overall.statistic is None else decimal(overall.statistic, 2)
        sentences.append(
            f"Over all runs at once: Cochran’s Q {statistic}, {overall.degrees} degrees of "
            f"freedom, {format_p(overall.p_value)} ({overall.method}): by this test {differ} "
            "from the rest."
        )
    sentences += filter(None, [describe_disagreement(comparisons)])
    sentences.append(describe_gap(comparisons))
    if comparisons.baseline is not None and not comparisons.planned:
        sentences.append(
            f"The baseline {comparisons.baseline} is not among the compared runs, so all pairs are."
        )
    return [*sentences, *filter(None, [describe_planned(ranking)])]


def _pairs_table(ranking: Ranking, comparisons: RunComparisons, index: Index) -> Table:
    """The planned pairs, all of a few, or those with the best; sensitivity first."""
    shown = _choose_pairs(ranking, comparisons)
    others = {
        (each.metric, each.first, each.second): each
        for each in (*comparisons.specificity, *comparisons.roc_auc)
    }
    compared = {
        metric: [others.get((metric, each.first, each.second)) for each in shown]
        for metric in ("specificity", "roc_auc")
    }
    axes = {
        "sensitivity": fit_differences(shown),
        **{key: fit_differences([o for o in found if o]) for key, found in compared.items()},
    }
    layout = _lay_out(ranking, comparisons, shown)
    head = list(layout.head)
    head += [
        Column("Sensitivity", "difference", "figure", axis=True, ticks=axes["sensitivity"].ticks),
        Column("p", kind="count"), Column("Adjusted p", kind="count"),
        Column("Specificity", "difference", "figure", axis=True, ticks=axes["specificity"].ticks),
        Column("Adjusted p", kind="count"),
        Column("ROC AUC", "difference", "figure", axis=True, ticks=axes["roc_auc"].ticks),
        Column("Adjusted p", kind="count"),
    ]  # fmt: skip
    rows = []
    for place, each in enumerate(shown):
        names = [name_cell(index, each.first)] if layout.heads != "second" else []
        names += [name_cell(index, each.second)] if layout.heads == "second" else []
        names += [Cell(clean(each.second))] if layout.heads == "both" else []
        cells = [
            *names,
            Cell(whole(each.only_first), kind="count"),
            Cell(whole(each.only_second), kind="count"),
            _difference_cell(each, axes["sensitivity"]),
            Cell(p_value(each.p_value), kind="count"),
            _adjusted_cell(each, comparisons.alpha),
        ]
        for metric, found in compared.items():
            cells.append(_difference_cell(found[place], axes[metric]))
            cells.append(_adjusted_cell(found[place], comparisons.alpha))
        rows.append(Row(tuple(cells)))
    words = "each 95 % interval holds for its pair alone; p is of an exact test"
    return Table(f"{layout.caption}; {words}", tuple(head), tuple(rows))


def _choose_pairs(ranking: Ranking, comparisons: RunComparisons) -> list[Comparison]:
    if comparisons.planned or len(comparisons.standings) <= FEW_RUNS:
        return list(comparisons.sensitivity)
    best = {row.run for row in ranking.rows if row.rank == 1}
    return [each for each in comparisons.sensitivity if best & {each.first, each.second}]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which of a pair's runs head a row, and the columns before the figures."""

    caption: str
    heads: Literal["first", "second", "both"]
    head: tuple[Column, ...]


def _lay_out(ranking: Ranking, comparisons: RunComparisons, shown: Sequence[Comparison]) -> _Layout:
    pairs = comparisons.smallest_gap.comparisons
    name = Column("Run", kind="name")
    firsts = {each.first for each in shown}
    best = {row.run for row in ranking.rows if row.rank == 1}
    if comparisons.planned:
        counts = ("Only this run missed", "Only the baseline missed")
        naming = describe_naming(comparisons)
        caption = f"Each run minus the baseline {clean(comparisons.baseline)}, {naming}"
        return _Layout(caption, "first", (name, *(Column(one, kind="count") for one in counts)))
    if len(firsts) == 1 and firsts <= best:
        counts = ("Only the best missed", "Only this run missed")
        of = f", of {pairs:,} pairs" if pairs > len(shown) else ""
        caption = f"The best, {clean(shown[0].first)}, minus each other run{of}"
        return _Layout(caption, "second", (name, *(Column(one, kind="count") for one in counts)))
    counts = ("Only it missed", "Only the other missed")
    which = "The one pair" if len(shown) == 1 else f"All {len(shown):,} pairs"
    if pairs > len(shown):
        which = f"The {len(best)} runs in first place with each other run, of {pairs:,} pairs"
    return _Layout(
        f"{which}: first minus second",
        "both",
        (name, Column("Against"), *(Column(one, kind="count") for one in counts)),
    )


def _difference_cell(comparison: Comparison | None, axis: DifferenceAxis) -> Cell:
    if comparison is None or comparison.difference is None:
        return Cell(DASH, kind="figure")
    value = signed(comparison.difference)
    if comparison.low is None or comparison.high is None:
        return Cell(value, kind="figure", mark=axis.place(comparison))
    interval = f"{signed(comparison.low)} to {signed(comparison.high)}"
    return Cell(value, interval, f"{value} ({interval})", "figure", mark=axis.place(comparison))


def _adjusted_cell(comparison: Comparison | None, alpha: float) -> Cell:
    if comparison is None or comparison.adjusted_p_value is None:
        return Cell(DASH, kind="count")
    told = comparison.adjusted_p_value <= alpha
    shown = p_value(comparison.adjusted_p_value)
    return Cell(f"≠ {shown}", kind="told") if told else Cell(shown, kind="count")


def _grid(ranking: Ranking, comparisons: RunComparisons, index: Index) -> Table:
    pairs = {(each.first, each.second): each for each in comparisons.sensitivity}
    compared = {each.run for each in comparisons.standings}
    rows = [row for row in ranking.rows if row.run in compared]
    names = short_names(rows, index)
    head = [Column("Run", kind="name"), Column("No.", kind="rank")]
    head += [Column(names[row.run], kind="count") for row in rows]
    body = []
    for place, row in enumerate(rows):
        cells = [name_cell(index, row.run), Cell(names[row.run], kind="rank")]
        for at, column in enumerate(rows):
            if at == place:
                cells.append(Cell(whole(row.missed), kind="missed"))
            elif at > place:
                pair = pairs.get((row.run, column.run))
                cells.append(_adjusted_cell(pair, comparisons.alpha))
            else:
                pair = pairs.get((column.run, row.run))
                text = DASH if pair is None else f"{pair.only_second}:{pair.only_first}"
                cells.append(Cell(text, kind="count"))
        body.append(Row(tuple(cells)))
    return Table("All pairs at a glance", tuple(head), tuple(body))


def _non_inferiority_table(comparisons: RunComparisons, index: Index) -> Table | None:
    judged = comparisons.non_inferiority
    if not judged:
        return None
    first = judged[0]
    level = f"{100 * first.confidence:.4g} %"
    head = (
        Column("Run", kind="name"), Column("Not inferior"),
        Column("Sensitivity", f"difference, {level} CI", "figure"),
    )  # fmt: skip
    answers: dict[Literal["yes", "no", "the data cannot say"], str] = {
        "yes": "yes", "no": "no", "the data cannot say": "the data can’t say",
    }  # fmt: skip
    rows = []
    for each in judged:
        value = signed(each.difference)
        interval = ""
        if each.low is not None and each.high is not None:
            interval = f"{signed(each.low)} to {signed(each.high)}"
        full = f"{value} ({interval})" if interval else value
        answer = Cell(answers[each.answer])
        rows.append(
            Row((name_cell(index, each.run), answer, Cell(value, interval, full, "figure")))
        )
    return Table(
        f"Non-inferiority: at most {first.margin:g} less sensitive than {clean(first.reference)}; "
        f"intervals of {level}"
        + (f", so that all {len(judged)} answers together hold with 95 %" if judged[1:] else ""),
        head,
        tuple(rows),
    )


def _combinations_table(comparisons: RunComparisons) -> Table | None:
    if not comparisons.combinations:
        return None
    head = (
        Column("Runs"), Column("Vote"),
        Column("Missed", f"of {comparisons.positives:,}", "missed"),
        Column("False alarms", f"of {comparisons.negatives:,}", "count"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Cell(listed([clean(name) for name in each.runs])), Cell(RULES[each.rule]),
                Cell(whole(each.missed), kind="missed"),
                Cell(whole(each.false_alarms), kind="count"),
            )
        )
        for each in comparisons.combinations
    )  # fmt: skip
    return Table("Runs that would have missed fewest together", head, rows)


def _note_combinations(comparisons: RunComparisons) -> str:
    combinations: Sequence[RunCombination] = comparisons.combinations
    if not combinations:
        return ""
    tried = combinations[0].tried_runs
    which = "the ranked runs"
    if tried < len(comparisons.standings):
        which = f"the first {tried} runs"
    return (
        f"The best of all pairs and trios of {which}, tried on these very images: an idea for the "
        "next study, and no result."
    )
