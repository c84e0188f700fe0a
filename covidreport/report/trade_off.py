"""The picture of a ranking: missed cases against false alarms, and its words."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import (
    Counts,
    Estimate,
    Evaluation,
    RankedRun,
    Ranking,
    ReaderStudy,
)
from covidreport.report.charts.scatter import PointKind, ScatterPoint
from covidreport.report.index import Index
from covidreport.report.reader_points import name_average
from covidreport.report.tables import of_label
from covidreport.text import clean, decimal, plural

_WIDE, _NARROW, _NARROW_OF_MANY = (760, 360), (340, 320), (340, 440)
_MANY = 8
_ALL_LABELLED = 40
_FIRST_LABELLED = 12
_Reach = tuple[float, float, float, float]


def fit_sizes(points: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height of the picture on a wide and on a narrow page, which is higher for many
    points, so that their labels have room."""
    return _WIDE, _NARROW_OF_MANY if points > _MANY else _NARROW


def list_points(ranking: Ranking, index: Index) -> tuple[ScatterPoint, ...]:
    """The runs that have counts, best first, under numbers that the table has too."""
    points: list[ScatterPoint] = []
    rows = [row for row in ranking.rows if row.counted]
    names = short_names(rows, index)
    for place, row in enumerate(rows):
        kind: PointKind = "unranked" if row.rank is None else "best" if row.rank == 1 else "ranked"
        title = (
            f"{clean(row.run)}: {plural(row.missed, 'missed case', 'missed cases')}, "
            f"{plural(row.false_alarms, 'false alarm')}"
        )
        labelled = place < count_labels(len(rows))
        reach = _reach(index.evaluation(row.run, ranking), index.target) if labelled else None
        found = index.find(row.run)
        point = ScatterPoint(
            row.false_alarms, row.missed, names[row.run], title, kind, reach,
            reader=found is not None and found.run.is_reader,
        )  # fmt: skip
        points.append(point)
    return tuple(points)


def find_average(study: ReaderStudy, counts: Counts | None) -> ScatterPoint | None:
    """The readers' average as missed cases and false alarms of as many images; None of one reader,
    and where there are no rates."""
    found, cleared = study.sensitivity, study.specificity
    if counts is None or len(study.readers) < 2 or found.value is None or cleared.value is None:
        return None
    missed, alarms = counts.positives * (1 - found.value), counts.negatives * (1 - cleared.value)
    title = (
        f"{name_average(study)}: {decimal(missed, 1)} missed cases, "
        f"{decimal(alarms, 1)} false alarms"
    )
    reach = _count_ends(cleared, found, counts)
    return ScatterPoint(alarms, missed, "average", title, "average", reach, reader=True)


def _reach(evaluation: Evaluation | None, target: str) -> _Reach | None:
    counts = None if evaluation is None else evaluation.counts.get(target)
    if counts is None:
        return None
    cleared, found = (of_label(evaluation, target, name) for name in ("specificity", "sensitivity"))
    return _count_ends(cleared, found, counts)


def _count_ends(
    specificity: Estimate | None, sensitivity: Estimate | None, counts: Counts
) -> _Reach | None:
    """The intervals of both rates as counts of false alarms and missed cases."""
    ends: list[float] = []
    for estimate, of in ((specificity, counts.negatives), (sensitivity, counts.positives)):
        if estimate is None or estimate.low is None or estimate.high is None:
            return None
        ends += [of * (1 - estimate.high), of * (1 - estimate.low)]
    return ends[0], ends[1], ends[2], ends[3]


def _experiments(rows: Sequence[RankedRun], index: Index) -> dict[str, str] | None:
    """The experiments' own numbers; None unless every run has one of its own."""
    found = {row.run: index.find(row.run) for row in rows}
    numbers = {
        name: one.run.experiment for name, one in found.items() if one and one.run.experiment
    }
    if len(numbers) < len(rows) or len(set(numbers.values())) < len(rows):
        return None
    return {name: clean(number) for name, number in numbers.items() if number}


def short_names(rows: Sequence[RankedRun], index: Index) -> dict[str, str]:
    """What stands beside a dot: the experiment's number, else the rank, else a cut name."""
    numbers = _experiments(rows, index)
    if numbers is not None and max(map(len, numbers.values()), default=0) <= 4:
        return numbers
    return {row.run: _cut(clean(row.run)) if row.rank is None else str(row.rank) for row in rows}


def _cut(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def count_labels(points: int) -> int:
    """How many dots are labelled: all of a few, the first of many."""
    return points if points <= _ALL_LABELLED else _FIRST_LABELLED


def describe_scatter(ranking: Ranking, index: Index, points: Sequence[ScatterPoint] = ()) -> str:
    """How to read the picture of these points."""
    rows = [row for row in ranking.rows if row.counted]
    by_number = _experiments(rows, index) == short_names(rows, index)
    numbers = "the number of its experiment" if by_number else "its rank"
    cross = "Its cross shows"
    if count_labels(len(rows)) < len(rows):
        cross = "The cross of one with a label shows"
    sentences = [
        f"Each dot is a run, under {numbers}; further down it misses fewer, further left it raises "
        f"fewer false alarms. {cross} both 95 % intervals; an arrow leads beyond the axes.",
        "The line runs along the ranked runs that no other one beats on both counts.",
    ]
    if any(row.rank is None for row in rows):
        sentences.append(
            "Hollow dots are runs that are not ranked; far out they stand at the edge."
        )
    if any(point.reader for point in points):
        average = any(point.kind == "average" for point in points)
        filled = ", the filled one is their average" if average else ""
        sentences.append(f"Open diamonds are radiologists{filled}.")
    if count_labels(len(rows)) < len(rows):
        sentences.append(f"Labelled are the first {_FIRST_LABELLED}.")
    return " ".join(sentences)
