"""scores.parquet: what a run gave for each image; the evaluation beside it has its digest."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from covidreport.errors import StoreError
from covidreport.metrics.readings import READING
from covidreport.records import UNKNOWN, Activation, Measured, Scores, Texts
from covidreport.storage.columns import read_numbers, to_numbers, to_texts
from covidreport.storage.files import read_bytes
from covidreport.storage.folder import EVALUATION_FILE
from covidreport.storage.write import write_atomic

if TYPE_CHECKING:
    import pyarrow as pa

SCORES_SCHEMA = "covidreport.scores/1"
ATTRIBUTE = "attribute."
"""How the columns of scores.parquet begin that hold what subgroups are made by."""
SINGLE = "single."
"""And those that hold attributes of one value."""
WEIGHT = "weight"
_MEASURED = tuple(f"picture.{field}" for field in Measured._fields)
"""Those that hold what decoded pictures are like."""
_PARQUET = b"PAR1"
_SCORES_DIGEST = re.compile(rb'"scores_sha256": ?"([0-9a-f]{64})"')
"""Within a text of JSON its quotation marks would have a backslash before them."""
_ROW_GROUP = 16_384
"""Images that are turned into columns at a time: what it takes does not grow with the images."""


def write_scores(path: Path, scores: Scores) -> None:
    """Write scores.parquet, one row an image.

    Columns: `sample_id`, `group` where patients are known, `truth.<label>` (null: unknown),
    `score.<label>` (float or double as in `scores`, null: not scored), `other` where the highest
    score of all other outputs of a softmax is known (as `score.<label>`), `failure` (null: scored),
    `attribute.<name>` (null: not stated; none in files of an earlier version), `single.<name>`
    likewise of attributes that state one value alone, `age` in completed years where the data state
    ages (null: not stated; 90: so old or older), `picture.<field>` of `Measured` (float, null: not
    decoded; none where scores came from elsewhere), `weight` where images have sampling weights
    (double), `fold` where each fold had a model of its own,
    and `reader:<name>:<label>` (null: not read) where several readers gave their truth.
    """
    import pyarrow.parquet as pq

    facts = {
        "covidreport.schema": SCORES_SCHEMA,
        "covidreport.labels": json.dumps(scores.labels),
        "covidreport.activation": scores.activation,
    }
    n = len(scores.sample_ids)
    first = _tabulate(scores, slice(0, _ROW_GROUP)).replace_schema_metadata(facts)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for start in range(_ROW_GROUP, n, _ROW_GROUP):
            rows = _tabulate(scores, slice(start, start + _ROW_GROUP))
            writer.write_table(rows.replace_schema_metadata(facts))
    write_atomic(path, sink.getvalue())


def _tabulate(scores: Scores, rows: slice) -> pa.Table:
    """Some images' rows of scores.parquet."""
    import pyarrow as pa

    columns: dict[str, Any] = {"sample_id": to_texts(scores.sample_ids[rows])}
    if scores.groups is not None:
        columns["group"] = to_texts(scores.groups[rows])
    failed = np.array([reason is not None for reason in scores.reasons[rows]], bool)
    for k, label in enumerate(scores.labels):
        truth = scores.truth[rows, k]
        columns[f"truth.{label}"] = to_numbers(truth, truth == UNKNOWN)
    for k, label in enumerate(scores.labels):
        columns[f"score.{label}"] = to_numbers(scores.scores[rows, k], failed)
    if scores.others is not None:
        columns["other"] = to_numbers(scores.others[rows], failed)
    columns["failure"] = to_texts(scores.reasons[rows])
    for prefix, attributes in (
        (ATTRIBUTE, scores.attributes),
        (SINGLE, scores.single),
        (READING, scores.readings),
    ):
        for name, cells in attributes.items():
            columns[f"{prefix}{name}"] = to_texts([cell or None for cell in cells[rows]])
    if scores.ages is not None:
        ages = scores.ages[rows]
        columns["age"] = to_numbers(ages, ages < 0)
    if scores.pictures is not None:
        for name, column in zip(_MEASURED, scores.pictures[rows].T, strict=True):
            columns[name] = to_numbers(column, np.isnan(column))
    if scores.weights is not None:
        columns[WEIGHT] = to_numbers(scores.weights[rows])
    if scores.folds is not None:
        columns["fold"] = to_texts(scores.folds[rows])
    return pa.table(columns)


def stores_readings(path: Path) -> bool:
    """Whether several readers' truth may stand in a scores.parquet."""
    return _may_name(path, READING)


