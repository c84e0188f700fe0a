"""scores.parquet: what a run gave for each image; the evaluation beside it has its digest."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import StoreError
from covidreport.metrics.readings import READING
from covidreport.records import UNKNOWN, Activation, Measured, Scores, Texts
from covidreport.storage.columns import read_numbers, to_numbers, to_texts
from covidreport.storage.files import read_bytes
from covidreport.storage.folder import EVALUATION_FILE
from covidreport.storage.write import write_atomic

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

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

    columns: dict[str, Any] = {"sample_id": to_texts(scores.sample_ids, rows.start, rows.stop)}
    if scores.groups is not None:
        columns["group"] = to_texts(scores.groups, rows.start, rows.stop)
    failed = np.array([reason is not None for reason in scores.reasons[rows]], bool)
    for k, label in enumerate(scores.labels):
        truth = scores.truth[rows, k]
        columns[f"truth.{label}"] = to_numbers(truth, truth == UNKNOWN)
    for k, label in enumerate(scores.labels):
        columns[f"score.{label}"] = to_numbers(scores.scores[rows, k], failed)
    if scores.others is not None:
        columns["other"] = to_numbers(scores.others[rows], failed)
    columns["failure"] = to_texts(scores.reasons, rows.start, rows.stop)
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
        columns["fold"] = to_texts(scores.folds, rows.start, rows.stop)
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


class _Columns(NamedTuple):
    """A file's columns as they are stored, by the field of `Scores` that is made of them, what the
    file states besides, and what was made."""

    stored: dict[str, list[_Column]]
    facts: Mapping[bytes, bytes] | None
    scores: Scores


class ScoresReader:
    """`read_scores` for the files of several runs, one after the other.

    What is stored of the images themselves (ids, truth, patients, attributes) by the very bytes of
    the file before is not decoded again, but shared with the scores that were read of that.
    """

    def __init__(self) -> None:
        self._before: _Columns | None = None

    def __call__(self, path: Path) -> Scores:
        """As `read_scores`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        data = check_scores(path)
        shared: dict[str, Any] = {}
        try:
            # Not `read_table`: like `fill_null` and the `to_numpy` of a column it imports pandas.
            # Without threads of its own: one that frees `data` later needs Python's lock, and where
            # the process ends meanwhile that aborts it.
            with pq.ParquetFile(pa.BufferReader(data)) as file:
                stored, before = _list_stored(file, data), self._before
                if before is not None and before.facts == file.schema_arrow.metadata:
                    shared = {
                        field: getattr(before.scores, field)
                        for field, columns in stored.items()
                        if columns == before.stored.get(field)
                    }
                known = {column.name for field in shared for column in stored[field]}
                wanted = [name for name in file.schema_arrow.names if name not in known]
                table = file.read(wanted, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path}: can't be read as Parquet ({error})") from error
        try:
            facts = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
            if facts.get("covidreport.schema") == SCORES_SCHEMA:
                scores = _to_scores(table, facts, shared)
                self._before = _Columns(stored, table.schema.metadata, scores)
                return scores
        except (KeyError, ValueError, TypeError, pa.ArrowException) as error:
            raise StoreError(
                f"{path}: does not hold whole scores ({type(error).__name__}: {error}); "
                "run `covidreport evaluate` again"
            ) from error
        raise StoreError(
            f"{path}: its schema is {facts.get('covidreport.schema')!r}, "
            f"this version reads {SCORES_SCHEMA!r}; run `covidreport evaluate` again"
        )


def read_scores(path: Path) -> Scores:
    """The scores of one evaluation; StoreError as `check_scores`, or where they are not whole."""
    return ScoresReader()(path)


class _Column(NamedTuple):
    """A column of one file: all that decides what is read of it."""

    name: str
    kind: str
    chunks: tuple[tuple[int, str, bytes], ...]
    """Of each row group the number of rows, the compression, and the bytes."""


