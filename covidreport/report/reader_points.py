"""Where radiologists and their average stand in the charts of runs."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import Counts, Estimate, ReaderStudy, ReportData
from covidreport.report.charts.lines import Mark
from covidreport.report.index import Index
from covidreport.text import clean, decimal, listed, plural, whole

READER, AVERAGE = "Open diamond: a radiologist’s calls.", "Filled: their average"


def mark_readers(data: ReportData, index: Index) -> tuple[Mark, ...]:
    """Each reader of the first ranking at the calls, the best first, then their average.

    Of readers who stand at one place each says who else does.
    """
    study = data.readers
    if study is None:
        return ()
    counted = [(name, _count(name, index)) for name in study.readers]
    drawn = [(name, of) for name, of in counted if of and of.positives and of.negatives]
    at = {name: (of.false_alarms / of.negatives, of.tp / of.positives) for name, of in drawn}
    marks = []
    for name, of in drawn:
        others = [clean(each) for each, place in at.items() if place == at[name] and each != name]
        too = f"; the same: {listed(others)}" if others else ""
        marks.append(Mark(*at[name], clean(name), f"{_say_counts(of)}{too}"))
    average = _mark_average(study)
    return (*marks, *([] if average is None else [average]))


def _count(name: str, index: Index) -> Counts | None:
    found = index.find(name)
    return None if found is None else index.counts(found.evaluation)


def _say_counts(of: Counts) -> str:
    cleared = of.negatives - of.false_alarms
    return (
        f"sensitivity {decimal(of.tp / of.positives)} "
        f"({whole(of.tp)} of {whole(of.positives)}), "
        f"specificity {decimal(cleared / of.negatives)} "
        f"({whole(cleared)} of {whole(of.negatives)})"
    )


def _mark_average(study: ReaderStudy) -> Mark | None:
    """None of one reader, who is that himself, and where there are no rates."""
    found, cleared = study.sensitivity, study.specificity
    if len(study.readers) < 2 or found.value is None or cleared.value is None:
        return None
    x, y = 1 - cleared.value, found.value
    spans = []
    if cleared.low is not None and cleared.high is not None:
        spans.append(((1 - cleared.high, y), (1 - cleared.low, y)))
    if found.low is not None and found.high is not None:
        spans.append(((x, found.low), (x, found.high)))
    words = f"sensitivity {_say_rate(found)}, specificity {_say_rate(cleared)}"
    return Mark(x, y, name_average(study), words, tuple(spans), average=True)


def name_average(study: ReaderStudy) -> str:
    """What the average is called in charts and their values."""
    return f"average of {plural(len(study.readers), 'reader')}"


def _say_rate(rate: Estimate) -> str:
    if rate.low is None or rate.high is None:
        return decimal(rate.value)
    return f"{decimal(rate.value)} (95 % CI {decimal(rate.low)} to {decimal(rate.high)})"


def explain_marks(marks: Sequence[Mark]) -> str:
    """How they are told from runs; empty where there are none."""
    averages = [each for each in marks if each.average]
    if not averages:
        return READER if marks else ""
    return f"{READER} {AVERAGE}{', with its 95 % intervals' if averages[0].spans else ''}."


def describe_marks(marks: Sequence[Mark]) -> str:
    """The average in words, or the only reader; empty where there are none."""
    if not marks:
        return ""
    said = marks[-1]
    return f"{f'The {said.name}' if said.average else said.name}: {said.words}."
