"""Radiologists who read the same images: their average, and each run beside it."""

from __future__ import annotations

from covidreport.records import Estimate, ReaderStudy, ReportData
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Difference,
    Number,
    Prose,
    PValue,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.report.tables import of_label
from covidreport.text import clean, decimal, listed, plural


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no reader is among the runs of the first ranking."""
    study = data.readers
    if study is None:
        return ()
    blocks: tuple[Block, ...] = (
        Prose(_lead(study), "lead"),
        *([_tabulate_runs(study, index)] if study.runs else []),
        _tabulate_readers(study, index),
        Prose(_remark(study), "remark"),
    )
    return (Section("readers", "Beside radiologists", blocks),)


def _lead(study: ReaderStudy) -> str:
    average = study.average
    said = "" if average.value is None else f" Their average ROC AUC is {decimal(average.value)}"
    if average.low is not None and average.high is not None:
        said += f" (95 % CI {decimal(average.low)} to {decimal(average.high)})"
    count = plural(len(study.readers), "radiologist")
    return f"{count} read these images, and stand in the ranking by their calls.{said}."


def _tabulate_runs(study: ReaderStudy, index: Index) -> Table:
    head = (
        Column("Run", kind="name"), Column("ROC AUC", "95 % CI", "figure"),
        Column("Less the average reader", "95 % CI", "figure"), Column("p", "average", "figure"),
        Column("Less the best reader", "95 % CI", "figure"), Column("p", "best", "figure"),
    )  # fmt: skip
    rows = []
    for each in study.runs:
        average, best = each.average, each.best
        cells: tuple[Cell, ...] = (
            index.link(each.run),
            Rate(each.roc_auc),
            Difference(average.value, average.low, average.high),
            PValue(each.average_p),
            Difference(best.value, best.low, best.high),
            PValue(each.best_p),
        )
        rows.append(Row(cells))
    return Table(f"{index.disease}: ROC AUC of runs beside that of readers", head, tuple(rows))


def _tabulate_readers(study: ReaderStudy, index: Index) -> Table:
    head = (
        Column("Reader", kind="name"),
        Column("ROC AUC", "95 % CI", "figure"),
        Column("Sensitivity", "95 % CI", "figure"),
        Column("Specificity", "95 % CI", "figure"),
    )
    rows = []
    for name, auc in zip(study.readers, study.roc_aucs, strict=True):
        found = index.find(name)
        evaluation = None if found is None else found.evaluation
        rates = (of_label(evaluation, index.target, key) for key in ("sensitivity", "specificity"))
        rows.append(Row((index.link(name), Rate(auc), *map(Rate, rates))))
    averages = (
        Rate(each, note="no interval" if name in _list_without(study) else "")
        for name, each in _list_averages(study).items()
    )
    rows.append(Row((Text("Average"), *averages)))
    return Table("Each reader, and the readers’ average", head, tuple(rows))


def _list_averages(study: ReaderStudy) -> dict[str, Estimate]:
    """The readers' averages in the order of the columns."""
    return {
        "ROC AUC": study.average,
        "sensitivity": study.sensitivity,
        "specificity": study.specificity,
    }


def _list_without(study: ReaderStudy) -> list[str]:
    """Those that have no interval."""
    return [name for name, each in _list_averages(study).items()
            if each.value is not None and each.low is None]  # fmt: skip


def _remark(study: ReaderStudy) -> tuple[Cell, ...]:
    best = clean(study.readers[0])
    words = (
        f"The best reader, {best}, was picked from these images, which flatters the pick. "
        "P-values are corrected for the number of runs by Holm’s method."
    )
    without = _list_without(study)
    if without:
        words += (
            f" The average {listed(without)} {'has' if len(without) == 1 else 'have'} no interval: "
            "that takes two readers or more who differ in it."
        )
    if study.freedom is None or study.error is None:
        return (words,)
    pieces: list[Cell] = [
        f"{words} Intervals of the average are for other readers and other images. The standard "
        "error of the ROC AUC is ",
        Number(study.error),
        " by Obuchowski and Rockette, with ",
        Number(study.freedom, 1),
        " degrees of freedom",
    ]
    if study.one_shot_error is not None:
        pieces += [", and ", Number(study.one_shot_error), " by Gallas’ one-shot estimate"]
    if any("approximate" in (each.method or "") for each in (study.sensitivity, study.specificity)):
        pieces.append(
            ". Of so few readers the intervals of sensitivity and specificity are approximate"
        )
    return (*pieces, ".")
