"""Figures over the epochs of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from covidreport.records import Epoch, Run
from covidreport.report.blocks import Cell, Column, Row, Table, Text
from covidreport.text import (
    aligned,
    clean,
    decimal,
    humanise,
    label_name,
    plural,
    titled,
    whole,
)

_PREFIXES = {
    "train_": "training",
    "validation_": "validation",
    "val_": "validation",
    "last_batch_": "last batch",
}
_RATES = ("accuracy", "sensitivity", "specificity", "f1", "roc_auc", "average_precision")


def list_columns(history: Sequence[Epoch]) -> tuple[str, ...]:
    """The columns that any epoch has, in the file's order; durations (`…_s`) left out."""
    names = dict.fromkeys(name for epoch in history for name in epoch.values)
    return tuple(name for name in names if not name.endswith("_s"))


def _split_column(name: str) -> tuple[str, str]:
    """What is measured, and on what: `train_loss` is `loss`, `training`."""
    for prefix, split in _PREFIXES.items():
        if name.startswith(prefix):
            return name.removeprefix(prefix), split
    return name, ""


def _values(history: Sequence[Epoch], name: str) -> tuple[float | None, ...]:
    values = (epoch.values.get(name) for epoch in history)
    return tuple(v if v is not None and math.isfinite(v) else None for v in values)


def _is_rate(measure: str) -> bool:
    return measure.endswith(_RATES)


def _are_counts(measure: str, values: Sequence[float | None]) -> bool:
    known = [value for value in values if value is not None]
    plain = not measure.endswith("loss") and not _is_rate(measure)
    return bool(known) and plain and all(value == int(value) and value >= 0 for value in known)


def _measure_name(measure: str) -> str:
    """`covid-19_false_negatives` is `COVID-19 false negatives`."""
    first, _, rest = measure.partition("_")
    named = label_name(first)
    return f"{named} {humanise(rest)}".strip() if named != first else humanise(measure)


def _format(values: Sequence[float | None], measure: str) -> tuple[str, ...]:
    if _is_rate(measure):
        return tuple(decimal(value) for value in values)
    if _are_counts(measure, values):
        return tuple(whole(None if value is None else int(value)) for value in values)
    return aligned(values)


def list_epochs(run: Run) -> list[Table]:
    """Every figure of every epoch; nothing where no epoch was recorded."""
    names = list_columns(run.history)
    if not run.history or not names:
        return []
    columns = [Column("Epoch", kind="rank")]
    cells: list[list[Cell]] = [[Text(str(epoch.epoch))] for epoch in run.history]
    for name in names:
        measure, split = _split_column(name)
        title = _measure_name(measure)
        columns.append(Column(titled(title), split, "figure"))
        texts = _format(_values(run.history, name), measure)
        for row, text in zip(cells, texts, strict=True):
            row.append(Text(text))
    rows = tuple(Row(tuple(row)) for row in cells)
    caption = f"{plural(len(rows), 'epoch')} of {clean(run.name)}"
    return [Table(caption, tuple(columns), rows, "dense")]
