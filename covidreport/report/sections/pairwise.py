"""Pairwise comparisons: all pairs of a ranking, or those that were planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from covidreport.compare.finding import (
    describe_detectable,
    describe_disagreement,
    describe_naming,
    describe_planned,
    describe_tests,
    describe_verdict,
)
from covidreport.records import (
    Comparison,
    Ranking,
    ReportData,
    RunComparisons,
)
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Count,
    Difference,
    Group,
    Prose,
    PValue,
    Row,
    Section,
    Strong,
    Table,
    Text,
)
from covidreport.report.charts.intervals import Domain, fit_domain
from covidreport.report.combinations import list_combinations
from covidreport.report.index import Index
from covidreport.report.pair_charts import draw_comparisons
from covidreport.report.trade_off import short_names
from covidreport.text import DASH, clean, decimal, format_p, plural, titled, whole

FEW_RUNS = 6
"""Of so many all 15 pairs are listed; of more those with the best, and the rest in the grid."""
GRID_RUNS = 20


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A section for each ranking in which runs were compared with each other."""
    sections = (_build(ranking, place, index) for place, ranking in enumerate(data.rankings))
    return tuple(section for section in sections if section is not None)


def _build(ranking: Ranking, place: int, index: Index) -> Section | None:
    comparisons = ranking.comparisons
    if comparisons is None:
        return None
    compared = {each.run for each in comparisons.rank_evidence}
    unranked = {row.run for row in ranking.rows if row.rank is None}
    excluded = [each for each in comparisons.excluded if each.run not in unranked]
    suffix = "" if place == 0 else f"-{place + 1}"
    number = "" if place == 0 else f", ranking {place + 1}"
    if comparisons.basis == "counts" and not excluded:
        return None
    rows = tuple(
        Row((index.link(each.run), titled(clean(each.reason))))
        for each in comparisons.excluded
        if each.run not in compared or each in excluded
    )
    head = (Column("Run", kind="name"), Column("Why it was not compared"))
    reasons = [Table(f"{plural(len(rows), 'run')} not compared", head, rows)] if rows else []
    anchor, title = f"against{suffix}", f"Pairwise comparisons{number}"
    verdict = describe_verdict(ranking, index.disease)
    if comparisons.basis == "counts":
        sentences = [verdict, describe_detectable(comparisons)]
        return Section(anchor, title, (*_leads(sentences), *_fold(reasons)))
    how = "The tests, their correction, and what can be significant"
    pictures = draw_comparisons(ranking, comparisons, index, suffix)
    blocks: tuple[Block, ...] = (
        *_leads([verdict] if place else []),  # of the first ranking the answer says it
        *pictures[:1],
        *_list_pairs(ranking, comparisons, index, drawn=bool(pictures)),
        *_non_inferiority_table(comparisons, index),
        *_fold(_leads(_sentences(ranking, comparisons)), "How they were compared", how),
        *_fold(pictures[1:], "Runs on a line", "A critical difference diagram"),
        *_fold(
            list_combinations(ranking, comparisons, index),
            "Runs together",
            "Votes of two and three runs",
        ),
        *_fold(reasons, "Not compared", plural(len(rows), "run")),
    )
    return Section(anchor, title, blocks)


def _list_pairs(
    ranking: Ranking, comparisons: RunComparisons, index: Index, *, drawn: bool
) -> list[Block]:
    """The table of pairs, folded beneath its picture where there is one, and the grid of all
    p-values."""
    pairs: list[Block] = [_pairs_table(ranking, comparisons, index)]
    if not drawn:
        return pairs
    if len(comparisons.rank_evidence) <= GRID_RUNS:
        pairs += [_grid(ranking, comparisons, index), Prose(_GRID_NOTE, "remark")]
    gist = "With intervals and p-values, and who missed what"
    return _fold(pairs, "Differences in numbers", gist)


def _leads(sentences: Sequence[str]) -> list[Prose]:
    return [Prose(clean(words), "lead") for words in sentences if words]


