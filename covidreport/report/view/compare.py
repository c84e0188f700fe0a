"""Two to four runs side by side: where their settings differ, and which cases tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import CaseTable, Comparison, ReportData, ReportedRun, RunComparisons
from covidreport.report.view.evaluation import metric_title
from covidreport.report.view.index import Index
from covidreport.report.view.records import Cell, Column, Fact, Row, Table
from covidreport.report.view.section_records import CompareView, PairView, RunChoice
from covidreport.report.view.settings import view_settings
from covidreport.report.view.tables import of_label
from covidreport.text import (
    DASH,
    clean,
    figure,
    p_value,
    plural,
    signed,
    whole,
)

PAIRS_NOTE = (
    "The first run minus the second, on the same images. Each 95 % interval holds for its pair "
    "alone; the adjusted p-value counts in that all pairs were looked at, and for sensitivity and "
    "specificity comes from an exact test, which the interval does not: the p-value decides."
)
NO_PAIR = (
    "These two runs were not compared with each other: of very many runs, or where a baseline was "
    "named, only some pairs are, and runs that were evaluated on other images never."
)
COUNTS_ONLY = (
    "Whether two runs differ by more than chance takes their answers to the same images; here are "
    "counts alone."
)
NONE_RANKED = (
    "No two runs here have a rank on the same images, so none was compared with another: whether "
    "two differ by more than chance takes their answers to the same images."
)
_NOT_COMPARED = frozenset({"Versions", "Input of the model", "Published", "Export"})
"""Groups of settings that say where a run comes from rather than how it was made."""
_LABELS = frozenset({"experiment", "block", "in report", "git revision"})
"""What a run goes by, of what stands alone in its run.json: its own section says it."""


def view_compare(data: ReportData, index: Index) -> CompareView | None:
    """The section; None where fewer than two runs have figures."""
    shown = [each for each in index.runs if each.evaluation is not None]
    if len(shown) < 2:
        return None
    comparisons = data.rankings[0].comparisons if data.rankings else None
    choices = tuple(_choose(each, index, comparisons) for each in shown)
    places = {each.run.name: place for place, each in enumerate(shown)}
    pairs = _list_pairs(comparisons, places)
    first, second = choices[:2]
    return CompareView(
        lead=f"The first two of {plural(len(choices), 'run')} in the order of the ranking.",
        runs=choices,
        figures=_figures_table(first, second),
        pairs=pairs,
        pairs_note=PAIRS_NOTE,
        no_pair=_explain_no_pair(comparisons, shown),
        settings=_settings_table(first, second),
        settings_note="What the two have in common is left out.",
        differences=_differences_table(pairs, first, second),
        cases=_cases_table(data.cases, shown[0], shown[1]),
    )


def _explain_no_pair(comparisons: RunComparisons | None, shown: Sequence[ReportedRun]) -> str:
    if comparisons is None and any(
        each.evaluation and each.evaluation.has_scores for each in shown
    ):
        return NONE_RANKED
    return NO_PAIR if _has_answers(comparisons) else COUNTS_ONLY


def _has_answers(comparisons: RunComparisons | None) -> bool:
    return comparisons is not None and comparisons.basis != "counts"


def _choose(reported: ReportedRun, index: Index, comparisons: RunComparisons | None) -> RunChoice:
    counts = index.counts(reported.evaluation)
    facts = [Fact("Rank", index.rank(reported.run.name))]
    if counts is not None:
        facts += [
            Fact("Missed", f"{whole(counts.missed)} of {whole(counts.positives)}"),
            Fact("False alarms", f"{whole(counts.false_alarms)} of {whole(counts.negatives)}"),
        ]
    for key in ("sensitivity", "specificity"):
        shown = figure(of_label(reported.evaluation, index.target, key))
        note = shown.interval or shown.mark
        interval = f" ({note})" if note else ""
        facts.append(Fact(metric_title(key), f"{shown.value}{interval}"))
    settings = [
        Fact(_name_setting(group.title, fact.name), fact.value)
        for group in view_settings(reported.run)
        if group.title not in _NOT_COMPARED
        for fact in group.facts
        if group.title != "Run" or fact.name not in _LABELS
    ]
    name = reported.run.name
    row = index.ranked.get(name)
    ranked = row is not None and row.rank is not None
    alone = f"{clean(name)} is not ranked and is compared with none."
    return RunChoice(
        index.key(name), index.anchors[name], clean(name), tuple(facts), tuple(settings),
        "" if ranked or not _has_answers(comparisons) else alone,
    )  # fmt: skip


def _name_setting(group: str, name: str) -> str:
    return name if group in ("Run", "Hyperparameters") else f"{group}: {name}"


def _list_pairs(comparisons: RunComparisons | None, places: dict[str, int]) -> tuple[PairView, ...]:
    if comparisons is None or comparisons.basis == "counts":
        return ()
    found: dict[tuple[int, int], list[tuple[str, str, str, str]]] = {}
    for each in (*comparisons.sensitivity, *comparisons.specificity, *comparisons.roc_auc):
        if each.first in places and each.second in places:
            pair = (places[each.first], places[each.second])
            found.setdefault(pair, []).append(_figures(each))
    return tuple(PairView(*pair, tuple(figures)) for pair, figures in found.items())


def _figures(each: Comparison) -> tuple[str, str, str, str]:
    interval = ""
    if each.low is not None and each.high is not None:
        interval = f"{signed(each.low)} to {signed(each.high)}"
    return (
        metric_title(each.metric), signed(each.difference), interval,
        p_value(each.adjusted_p_value),
    )  # fmt: skip


def _figures_table(first: RunChoice, second: RunChoice) -> Table:
    theirs = {fact.name: fact.value for fact in second.facts}
    rows = tuple(
        Row((Cell(fact.name, kind="name"), Cell(fact.value), Cell(theirs.get(fact.name, DASH))))
        for fact in first.facts
    )
    head = (Column("Figure", kind="name"), Column(first.name), Column(second.name))
    return Table("Figures", head, rows)


def _settings_table(first: RunChoice, second: RunChoice) -> Table:
    ours, theirs = ({fact.name: fact.value for fact in run.settings} for run in (first, second))
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    rows = tuple(
        Row((Cell(name, kind="name"), Cell(ours.get(name, DASH)), Cell(theirs.get(name, DASH))))
        for name in names
    )
    head = (Column("Setting", kind="name"), Column(first.name), Column(second.name))
    return Table("Settings that differ", head, rows)


def _differences_table(
    pairs: Sequence[PairView], first: RunChoice, second: RunChoice
) -> Table | None:
    pair = next((each for each in pairs if {each.first, each.second} == {0, 1}), None)
    if pair is None:
        return None
    rows = tuple(
        Row(
            (
                Cell(name, kind="name"),
                Cell(value, interval, kind="figure"),
                Cell(p, kind="count"),
            )
        )
        for name, value, interval, p in pair.figures
    )
    names = (first.name, second.name) if pair.first == 0 else (second.name, first.name)
    head = (
        Column("Figure", kind="name"), Column("Difference", "95 % CI", "figure"),
        Column("Adjusted p", kind="count"),
    )  # fmt: skip
    return Table(f"{names[0]} minus {names[1]}", head, rows)


def _cases_table(cases: CaseTable | None, first: ReportedRun, second: ReportedRun) -> Table | None:
    """What one of two runs found and the other missed, by the names of the cases."""
    names = (first.run.name, second.run.name)
    if cases is None or not set(names) <= set(cases.runs):
        return None
    rows = []
    for finder, misser in (names, names[::-1]):
        found, missed = cases.runs.index(finder), cases.runs.index(misser)
        told = [
            clean(case.name)
            for case in cases.positives
            if case.answers[found] == "yes" and case.answers[missed] != "yes"
        ]
        rows.append(
            Row(
                (
                    Cell(f"{clean(finder)} found, {clean(misser)} missed", kind="name"),
                    Cell(whole(len(told)), kind="count"),
                    Cell(", ".join(told) or DASH, kind="code"),
                )
            )
        )  # fmt: skip
    head = (Column("Cases", kind="name"), Column("How many", kind="count"), Column("Which"))
    return Table("Cases that one found and the other missed", head, tuple(rows))
