"""The records of the section of confusion matrices."""

from __future__ import annotations

from dataclasses import dataclass

from covidreport.report.view.records import Cell, MatrixCell, Table


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """A label of a split in the table of matrices."""

    label: str
    target: bool


@dataclass(frozen=True, slots=True)
class MatrixSplit:
    """A split in the table of matrices, with its labels."""

    title: str
    labels: tuple[MatrixColumn, ...]


@dataclass(frozen=True, slots=True)
class MatrixRun:
    """A run's two rows: images without the label and with it; None where nothing was counted."""

    key: str
    """Its place among the runs of the report, from 1, by which the page's parts find it."""
    name: Cell
    badge: str
    no: tuple[tuple[MatrixCell, ...] | None, ...]
    yes: tuple[tuple[MatrixCell, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class MatricesView:
    """Every run's matrices under one head."""

    caption: str
    splits: tuple[MatrixSplit, ...]
    targets: tuple[bool, ...]
    """Of every label of every split, whether it is the one that runs are ranked by."""
    predicted: tuple[str, ...]
    runs: tuple[MatrixRun, ...]
    folded: tuple[MatrixRun, ...]
    """Of many runs those that stand in a fold."""
    fold_title: str
    note: str
    plain: Table
    """The same of all runs, two rows each, for formats whose heads have one line."""
    plain_note: str