def _fold(blocks: Sequence[Block], title: str = "", gist: str = "") -> list[Block]:
    """What can be read without, and cut from a text of limited length, without the rest."""
    state: Literal["plain", "folded"] = "folded" if title else "plain"
    return [Group(tuple(blocks), title, gist, state=state)] if blocks else []


_GRID_NOTE = (
    "Above the diagonal: the adjusted p-value of the pair, with ≠ where the two are significantly "
    "different, and beneath it the unadjusted one. On it: how many cases the run missed. Below it: "
    "how many cases only the run of the row missed and only the run of the column."
)


def _sentences(ranking: Ranking, comparisons: RunComparisons) -> list[str]:
    sentences = [describe_tests(comparisons)]
    overall = comparisons.overall
    if overall is not None and overall.statistic is None:
        sentences.append("Over all runs at once: all miss the same cases.")
    elif overall is not None:
        found = "That is no evidence that any run differs; too few cases to exclude it"
        if overall.p_value <= comparisons.alpha:
            found = "That is evidence that they do not all miss equally often"
        sentences.append(
            f"Over all runs at once: Cochran’s Q {decimal(overall.statistic, 2)}, "
            f"{plural(overall.degrees, 'degree')} of freedom, {format_p(overall.p_value)} "
            f"({overall.method}). {found}."
        )
    sentences += filter(None, [describe_disagreement(comparisons)])
    sentences.append(describe_detectable(comparisons))
    if comparisons.baseline is not None and not comparisons.planned:
        sentences.append(
            f"The baseline {comparisons.baseline} is not among the compared runs, so all pairs are."
        )
    if comparisons.planned:
        planned = plural(len(comparisons.sensitivity), "comparison")
        sentences += [
            describe_planned(ranking),
            f"The table has these {planned} alone, and its adjusted p are for them: they were "
            "planned.",
        ]
    return sentences


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
        "sensitivity": _fit_domain(shown),
        **{metric: _fit_domain(found) for metric, found in compared.items()},
    }
    won = _word_folds(comparisons)
    layout = _lay_out(ranking, comparisons, shown)
    head = list(layout.head)
    head += [
        Column("Sensitivity", "difference", "figure", axes["sensitivity"]),
        Column("Adjusted p", "unadjusted", "count"),
        Column("Specificity", "difference", "figure", axes["specificity"], room="medium"),
        Column("Adjusted p", "unadjusted", "count", room="medium"),
        Column("ROC AUC", "difference", "figure", axes["roc_auc"], room="medium"),
        Column("Adjusted p", "unadjusted", "count", room="medium"),
    ]  # fmt: skip
    rows = []
    for place, each in enumerate(shown):
        runs = {"first": (each.first,), "second": (each.second,), "both": (each.first, each.second)}
        first, *second = runs[layout.heads]
        cells: list[Cell] = [
            index.link(first),
            *map(Text, second),
            Count(each.only_first),
            Count(each.only_second),
            _difference(each),
            replace(
                _adjusted(each, comparisons.alpha), note=won.get((each.first, each.second), "")
            ),
        ]
        for found in compared.values():
            cells += [_difference(found[place]), _adjusted(found[place], comparisons.alpha)]
        rows.append(Row(tuple(cells)))
    area = "DeLong’s" if comparisons.n_groups is None else "Obuchowski’s"
    words = (
        "Each 95 % interval holds for its pair alone; p is of an exact test, for ROC AUC of "
        f"{area} normal one"
    )
    return Table(f"{layout.caption}. {words}", tuple(head), tuple(rows), "pairs")


def _word_folds(comparisons: RunComparisons) -> dict[tuple[str, str], str]:
    """By pair, in how many folds the first missed fewer; for pairs with the same folds."""
    found = {}
    for each in comparisons.folds:
        words = f"misses in {{}} of {each.folds} folds"
        found[each.first, each.second] = f"fewer {words.format(each.fewer)}"
        found[each.second, each.first] = f"fewer {words.format(each.more)}"
    return found


