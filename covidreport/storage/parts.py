"""Parts of evaluations, `PARTS/EVALUATION/RUN/3-of-7/`: rows.parquet, and part.json that vouches.

They stand in no run folder, so that nobody takes one for an evaluation.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.errors import StoreError
from covidreport.records import EvaluationPart, Measured, Peak, Shard
from covidreport.storage.codec import FileFormat, write_json
from covidreport.storage.columns import (
    read_bytes_of,
    read_numbers,
    to_bytes,
    to_numbers,
    to_texts,
)
from covidreport.storage.evaluation import read_failure
from covidreport.storage.files import read_bytes
from covidreport.storage.folder import FAILURE_FILE
from covidreport.storage.write import write_atomic

PARTS_FOLDER: Final = "parts"
"""Where parts are put and looked for where nobody says it."""
PART_FILE: Final = "part.json"
ROWS_FILE: Final = "rows.parquet"
_DIGEST_BYTES: Final = 32

PART: Final = FileFormat(
    "covidreport.part/1", EvaluationPart, "is not a whole part", "evaluate its shard again",
)  # fmt: skip


class PartRows(Struct, frozen=True):
    """What was learnt of each of the N images of a part: entry i of every column is image i.

    scores: `(N, W)`, as the loop keeps them, NaN for an image that failed. sha256: of the files'
    bytes, one behind the other, 32 bytes each; readable: bool `(N,)`, of which there is one.
    """

    scores: NDArray[np.floating]
    reasons: Sequence[str | None]
    peaks: Sequence[Peak | None]
    measured: NDArray[np.float32]
    sha256: bytes
    readable: NDArray[np.bool_]


def part_folder(parts: Path, evaluation: str, run: str, shard: Shard) -> Path:
    """Where the part of a run that is of this shard stands."""
    return parts / evaluation / run / f"{shard.number}-of-{shard.of}"


def list_parts(parts: Path, evaluation: str, run: str) -> list[tuple[Shard, Path]]:
    """The shards whose parts stand there, by number; none whose last attempt failed."""
    found = _list_shards(parts / evaluation / run, PART_FILE)
    return [(shard, file.parent) for shard, file in found if not _failed(file.parent)]


class FailedShard(Struct, frozen=True):
    """Why a shard left no part of a run."""

    shard: Shard
    reason: str


def list_failures(parts: Path, evaluation: str, run: str) -> list[FailedShard]:
    """The shards whose last attempt at a run failed, each with why."""
    found = []
    for shard, file in _list_shards(parts / evaluation / run, FAILURE_FILE):
        try:
            failure = read_failure(file.parent)
        except StoreError as error:
            found.append(FailedShard(shard, str(error)))
            continue
        if failure is not None:
            found.append(FailedShard(shard, failure.explanation))
    return found


def _list_shards(folder: Path, file: str) -> list[tuple[Shard, Path]]:
    found = []
    for path in folder.glob(f"*-of-*/{file}"):
        number, _, of = path.parent.name.partition("-of-")
        if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
            found.append((Shard(int(number), int(of)), path))
    return sorted(found, key=lambda each: (each[0].of, each[0].number))


def _failed(folder: Path) -> bool:
    return (folder / FAILURE_FILE).exists()


def write_part(folder: Path, part: EvaluationPart, rows: PartRows) -> EvaluationPart:
    """Write both files, part.json last; gives what stands in it. WriteError for a full disk."""
    data = _encode_rows(rows)
    write_atomic(folder / ROWS_FILE, data)
    part = replace(part, rows_sha256=hashlib.sha256(data).hexdigest())
    write_json(folder / PART_FILE, PART.encode(part))
    return part


def read_part(folder: Path) -> EvaluationPart:
    """What a part says of itself; StoreError where it is none, or broken."""
    return PART.read(folder / PART_FILE)


def read_rows(folder: Path, part: EvaluationPart) -> PartRows:
    """The rows of a part; StoreError where they are not those that it was written with."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / ROWS_FILE
    data = read_bytes(file)
    if hashlib.sha256(data).hexdigest() != part.rows_sha256:
        raise StoreError(
            f"{file}: was damaged or exchanged since it was written (its sha256 is not the one in "
            f"{PART_FILE}); {PART.remedy}"
        )
    # as `read_scores` does it: no pandas, no threads
    with pq.ParquetFile(pa.BufferReader(data)) as opened:
        return _decode_rows(opened.read(use_threads=False))


def _encode_rows(rows: PartRows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        f"score.{k}": to_numbers(column) for k, column in enumerate(rows.scores.T)
    }
    columns["reason"] = to_texts(rows.reasons)
    columns["sha256"] = to_bytes(rows.sha256, _DIGEST_BYTES, rows.readable)
    unknown = (np.nan,) * len(Peak._fields)
    peaks = np.array([unknown if each is None else each for each in rows.peaks], np.float64)
    for kind, table in (
        (Peak, peaks.reshape(-1, len(unknown))),
        (Measured, rows.measured.astype(np.float64)),
    ):
        for name, column in zip(kind._fields, table.T, strict=True):
            columns[f"{kind.__name__.lower()}.{name}"] = to_numbers(column, np.isnan(column))
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def _decode_rows(table: Any) -> PartRows:
    width = sum(name.startswith("score.") for name in table.column_names)
    names = [f"score.{k}" for k in range(width)]
    doubles = any(str(table.schema.field(name).type) == "double" for name in names)
    peaks = read_numbers(table, [f"peak.{name}" for name in Peak._fields])
    sha256, readable = read_bytes_of(table["sha256"].combine_chunks(), _DIGEST_BYTES)
    return PartRows(
        read_numbers(table, names).astype(np.float64 if doubles else np.float32),
        table["reason"].to_pylist(),
        [None if np.isnan(each[0]) else Peak(*map(int, each)) for each in peaks],
        read_numbers(table, [f"measured.{name}" for name in Measured._fields]).astype(np.float32),
        sha256,
        readable,
    )
