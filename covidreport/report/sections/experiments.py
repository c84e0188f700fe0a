"""Experiments that two studies share, side by side: such as they were run, and corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from covidreport.records import (
    Comparison,
    ExperimentPair,
    PairedStudies,
    RankedRun,
    Ranking,
    ReportData,
)
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Difference,
    Items,
    Prose,
    PValue,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.charts.intervals import fit_domain
from covidreport.report.index import Index
from covidreport.report.tables import all_alike, count_cells
from covidreport.text import DASH, clean, exact, humanise, listed, plural, whole

MOST_NAMED = 4
REMARK = (
    "A difference is that of the second study less the first, on the same images: below 0 is "
    "worse. Its 95 % interval holds for the pair alone. P-values are adjusted over the "
    "experiments by Holm’s correction. A dash stands where scores of one run are not at hand."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no two studies share an experiment."""
    blocks = [block for each in data.paired_studies for block in _describe(each, data, index)]
    title = "Experiment by experiment"
    return (Section("experiments", title, tuple(blocks)),) if blocks else ()


def _describe(studies: PairedStudies, data: ReportData, index: Index) -> tuple[Block, ...]:
    return (
        Prose(_lead(studies, data, index), "lead"),
        *_list_changed(studies),
        _tabulate(studies, data.rankings[0], index),
        *_say_alone(studies),
        Prose(REMARK, "remark"),
    )


def _lead(studies: PairedStudies, data: ReportData, index: Index) -> str:
    """Which studies, which run is first in each, and how many experiments it changed."""
    ranked = {row.run: row for row in data.rankings[0].rows if row.rank is not None}
    words = (
        f"{plural(len(studies.pairs), 'experiment')} of {clean(studies.first)} beside "
        f"{'that' if len(studies.pairs) == 1 else 'those'} of {clean(studies.second)} with the "
        "same number. "
    )
    words += " ".join((
        _name_first(studies.first, [each.first for each in studies.pairs], ranked),
        _name_first(studies.second, [each.second for each in studies.pairs], ranked),
    ))  # fmt: skip
    both = [
        each.sensitivity for each in studies.pairs
        if each.sensitivity is not None and {each.first, each.second} <= ranked.keys()
    ]  # fmt: skip
    significant = [each for each in both if each.is_significant(0.05)]
    fewer = sum((each.difference or 0.0) > 0 for each in significant)
    if both:
        words += (
            f" Where both runs have a rank, {whole(fewer)} of {whole(len(both))} miss "
            f"significantly fewer {index.disease} images in the second study, and "
            f"{whole(len(significant) - fewer)} significantly more."
        )
    if len(both) < len(studies.pairs):
        words += (
            " Beside a run without a rank a difference tells of its threshold or its fit, and not "
            "which is better."
        )
    return words


def _name_first(study: str, runs: Sequence[str], ranked: Mapping[str, RankedRun]) -> str:
    """How many runs of a study have a rank, and which of them stands highest."""
    rows = [ranked[run] for run in runs if run in ranked]
    if not rows:
        return f"Of {clean(study)} no run has a rank."
    best = min(rows, key=lambda row: row.rank or 0)
    return (
        f"Of {clean(study)} {whole(len(rows))} of {plural(len(runs), 'run')} "
        f"{'has' if len(rows) == 1 else 'have'} a rank; first of them is {clean(best.run)}, with "
        f"{whole(best.missed)} missed and {plural(best.false_alarms, 'false alarm')}."
    )


def _list_changed(studies: PairedStudies) -> tuple[Block, ...]:
    """What was changed in all experiments, and what else in which of them."""
    by_change: dict[str, list[str]] = {}
    for each in studies.pairs:
        by_change.setdefault(_write_changed(each.changed), []).append(each.experiment)
    every = _write_changed(studies.changed) or "nothing"
    first = f"In every experiment: {every}."
    rest = [
        f"{'Besides' if studies.changed else 'Only'} in {_name(numbers)}: {words}."
        for words, numbers in by_change.items() if words
    ]  # fmt: skip
    return (Prose("What was changed", "lead"), Items((first, *rest)))


def _name(numbers: Sequence[str]) -> str:
    return f"{'experiment' if len(numbers) == 1 else 'experiments'} {listed(numbers)}"


def _write_changed(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return "; ".join(
        f"{humanise(key)} {_write(first)} → {_write(second)}"
        for key, (first, second) in changed.items()
    )


def _write(value: Any) -> str:
    if value is None:
        return "not stated"
    return exact(value) if value not in ([], ()) else "nothing"


def _tabulate(studies: PairedStudies, ranking: Ranking, index: Index) -> Table:
    """A row for each experiment: what was changed, both counts, and the differences."""
    runs = [each.first for each in studies.pairs], [each.second for each in studies.pairs]
    counts = [[index.counts(index.evaluation(run, ranking)) for run in of] for of in runs]
    alike = all_alike([one for of in counts for one in of])
    ranked = {row.run for row in ranking.rows if row.rank is not None}
    rows = []
    for pair, *of_pair in zip(studies.pairs, *counts, strict=True):
        cells: list[Cell] = [Text(f"No. {pair.experiment}", _say_unranked(pair, ranked))]
        for one in of_pair:
            missed, _, alarms = count_cells(one, alike=alike)
            cells += [missed, alarms]
        for found in (pair.sensitivity, pair.specificity):
            cells += _list_difference(found)
        rows.append(Row(tuple(cells)))
    caption = f"{clean(studies.first)} beside {clean(studies.second)}, for {index.disease}"
    first = counts[0][0]
    if alike and first is not None:
        caption += f": missed of {whole(first.positives)}, false alarms of {whole(first.negatives)}"
    return Table(caption, _list_columns(studies), tuple(rows), "pairs")


def _say_unranked(pair: ExperimentPair, ranked: Set[str]) -> str:
    """Which of the two runs have no rank, so that nobody takes their counts for good ones."""
    without = [name for name, run in (("first", pair.first), ("second", pair.second))
               if run not in ranked]  # fmt: skip
    return f"no rank: {'both' if len(without) == 2 else without[0]}" if without else ""


def _list_columns(studies: PairedStudies) -> tuple[Column, ...]:
    head = [Column("Experiment", kind="name")]
    for study in (studies.first, studies.second):
        head += [Column(title, clean(study), "count") for title in ("Missed", "False alarms")]
    for name, found in (
        ("sensitivity", [each.sensitivity for each in studies.pairs]),
        ("specificity", [each.specificity for each in studies.pairs]),
    ):
        ends = [end for one in found if one is not None
                for end in (one.difference, one.low, one.high)]  # fmt: skip
        head += [
            Column(f"Difference in {name}", "95 % CI", "figure", fit_domain(ends)),
            Column(
                "Adjusted p",
                name,
                "count",
                room="always" if name == "sensitivity" else "wide",
            ),
        ]
    return tuple(head)


def _list_difference(found: Comparison | None) -> list[Cell]:
    if found is None:
        return [Text(DASH), Text(DASH)]
    return [
        Difference(found.difference, found.low, found.high),
        PValue(found.adjusted_p_value),
    ]


def _say_alone(studies: PairedStudies) -> list[Prose]:
    """Runs that have no partner, so that nobody takes them for lost."""
    if not studies.alone:
        return []
    named = listed(list(map(clean, studies.alone)), MOST_NAMED)
    return [Prose(f"Without one run of the same number in the other study: {named}.", "remark")]