def _choose_pairs(ranking: Ranking, comparisons: RunComparisons) -> list[Comparison]:
    if comparisons.planned or len(comparisons.rank_evidence) <= FEW_RUNS:
        return list(comparisons.sensitivity)
    best = {row.run for row in ranking.rows if row.rank == 1}
    return [each for each in comparisons.sensitivity if best & {each.first, each.second}]


class _Layout(Struct, frozen=True):
    """Which of a pair's runs head a row, and the columns before the figures."""

    caption: str
    heads: Literal["first", "second", "both"]
    head: tuple[Column, ...]


def _lay_out(ranking: Ranking, comparisons: RunComparisons, shown: Sequence[Comparison]) -> _Layout:
    pairs = comparisons.detectable_difference.comparisons
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
        (name, Column("Compared with"), *(Column(one, kind="count") for one in counts)),
    )


def _fit_domain(comparisons: Sequence[Comparison | None]) -> Domain:
    """The axis that holds all of these differences and their intervals."""
    known = [each for each in comparisons if each is not None]
    return fit_domain(end for each in known for end in (each.difference, each.low, each.high))


def _difference(comparison: Comparison | None) -> Difference:
    if comparison is None:
        return Difference(None)
    return Difference(comparison.difference, comparison.low, comparison.high)


def _adjusted(comparison: Comparison | None, alpha: float) -> PValue:
    if comparison is None:
        return PValue(None)
    p = comparison.adjusted_p_value
    return PValue(p, significant=comparison.is_significant(alpha), unadjusted=comparison.p_value)


def _grid(ranking: Ranking, comparisons: RunComparisons, index: Index) -> Table:
    pairs = {(each.first, each.second): each for each in comparisons.sensitivity}
    compared = {each.run for each in comparisons.rank_evidence}
    rows = [row for row in ranking.rows if row.run in compared]
    names = short_names(rows, index)
    head = [Column("Run", kind="name"), Column("No.", kind="rank")]
    head += [Column(names[row.run], kind="count") for row in rows]
    body = []
    for place, row in enumerate(rows):
        cells: list[Cell] = [index.link(row.run), Text(names[row.run])]
        for at, column in enumerate(rows):
            if at == place:
                cells.append(Strong(whole(row.missed)))
            elif at > place:
                pair = pairs.get((row.run, column.run))
                cells.append(_adjusted(pair, comparisons.alpha))
            else:
                pair = pairs.get((column.run, row.run))
                cells.append(
                    Text(DASH if pair is None else f"{pair.only_second}:{pair.only_first}")
                )
        body.append(Row(tuple(cells)))
    return Table("All pairs at a glance", tuple(head), tuple(body), "grid")


def _non_inferiority_table(comparisons: RunComparisons, index: Index) -> list[Table]:
    judged = comparisons.non_inferiority
    if not judged:
        return []
    first = judged[0]
    level = f"{100 * first.confidence:.4g} %"
    head = (
        Column("Run", kind="name"), Column("Not inferior"),
        Column("Sensitivity", f"difference, {level} CI", "figure"),
    )  # fmt: skip
    answers: dict[Literal["yes", "no", "the data cannot say"], str] = {
        "yes": "yes", "no": "no", "the data cannot say": "the data can’t say",
    }  # fmt: skip
    rows = tuple(
        Row(
            (
                index.link(each.run),
                Text(answers[each.answer]),
                Difference(each.difference, each.low, each.high, level=first.confidence),
            )
        )
        for each in judged
    )
    together = f", so that all {len(judged)} answers together hold with 95 %" if judged[1:] else ""
    caption = (
        f"Non-inferiority: at most {first.margin:g} less sensitive than {clean(first.reference)}; "
        f"intervals of {level}{together}"
    )
    return [Table(caption, head, rows)]