def stores_weights(path: Path) -> bool:
    """Whether sampling weights may stand in a scores.parquet."""
    return _may_name(path, WEIGHT)


def _may_name(path: Path, column: str) -> bool:
    """Whether the last bytes of a scores.parquet, which name its columns, hold this text: a report
    that needs none of it is made without pyarrow."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - 8))
            length = int.from_bytes(file.read(4), "little")
            file.seek(max(0, size - 8 - length))
            return column.encode() in file.read(length)
    except OSError:
        return False  # why it can't be read is told where it is read


def check_scores(path: Path) -> bytes:
    """The bytes of scores.parquet; StoreError where it is missing, damaged or another's.

    That is told by the sha256 in the evaluation.json beside it. An evaluation of an earlier version
    states none: then a file that was cut off is told from a whole one, and no more.
    """
    data = read_bytes(path)
    if data[:4] != _PARQUET or data[-4:] != _PARQUET:
        raise StoreError(f"{path}: can't be read as Parquet (damaged or cut off)")
    stated = _stated_digest(path.with_name(EVALUATION_FILE))
    if stated not in (None, hashlib.sha256(data).hexdigest().encode()):
        raise StoreError(
            f"{path}: was damaged or exchanged since it was written (its sha256 is not the one in "
            f"{EVALUATION_FILE}); make it again, with `covidreport evaluate` where there is a model"
        )
    return data


def _stated_digest(evaluation: Path) -> bytes | None:
    """What an evaluation.json says of the scores beside it; not parsed, which would take longer."""
    try:
        found = _SCORES_DIGEST.search(read_bytes(evaluation))
    except StoreError:
        return None
    return None if found is None else found[1]


def read_scores(path: Path) -> Scores:
    """The scores of one evaluation; StoreError as `check_scores`, or where they are not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = check_scores(path)
    try:
        # Not `read_table`: like `fill_null` and the `to_numpy` of a column it imports pandas.
        # Without threads of its own: one that frees `data` later needs Python's lock, and where
        # the process ends meanwhile that aborts it.
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            table = file.read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: can't be read as Parquet ({error})") from error
    try:
        facts = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if facts.get("covidreport.schema") == SCORES_SCHEMA:
            return _to_scores(table, facts)
    except (KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise StoreError(
            f"{path}: does not hold whole scores ({type(error).__name__}: {error}); "
            "run `covidreport evaluate` again"
        ) from error
    raise StoreError(
        f"{path}: its schema is {facts.get('covidreport.schema')!r}, "
        f"this version reads {SCORES_SCHEMA!r}; run `covidreport evaluate` again"
    )


def _to_scores(table: pa.Table, facts: Mapping[str, str]) -> Scores:
    labels = tuple(json.loads(facts["covidreport.labels"]))
    truth = read_numbers(table, [f"truth.{label}" for label in labels])
    names = [f"score.{label}" for label in labels]
    others = read_numbers(table, ["other"])[:, 0] if "other" in table.column_names else None
    ages = read_numbers(table, ["age"])[:, 0] if "age" in table.column_names else None
    doubles = any(str(table.schema.field(name).type) == "double" for name in names)
    kind = np.float64 if doubles else np.float32
    return Scores(
        sample_ids=Texts.of(table["sample_id"].to_pylist()),
        labels=labels,
        truth=np.where(np.isnan(truth), UNKNOWN, truth).astype(np.int8),
        scores=read_numbers(table, names).astype(kind),
        activation=cast(Activation, facts["covidreport.activation"]),
        reasons=tuple(table["failure"].to_pylist()),
        groups=Texts.of(table["group"].to_pylist()) if "group" in table.column_names else None,
        attributes=_read_attributes(table, ATTRIBUTE),
        single=_read_attributes(table, SINGLE),
        folds=tuple(table["fold"].to_pylist()) if "fold" in table.column_names else None,
        others=None if others is None else others.astype(kind),
        ages=None if ages is None else np.where(np.isnan(ages), -1, ages).astype(np.int16),
        pictures=(
            read_numbers(table, _MEASURED).astype(np.float32)
            if set(_MEASURED) <= set(table.column_names)
            else None
        ),
        readings=_read_attributes(table, READING),
        weights=read_numbers(table, [WEIGHT])[:, 0] if WEIGHT in table.column_names else None,
    )


def _read_attributes(table: pa.Table, prefix: str) -> dict[str, tuple[str, ...]]:
    return {
        name.removeprefix(prefix): tuple(cell or "" for cell in table[name].to_pylist())
        for name in table.column_names
        if name.startswith(prefix)
    }