def _list_stored(file: pq.ParquetFile, data: bytes) -> dict[str, list[_Column]]:
    """The columns of each of `_FIELDS` in the order in which they stand; none at all where columns
    hold columns, as ours never do."""
    if file.metadata.num_columns != len(file.schema_arrow):
        return {}
    groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
    columns = []
    for place, field in enumerate(file.schema_arrow):
        if not any(is_of(field.name) for is_of, _ in _FIELDS.values()):
            continue
        chunks = []
        for group in groups:
            chunk = group.column(place)
            start = chunk.data_page_offset
            if chunk.has_dictionary_page:
                start = min(start, chunk.dictionary_page_offset)
            end = start + chunk.total_compressed_size
            chunks.append((group.num_rows, chunk.compression, data[start:end]))
        columns.append(_Column(field.name, str(field.type), tuple(chunks)))
    return {
        field: [column for column in columns if is_of(column.name)]
        for field, (is_of, _) in _FIELDS.items()
    }


def _to_scores(table: pa.Table, facts: Mapping[str, str], shared: Mapping[str, Any]) -> Scores:
    """shared: the fields that are known already, whose columns the table lacks."""
    labels = tuple(json.loads(facts["covidreport.labels"]))
    names = [f"score.{label}" for label in labels]
    others = read_numbers(table, ["other"])[:, 0] if "other" in table.column_names else None
    doubles = any(str(table.schema.field(name).type) == "double" for name in names)
    kind = np.float64 if doubles else np.float32
    read = {
        field: make(table, labels) for field, (_, make) in _FIELDS.items() if field not in shared
    }
    return Scores(
        labels=labels,
        scores=read_numbers(table, names).astype(kind),
        activation=cast(Activation, facts["covidreport.activation"]),
        others=None if others is None else others.astype(kind),
        **shared,
        **read,
    )


def _read_truth(table: pa.Table, labels: Sequence[str]) -> NDArray[np.int8]:
    truth = read_numbers(table, [f"truth.{label}" for label in labels])
    return np.where(np.isnan(truth), UNKNOWN, truth).astype(np.int8)


def _read_groups(table: pa.Table, _: Sequence[str]) -> Texts | None:
    return Texts.of(table["group"].to_pylist()) if "group" in table.column_names else None


def _read_folds(table: pa.Table, _: Sequence[str]) -> tuple[str, ...] | None:
    return tuple(table["fold"].to_pylist()) if "fold" in table.column_names else None


def _read_ages(table: pa.Table, _: Sequence[str]) -> NDArray[np.int16] | None:
    if "age" not in table.column_names:
        return None
    ages = read_numbers(table, ["age"])[:, 0]
    return np.where(np.isnan(ages), -1, ages).astype(np.int16)


def _read_pictures(table: pa.Table, _: Sequence[str]) -> NDArray[np.float32] | None:
    if not set(_MEASURED) <= set(table.column_names):
        return None
    return read_numbers(table, _MEASURED).astype(np.float32)


def _read_weights(table: pa.Table, _: Sequence[str]) -> NDArray[np.float64] | None:
    return read_numbers(table, [WEIGHT])[:, 0] if WEIGHT in table.column_names else None


def _read_attributes(prefix: str, table: pa.Table, _: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {
        name.removeprefix(prefix): tuple(cell or "" for cell in table[name].to_pylist())
        for name in table.column_names
        if name.startswith(prefix)
    }


def _begins(prefix: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefix)


_FIELDS: Mapping[str, tuple[Callable[[str], bool], Callable[[pa.Table, Sequence[str]], Any]]] = {
    "sample_ids": ("sample_id".__eq__, lambda table, _: Texts.of(table["sample_id"].to_pylist())),
    "truth": (_begins("truth."), _read_truth),
    "reasons": ("failure".__eq__, lambda table, _: tuple(table["failure"].to_pylist())),
    "groups": ("group".__eq__, _read_groups),
    "attributes": (_begins(ATTRIBUTE), partial(_read_attributes, ATTRIBUTE)),
    "single": (_begins(SINGLE), partial(_read_attributes, SINGLE)),
    "folds": ("fold".__eq__, _read_folds),
    "ages": ("age".__eq__, _read_ages),
    "pictures": (_MEASURED.__contains__, _read_pictures),
    "readings": (_begins(READING), partial(_read_attributes, READING)),
    "weights": (WEIGHT.__eq__, _read_weights),
}
"""What of `Scores` several runs may have in common: which columns it is made of, and how, of a
table and the labels."""
