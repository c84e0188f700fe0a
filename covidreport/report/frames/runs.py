"""The runs as frames: what they are, their settings, their epochs, and what was found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from covidreport.records import SEVERITIES, ReportData, ReportedRun
from covidreport.report.frames.columns import (
    FIGURE,
    FINDINGS,
    RUNS,
    TEXT,
    WHOLE,
    YES_NO,
    build_frame,
)
from covidreport.report.index import index_runs
from covidreport.report.sections.findings import gather_findings

if TYPE_CHECKING:
    import pandas as pd

_NO_SETTINGS = frozenset({"schema", "name"})


def frame_runs(data: ReportData) -> pd.DataFrame:
    """One row for each run, in the order of the report."""
    index = index_runs(data)
    return build_frame(
        RUNS,
        (
            {
                "run": one.run.name,
                "experiment": one.run.experiment,
                "block": one.run.block,
                "description": one.run.description,
                "folder": one.run.folder_text,
                "model": one.run.model.name if one.run.model else None,
                "rank": row.rank if row else None,
                "why_unranked": row.why_unranked if row else None,
                "failure": _failure(one),
            }
            for one in index.runs
            for row in (index.ranked.get(one.run.name),)
        ),
    )


def _failure(one: ReportedRun) -> str | None:
    return f"{one.failure.stage}: {one.failure.explanation}" if one.failure else None


def frame_settings(data: ReportData) -> pd.DataFrame:
    """One row for each run, one column for each entry of any run.json: `hyperparameters.loss`.

    A column has the type that all its values have. Where they are of several kinds, or no plain
    values, it is of texts: other values than texts as JSON.
    """
    import pandas as pd

    runs = index_runs(data).runs
    rows = [{"run": one.run.name, **dict(_flatten(one.run.settings))} for one in runs]
    names = dict.fromkeys(["run", *(name for row in rows for name in row)])
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame({name: _type_column(values) for name, values in columns.items()})


def _type_column(values: Sequence[Any]) -> pd.Series[Any]:
    import pandas as pd

    kinds = {_name_kind(value) for value in values if value is not None}
    if kinds == {WHOLE, FIGURE}:
        kinds = {FIGURE}
    if len(kinds) == 1 and (kind := kinds.pop()) is not None:
        return pd.Series(values, dtype=kind)
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pd.Series(texts, dtype=TEXT)


def _name_kind(value: Any) -> str | None:
    """The type of a column for a value of run.json; None where it is no plain one."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    kinds = {str: TEXT, bool: YES_NO, int: WHOLE, float: FIGURE}
    return kinds.get(type(value))


def _flatten(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if not before and key in _NO_SETTINGS:
            continue
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def frame_history(data: ReportData) -> pd.DataFrame:
    """One row for each epoch of each run, one column for each figure of any history.csv."""
    import pandas as pd

    runs = index_runs(data).runs
    epochs = [(one.run.name, epoch) for one in runs for epoch in one.run.history]
    names = dict.fromkeys(name for _, epoch in epochs for name in epoch.values)
    columns: dict[str, pd.Series[Any]] = {
        "run": pd.Series([run for run, _ in epochs], dtype="string"),
        "epoch": pd.Series([epoch.epoch for _, epoch in epochs], dtype="Int64"),
    }
    for name in names:
        columns[name] = pd.Series([epoch.values.get(name) for _, epoch in epochs], dtype="float64")
    return pd.DataFrame(columns)


def frame_findings(data: ReportData) -> pd.DataFrame:
    """One row for each finding, the gravest first."""
    found = gather_findings(data, index_runs(data))
    return build_frame(
        FINDINGS,
        (
            {name: getattr(finding, name) for name in FINDINGS}
            for finding in sorted(found, key=lambda one: SEVERITIES.index(one.severity))
        ),
    )
