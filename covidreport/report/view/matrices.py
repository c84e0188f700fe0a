"""Every run's confusion matrices under one head, as a study lays them out."""

from __future__ import annotations

from covidreport.records import Evaluation, ReportData
from covidreport.report.index import Index
from covidreport.report.view.evaluation import view_matrix
from covidreport.report.view.names import name_cell
from covidreport.report.view.records import Cell, Column, Matrix, Row, Table
from covidreport.report.view.section_records import (
    MatricesView,
    MatrixColumn,
    MatrixRun,
    MatrixSplit,
)
from covidreport.text import DASH, clean, label_name, plural, titled

MOST_OPEN = 24
"""Runs whose matrices stand on the page at once; of more the rest is folded."""
NOTE = (
    "Rows are what an image is, columns what a run said of it. By each count stands its share of "
    "the row, which is the depth of its shade: blue is right, orange is wrong. Bold are the "
    "missed cases by which runs are ranked."
)
PLAIN_NOTE = (
    "Rows are what an image is, columns what a run said of it. In brackets stands each count’s "
    "share of its row."
)


def view_matrices(data: ReportData, index: Index) -> MatricesView | None:
    """The table; None where no run has counts. The ranked split first, labels in their order."""
    evaluations = {
        reported.run.name: {one.split: one for one in reported.usual} for reported in index.runs
    }
    first = [one.split for placed in evaluations.values() for one in placed.values()]
    splits = sorted(dict.fromkeys(first), key=lambda split: split != data.split)
    labels = {
        split: list(
            dict.fromkeys(
                label
                for placed in evaluations.values()
                if split in placed
                for label in placed[split].counts
            )
        )
        for split in splits
    }
    columns = [(split, label) for split in splits for label in labels[split]]
    if not columns:
        return None
    failed = any(
        counts.failed_positive + counts.failed_negative
        for placed in evaluations.values()
        for one in placed.values()
        for counts in one.counts.values()
    )
    runs = []
    for reported in index.runs:
        placed = evaluations[reported.run.name]
        if not placed:
            continue
        found = [_matrix(placed, split, label, index, failed=failed) for split, label in columns]
        runs.append(
            MatrixRun(
                key=index.key(reported.run.name),
                name=name_cell(index, reported.run.name),
                badge=index.rank(reported.run.name),
                no=tuple(None if one is None else one.rows[0][1] for one in found),
                yes=tuple(None if one is None else one.rows[1][1] for one in found),
            )
        )
    caption = f"Confusion matrices of {plural(len(runs), 'run')}"
    predicted = ("no", "yes", "not scored") if failed else ("no", "yes")
    heads = [
        Column(f"{label_name(label)}, {_name_answer(answer)}", f"{clean(split)} split", "count")
        for split, label in columns
        for answer in predicted
    ]
    return MatricesView(
        caption=caption,
        splits=tuple(
            MatrixSplit(
                f"{titled(clean(split))} split",
                tuple(MatrixColumn(label_name(n), n == index.target) for n in labels[split]),
            )
            for split in splits
        ),
        targets=tuple(label == index.target and split == data.split for split, label in columns),
        predicted=predicted,
        runs=tuple(runs[:MOST_OPEN]),
        folded=tuple(runs[MOST_OPEN:]),
        fold_title=f"The matrices of {plural(len(runs) - MOST_OPEN, 'more run')}",
        note=NOTE,
        plain=Table(
            caption,
            (Column("Run", kind="name"), Column("Actual"), *heads),
            tuple(row for run in runs for row in _plain_rows(run, len(predicted))),
        ),
        plain_note=PLAIN_NOTE,
    )


def _name_answer(answer: str) -> str:
    return answer if answer == "not scored" else f"predicted {answer}"


def _plain_rows(run: MatrixRun, width: int) -> tuple[Row, Row]:
    """A run's two rows, a cell for each answer under each label of each split."""
    name = Cell(run.name.text, f"rank {run.badge}", kind="name")
    rows = []
    for actual, matrices in (("no", run.no), ("yes", run.yes)):
        cells = [name, Cell(actual)]
        for found in matrices:
            if found is None:
                cells += [Cell(DASH, kind="count")] * width
            else:
                cells += [Cell(cell.text, cell.share, kind="count") for cell in found]
        rows.append(Row(tuple(cells)))
    return rows[0], rows[1]


def _matrix(
    placed: dict[str, Evaluation], split: str, label: str, index: Index, *, failed: bool
) -> Matrix | None:
    one = placed.get(split)
    counts = None if one is None else one.counts.get(label)
    if counts is None:
        return None
    return view_matrix(label, counts, target=label == index.target, failed=failed)
