"""The pictures of pairwise comparisons, and their words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from covidreport.records import Ranking, RunComparisons
from covidreport.report.blocks import Chart, Values
from covidreport.report.charts.critical_difference import draw_critical_differences, group_alike
from covidreport.report.charts.pair_matrix import MOST_NAMED, Pair, PairedRun, draw_pairs
from covidreport.report.index import Index
from covidreport.report.trade_off import short_names
from covidreport.text import clean, plural

WIDTHS = 760, 340
"""Of a picture on a wide and on a narrow page."""
_LONGEST_NAME = 30
_MATRIX_KEY = (
    "A cell is the run that is ranked higher minus the other. Blue: it is better; red: it is "
    "worse; a dot: significantly different after correction. Runs stand in the order of the "
    "ranking"
)
_NAMED = "; on the diagonal, where there is room, is how many cases each missed."
_NUMBERED = ", by their ranks."


def draw_comparisons(
    ranking: Ranking, comparisons: RunComparisons, index: Index, suffix: str
) -> list[Chart]:
    """All pairs as a matrix and on a line; nothing where not every pair of three runs and more was
    compared."""
    compared = [each.run for each in comparisons.rank_evidence]
    if len(compared) < 3 or len(comparisons.sensitivity) < math.comb(len(compared), 2):
        return []
    at = {run: place for place, run in enumerate(compared)}
    below, above = (
        {
            (at[each.first], at[each.second]): Pair(
                each.difference, significant=each.is_significant(comparisons.alpha)
            )
            for each in metric
        }
        for metric in (comparisons.sensitivity, comparisons.specificity)
    )
    rows = [row for row in ranking.rows if row.run in at]
    names = short_names(rows, index)
    if len(rows) > MOST_NAMED:
        names = {row.run: str(row.rank) for row in rows}
    runs = [PairedRun(_cut(clean(row.run)), names[row.run], row.missed) for row in rows]
    different = [pair for pair, found in below.items() if found.significant]
    groups = group_alike(len(runs), different)
    significant = [sum(pair.significant for pair in metric.values()) for metric in (below, above)]
    said = (
        f"Significantly different are {significant[0]:,} of {len(below):,} pairs of runs in "
        f"sensitivity and {significant[1]:,} in specificity."
    )
    return [
        Chart(
            f"pairs{suffix}",
            "Differences of all pairs of runs",
            said,
            f"{said} {_MATRIX_KEY}{_NUMBERED if len(rows) > MOST_NAMED else _NAMED}",
            tuple(
                draw_pairs(runs, below, above, ("sensitivity", "specificity"), width)
                for width in WIDTHS
            ),
            _list_pairs(comparisons),
        ),
        Chart(
            f"critical-differences{suffix}",
            "Missed cases, and which runs are not significantly different",
            f"{plural(len(groups), 'group')} of neighbours in which no two runs are significantly "
            "different in sensitivity.",
            "A bar joins runs of which no two are significantly different in sensitivity: that is "
            "no evidence that they are equal.",
            tuple(draw_critical_differences(runs, different, width) for width in WIDTHS),
            _list_groups(runs, groups),
        ),
    ]


def _list_pairs(comparisons: RunComparisons) -> Values:
    """The pairs of both metrics, the run that is ranked higher first."""
    columns = ("metric", "run", "compared with", "difference", "adjusted p", "significant")
    rows = tuple(
        (
            each.metric, clean(each.first), clean(each.second), each.difference,
            each.adjusted_p_value, "yes" if each.is_significant(comparisons.alpha) else "no",
        )
        for each in (*comparisons.sensitivity, *comparisons.specificity)
    )  # fmt: skip
    return Values(columns, rows)


def _list_groups(runs: Sequence[PairedRun], groups: Sequence[tuple[int, int]]) -> Values:
    """Each run with the numbers of the groups that it belongs to."""
    rows = tuple(
        (
            run.name,
            run.missed,
            " ".join(str(n) for n, (low, high) in enumerate(groups, 1) if low <= at <= high),
        )
        for at, run in enumerate(runs)
    )
    return Values(("run", "missed", "groups"), rows)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
