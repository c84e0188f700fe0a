"""Whether the best run is a brittle one: what it loses on pictures that were changed a little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from covidreport.compare.bounds import ALPHA
from covidreport.records import (
    DISTURBANCES,
    Comparison,
    Disturbance,
    DisturbedRun,
    Finding,
    ReportData,
)
from covidreport.text import decimal, format_p, label_name, listed, signed

CODE: Final = "best-run-brittle"
MOST_NAMED: Final = 4
"""Of the kinds that a run loses by, so many have their figures in the evidence."""


def audit_disturbed(data: ReportData) -> tuple[Finding, ...]:
    """The best runs whose sensitivity falls by more than the margin, and more than chance, on
    changed pictures; or whose false alarms rise so.

    More than chance: the exact test of pairs against the same pictures as they are, by Holm over
    all changes of the run, at most 0.05. Of a kind the lowest such severity is named, and where
    every ranked run misses every case there.
    """
    ranks = {row.run: row.rank for row in data.rankings[0].rows} if data.rankings else {}
    ranked = [each for each in data.disturbed if ranks.get(each.run) is not None]
    hopeless = list_hopeless(ranked) if len(ranked) > 1 else ()
    found = (_judge(each, data.target, hopeless) for each in ranked if ranks[each.run] == 1)
    return tuple(finding for finding in found if finding is not None)


def list_losses(run: DisturbedRun) -> list[tuple[str, int, Comparison]]:
    """By kind the lowest severity at which a run's sensitivity, or else its specificity, loses more
    than the margin and more than chance."""
    found = []
    for kind, graded in DISTURBANCES.items():
        for truth in (run.positives, run.negatives):
            of = [
                (severity, each)
                for severity in range(1, len(graded.strengths) + 1)
                if (each := truth.find(Disturbance(kind, severity).name)) is not None
                and (each.difference or 0.0) < -run.margin
                and each.is_significant(ALPHA)
            ]
            found += [(kind, *of[0])] if of else []
    return found


def _judge(run: DisturbedRun, target: str, hopeless: Sequence[str]) -> Finding | None:
    losses = list_losses(run)
    if not losses:
        return None
    kinds: dict[str, str] = {}
    for kind, severity, each in losses:
        kinds.setdefault(kind, _count(kind, severity, each, run, hopeless))
    rest = len(losses) - MOST_NAMED
    tests = listed(list(dict.fromkeys(name_test(each) for *_, each in losses)), last="or")
    shown = "; ".join(_show(*each, run) for each in losses[:MOST_NAMED])
    return Finding(
        "warning",
        CODE,
        f"The best run, {run.run}, errs more for {label_name(target)} when pictures are "
        f"changed: {listed(list(kinds.values()))}",
        f"{shown}{f'; and {rest} more' if rest > 0 else ''}. Each against the same pictures as "
        f"they are by {tests}, by Holm over {len(run.changes)} changes; a loss "
        f"of more than {decimal(run.margin)}.",
        "See in the section on changed pictures which run misses the fewest there, train with such "
        "changes, or let no such picture reach the model.",
        (run.run,),
    )


def _count(
    kind: str, severity: int, each: Comparison, run: DisturbedRun, hopeless: Sequence[str]
) -> str:
    """`shift at severity 4 (29 of 29 missed, as by every run)`, the lowest that loses so much."""
    sensitivity = each.metric == "sensitivity"
    of = run.positives if sensitivity else run.negatives
    name = Disturbance(kind, severity).name
    wrong = of.count_wrong(name)
    words = "missed" if sensitivity else "false alarms"
    if sensitivity and name in hopeless:
        words += ", as by every run"
    graded = len(DISTURBANCES[kind].strengths) > 1
    at = f" at severity {severity}" if graded else ""
    return f"{DISTURBANCES[kind].words}{at} ({wrong} of {of.images} {words})"


def _show(kind: str, severity: int, each: Comparison, run: DisturbedRun) -> str:
    of = run.positives if each.metric == "sensitivity" else run.negatives
    newly = "newly missed" if each.metric == "sensitivity" else "new false alarms"
    graded = len(DISTURBANCES[kind].strengths) > 1
    return (
        f"{DISTURBANCES[kind].title}{f' {severity}' if graded else ''}: {each.only_first} of "
        f"{of.images} {newly}, {each.metric} {signed(each.difference)}, adjusted "
        f"{format_p(each.adjusted_p_value)}"
    )


def name_test(found: Comparison) -> str:
    """What compared changed pictures with those as they are."""
    over_patients = "the sign-flip test, each patient's images kept together"
    return "McNemar's exact test" if found.test == "mcnemar-exact" else over_patients


def list_hopeless(runs: Sequence[DisturbedRun]) -> tuple[str, ...]:
    """The changes under which every run misses every case: there nobody is first."""
    return tuple(
        name
        for name in (runs[0].changes if runs else ())
        if all(each.positives.count_wrong(name) == each.positives.images for each in runs)
    )


def count_kept_first(runs: Sequence[DisturbedRun], best: Sequence[str]) -> dict[str, bool]:
    """Of each change whether one of the best runs still misses the fewest, of equally many with
    the fewest false alarms. Changes under which every run misses every case are left out."""
    kept = {}
    hopeless = list_hopeless(runs)
    for name in (each for each in (runs[0].changes if runs else ()) if each not in hopeless):
        counts = {
            each.run: (each.positives.count_wrong(name), each.negatives.count_wrong(name))
            for each in runs
        }
        known = {run: pair for run, pair in counts.items() if None not in pair}
        if known:
            fewest = min(known.values())
            kept[name] = any(known.get(run) == fewest for run in best)
    return kept
