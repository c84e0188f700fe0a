"""What each run misses at the same specificity, which its threshold does not decide."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.compare.same_specificity import count_alarms, count_missed, describe_lead
from covidreport.records import RankedRun, Ranking, ReportData, SameSpecificity
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Count,
    Difference,
    Group,
    Number,
    Prose,
    PValue,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.charts.intervals import fit_domain
from covidreport.report.index import Index
from covidreport.text import DASH, clean, exact, listed, plural, whole

LEAD = (
    "A rank is an order at the thresholds that runs were evaluated at. A run that calls more "
    "images positive misses fewer, whichever is the better model. Here each run is read off its "
    "ROC curve at one specificity for all. What counts is the fewest cases that it misses with no "
    "more false alarms than stated. These are points of curves and no thresholds to use; they "
    "change no rank."
)
GIST = "What each run misses where all raise as few false alarms"


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A section for each ranking whose runs have scores."""
    sections = (_build(ranking, place, index) for place, ranking in enumerate(data.rankings))
    return tuple(section for section in sections if section is not None)


def _build(ranking: Ranking, place: int, index: Index) -> Section | None:
    comparisons = ranking.comparisons
    if comparisons is None or not comparisons.same_specificity:
        return None
    first, *others = comparisons.same_specificity
    said = describe_lead(ranking)
    if not said:
        alarms = plural(first.false_alarms, "false alarm")
        said = f"With at most {alarms} each, no run misses fewer cases than {ranking.rows[0].run}"
    suffix, number = ("", "") if place == 0 else (f"-{place + 1}", f", ranking {place + 1}")
    blocks: list[Block] = [
        Prose(LEAD, "lead"),
        Prose(f"{clean(said)}.{_say_changed(others, ranking)}", "lead"),
        _table(first, ranking, index),
        *(Group((_table(each, ranking, index),), _title(each), state="folded") for each in others),
        Prose(_explain(first), "remark"),
    ]
    return Section(
        f"specificity{suffix}", f"At the same specificity{number}", tuple(blocks), "appendix", GIST
    )


def _say_changed(others: Sequence[SameSpecificity], ranking: Ranking) -> str:
    """At which other specificities another run misses fewer than the best one."""
    best = ranking.rows[0].run
    changed = []
    for at in others:
        own = count_missed(at, best)
        missed = [count_missed(at, row.run) for row in ranking.rows if row.rank is not None]
        if own is not None and any(each is not None and each < own for each in missed):
            changed.append(exact(at.specificity))
    if not changed:
        return ""
    which = "a specificity" if len(changed) == 1 else "specificities"
    return f" At {which} of {listed(changed)} another run misses fewer."


def _title(at: SameSpecificity) -> str:
    if at.run is not None:
        return f"At the specificity of the baseline {clean(at.run)}"
    return f"At a specificity of {exact(at.specificity)}"


def _table(at: SameSpecificity, ranking: Ranking, index: Index) -> Table:
    comparisons = ranking.comparisons
    assert comparisons is not None
    rows = [row for row in ranking.rows if row.rank is not None]
    ends = (end for each in at.comparisons for end in (each.difference, each.low, each.high))
    head = (
        Column("Run", kind="name"),
        Column("As ranked", "missed; false alarms", "count"),
        Column("Missed", f"of {whole(comparisons.positives)}", "missed"),
        Column("False alarms", f"of {whole(comparisons.negatives)}", "count"),
        Column("Specificity", "reached", "figure", falls=True),
        Column("Sensitivity", "95 % CI", "figure", (0.0, 1.0), falls=True),
        Column("Difference", "95 % CI", "figure", fit_domain(ends)),
        Column("Adjusted p", "unadjusted", "count"),
    )  # fmt: skip
    body = tuple(Row(_cells(at, row, comparisons.alpha, index), best=row.rank == 1) for row in rows)
    caption = f"With at most {plural(at.false_alarms, 'false alarm')} each: "
    if at.run is None:
        caption += f"a specificity of {exact(at.specificity)}"
    else:
        kind = "the baseline" if at.run != ranking.rows[0].run else "the best run"
        caption += f"as many as {clean(at.run)}, {kind}, has as ranked"
    planned = comparisons.planned and at.reference == comparisons.baseline
    minus = "this run minus the baseline" if planned else "the best minus this run"
    caption += f"; difference in sensitivity, {minus}"
    return Table(caption, head, body, "pairs")


def _cells(at: SameSpecificity, row: RankedRun, alpha: float, index: Index) -> tuple[Cell, ...]:
    each, pair = at.find(row.run), at.compare(row.run)
    ranked = Text(f"{row.missed:,}; {row.false_alarms:,}", sort=row.missed)
    missed = count_missed(at, row.run)
    if each is None or missed is None:
        return (index.link(row.run), ranked, *(Text(DASH) for _ in range(6)))
    reached = each.specificity
    cells: tuple[Cell, ...] = (
        index.link(row.run),
        ranked,
        Count(missed, each.sensitivity.denominator, told=True),
        Count(count_alarms(each), reached.denominator, told=True),
        Number(reached.value),
        Rate(each.sensitivity, evidence=True),
    )
    if pair is None:
        return (*cells, Text(DASH), Text(DASH))
    p = pair.adjusted_p_value
    return (
        *cells,
        Difference(pair.difference, pair.low, pair.high),
        PValue(p, significant=pair.is_significant(alpha), unadjusted=pair.p_value),
    )


def _explain(first: SameSpecificity) -> str:
    return (
        "Equal scores are called together, nothing is interpolated, and an image that could not be "
        "scored is wrong at any threshold. A threshold that reaches the specificity is the best "
        "one for these very images, which flatters every run alike. Intervals and tests fit it "
        f"anew in each of {first.resamples:,} resamples of patients (or images). A run’s own false "
        "alarms are counted anew there, too. p of the best run’s pairs is adjusted for all "
        "pairs of runs, since the best was picked from the data. No threshold stands here: one "
        "that is to be used is tuned on other images (`covidreport tune`)."
    )
