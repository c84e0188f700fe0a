"""Reads and writes the files of a run folder: versioned, atomic, nothing half written.

Every JSON file states its schema; a file of another schema is refused by name. NaN and infinity
are never written: what is undefined is null.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from covidreport.details import read_details, spell_details
from covidreport.errors import StoreError
from covidreport.records import (
    UNKNOWN,
    Activation,
    Counts,
    Epoch,
    Estimate,
    Evaluation,
    Failure,
    Finding,
    Scores,
    ThresholdFit,
    TunedThresholds,
)
from covidreport.storage.contract import RUN_SCHEMA as RUN_SCHEMA
from covidreport.storage.evaluation import check_evaluation, check_failure, check_thresholds
from covidreport.storage.files import read_bytes, read_text, spell_path
from covidreport.storage.write import encode_text as encode_text
from covidreport.storage.write import write_atomic as write_atomic
from covidreport.text import digest_case
from covidreport.thresholds import drop_bounds, drop_intervals

if TYPE_CHECKING:
    import pyarrow as pa

EVALUATION_SCHEMA = "covidreport.evaluation/1"
SCORES_SCHEMA = "covidreport.scores/1"
RUN_FILE = "run.json"
HISTORY_FILE = "history.csv"
MODEL_FILE = "model.onnx"
EVALUATIONS_FOLDER = "evaluations"
EVALUATION_FILE = "evaluation.json"
SCORES_FILE = "scores.parquet"
_PARQUET = b"PAR1"
_SCORES_DIGEST = re.compile(rb'"scores_sha256": ?"([0-9a-f]{64})"')
"""Within a text of JSON its quotation marks would have a backslash before them."""
_ROW_GROUP = 16_384
"""Images that are turned into columns at a time: what it takes does not grow with the images."""
FAILURE_SCHEMA = "covidreport.failure/1"
FAILURE_FILE = "failure.json"
THRESHOLDS_SCHEMA = "covidreport.thresholds/2"
EARLIER_THRESHOLDS_SCHEMA = "covidreport.thresholds/1"
"""Of files that have a bound in every case, where none holds as well."""
THRESHOLDS_FILE = "thresholds.json"
THUMBNAILS_SCHEMA = "covidreport.thumbnails/1"
THUMBNAILS_FOLDER = "thumbnails"
THUMBNAILS_FILE = "thumbnails.json"
MAX_THUMBNAIL_BYTES = 128 * 1024
ATTRIBUTE = "attribute."
"""How the columns of scores.parquet begin that hold what subgroups are made by."""


def digest_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically; a NaN or infinity in it is a ValueError."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    write_atomic(path, encode_text(f"{text}\n"))


def read_json(path: Path, schema: str | None = None) -> dict[str, Any]:
    """The object in a JSON file; StoreError where it is missing, broken or of another schema."""
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise StoreError(f"{path}: is not valid JSON ({error})") from error
    except RecursionError as error:
        raise StoreError(f"{path}: is nested too deeply") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path}: holds {type(value).__name__}, expected an object")
    if schema is not None and value.get("schema") != schema:
        raise StoreError(
            f"{path}: its schema is {value.get('schema')!r}, this version reads {schema!r}; "
            "make the file again with the covidreport that is installed"
        )
    return value


def _plain(value: object) -> object:
    """What json.dumps does not know: paths, NumPy scalars, mappings that are no dict."""
    if isinstance(value, Path):
        return spell_path(value.as_posix())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't be written as JSON")


def write_run(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write run.json into `folder`; the schema is put first."""
    rest = {key: value for key, value in settings.items() if key != "schema"}
    write_json(folder / RUN_FILE, {"schema": RUN_SCHEMA, **rest})


def write_history(folder: Path, epochs: Sequence[Epoch]) -> None:
    """Write history.csv: `epoch`, then every column that any epoch has; None is an empty cell."""
    columns = list(dict.fromkeys(name for epoch in epochs for name in epoch.values))
    lines = [",".join(["epoch", *columns])]
    for epoch in epochs:
        cells = (epoch.values.get(name) for name in columns)
        lines.append(
            ",".join([str(epoch.epoch), *("" if c is None else repr(float(c)) for c in cells)])
        )
    write_atomic(folder / HISTORY_FILE, ("\n".join(lines) + "\n").encode())


def write_scores(path: Path, scores: Scores) -> None:
    """Write scores.parquet, one row an image.

    Columns: `sample_id`, `group` where patients are known, `truth.<label>` (null: unknown),
    `score.<label>` (float or double as in `scores`, null: not scored), `failure` (null: scored),
    `attribute.<name>` (null: not stated; none in files of an earlier version).
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

    columns: dict[str, Any] = {"sample_id": pa.array(scores.sample_ids[rows], pa.string())}
    if scores.groups is not None:
        columns["group"] = pa.array(scores.groups[rows], pa.string())
    failed = np.array([reason is not None for reason in scores.reasons[rows]], bool)
    for k, label in enumerate(scores.labels):
        truth = scores.truth[rows, k]
        columns[f"truth.{label}"] = pa.array(truth, pa.int8(), mask=truth == UNKNOWN)
    for k, label in enumerate(scores.labels):
        values = np.ascontiguousarray(scores.scores[rows, k])
        columns[f"score.{label}"] = pa.array(values, mask=failed)
    columns["failure"] = pa.array(scores.reasons[rows], pa.string())
    for name, cells in scores.attributes.items():
        columns[f"{ATTRIBUTE}{name}"] = pa.array(
            [cell or None for cell in cells[rows]], pa.string()
        )
    return pa.table(columns)


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
    truth = _read_numbers(table, [f"truth.{label}" for label in labels])
    names = [f"score.{label}" for label in labels]
    doubles = any(str(table.schema.field(name).type) == "double" for name in names)
    return Scores(
        sample_ids=tuple(table["sample_id"].to_pylist()),
        labels=labels,
        truth=np.where(np.isnan(truth), UNKNOWN, truth).astype(np.int8),
        scores=_read_numbers(table, names).astype(np.float64 if doubles else np.float32),
        activation=cast(Activation, facts["covidreport.activation"]),
        reasons=tuple(table["failure"].to_pylist()),
        groups=tuple(table["group"].to_pylist()) if "group" in table.column_names else None,
        attributes={
            name.removeprefix(ATTRIBUTE): tuple(cell or "" for cell in table[name].to_pylist())
            for name in table.column_names
            if name.startswith(ATTRIBUTE)
        },
    )


def _read_numbers(table: pa.Table, columns: Sequence[str]) -> NDArray[np.float64]:
    """Columns of numbers side by side, `(N, K)`; NaN where they are null."""
    batches = table.select(columns).to_batches()
    parts = [batch.to_tensor(null_to_nan=True).to_numpy() for batch in batches]
    return np.vstack([np.empty((0, len(columns))), *parts])


def evaluation_folder(run_folder: Path, key: str) -> Path:
    """Where the evaluation called `key` of a run stands."""
    return run_folder / EVALUATIONS_FOLDER / key


def write_evaluation(run_folder: Path, evaluation: Evaluation) -> Path:
    """Write evaluation.json under the run's evaluations/ and give its path.

    An object or list of numbers and texts alone, such as an estimate, stands on one line. The
    sha256 of the scores that stand there goes into it: `check_scores` compares them.
    """
    path = evaluation_folder(run_folder, evaluation.key) / EVALUATION_FILE
    scores = path.with_name(SCORES_FILE)
    head = {"schema": EVALUATION_SCHEMA}
    if evaluation.has_scores and scores.is_file():
        head["scores_sha256"] = digest_file(scores)
    fields = dataclasses.asdict(dataclasses.replace(evaluation, details=None))
    fields["details"] = None if evaluation.details is None else spell_details(evaluation.details)
    write_atomic(path, encode_text(f"{spell_json({**head, **fields})}\n"))
    return path


def spell_json(value: Any, indent: str = "") -> str:
    """JSON in which only what holds objects or lists is spread over lines; NaN is a ValueError."""
    inner = [*value.values()] if isinstance(value, Mapping) else value
    flat = not isinstance(inner, list | tuple) or not any(
        isinstance(item, Mapping | list | tuple) for item in inner
    )
    if flat:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    more = f"{indent}  "
    if isinstance(value, Mapping):
        lines = [
            f"{json.dumps(str(key), ensure_ascii=False)}: {spell_json(item, more)}"
            for key, item in value.items()
        ]
        return f"{{\n{more}" + f",\n{more}".join(lines) + f"\n{indent}}}"
    return f"[\n{more}" + f",\n{more}".join(spell_json(v, more) for v in value) + f"\n{indent}]"


def read_evaluation(path: Path) -> Evaluation:
    """The evaluation in a file or in its folder; StoreError where it can't be one."""
    file = path / EVALUATION_FILE if path.is_dir() else path
    value = read_json(file, EVALUATION_SCHEMA)
    try:
        evaluation = Evaluation(
            run=value["run"],
            dataset=value["dataset"],
            split=value["split"],
            variant=value["variant"],
            fingerprint=value["fingerprint"],
            labels=tuple(value["labels"]),
            n_images=value["n_images"],
            n_groups=value["n_groups"],
            thresholds=value["thresholds"],
            thresholds_from=value["thresholds_from"],
            counts={label: Counts(**counts) for label, counts in value["counts"].items()},
            estimates={
                label: {name: Estimate(**figure) for name, figure in figures.items()}
                for label, figures in value["estimates"].items()
            },
            findings=tuple(
                Finding(**{**finding, "subjects": tuple(finding["subjects"])})
                for finding in value["findings"]
            ),
            failures=tuple(Failure(**failure) for failure in value["failures"]),
            provenance=value["provenance"],
            timing=value["timing"],
            has_scores=value["has_scores"],
            details=read_details(value.get("details")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"{spell_path(file)}: is not a whole evaluation ({type(error).__name__}: {error}); "
            "run `covidreport evaluate` again"
        ) from error
    check_evaluation(evaluation, spell_path(file))
    return drop_intervals(evaluation)  # files of an earlier version may have some


def write_failure(run_folder: Path, key: str, failure: Failure) -> Path:
    """Record that the last attempt at an evaluation failed; it hides an older evaluation.json."""
    path = evaluation_folder(run_folder, key) / FAILURE_FILE
    write_json(path, {"schema": FAILURE_SCHEMA, **dataclasses.asdict(failure)})
    return path


def read_failure(folder: Path) -> Failure | None:
    """Why the last attempt at the evaluation in `folder` failed; None where it did not."""
    file = folder / FAILURE_FILE
    if not file.is_file():
        return None
    value = read_json(file, FAILURE_SCHEMA)
    place = spell_path(file)
    try:
        failure = Failure(
            value["subject"], value["stage"], value["reason"], value.get("remedy") or ""
        )
    except KeyError as error:
        raise StoreError(f"{place}: has no {error}; run `covidreport evaluate` again") from error
    check_failure(failure, place)
    return failure


def clear_failure(folder: Path) -> None:
    """Forget an earlier failure, once the evaluation in `folder` stands."""
    (folder / FAILURE_FILE).unlink(missing_ok=True)


def write_thresholds(run_folder: Path, tuned: TunedThresholds) -> Path:
    """Write thresholds.json into the run folder and give its path."""
    path = run_folder / THRESHOLDS_FILE
    write_json(path, {"schema": THRESHOLDS_SCHEMA, **dataclasses.asdict(tuned)})
    return path


def read_thresholds(run_folder: Path) -> TunedThresholds | None:
    """The tuned thresholds of a run; None where it has none, StoreError where they are broken."""
    file = run_folder / THRESHOLDS_FILE
    if not file.is_file():
        return None
    value = read_json(file)
    if value.get("schema") != EARLIER_THRESHOLDS_SCHEMA:
        value = read_json(file, THRESHOLDS_SCHEMA)
    try:
        fits = {label: _read_fit(fit) for label, fit in value["fits"].items()}
        rest = {key: item for key, item in value.items() if key not in ("schema", "fits")}
        tuned = TunedThresholds(fits=fits, **rest)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{spell_path(file)}: does not hold whole thresholds ({type(error).__name__}: "
            f"{error}); run `covidreport tune` again"
        ) from error
    check_thresholds(tuned, spell_path(file))
    return drop_bounds(tuned)  # files of an earlier version may have one that does not hold


def _read_fit(value: Mapping[str, Any]) -> ThresholdFit:
    rates = {name: Estimate(**value[name]) for name in ("sensitivity", "specificity")}
    return ThresholdFit(**{**value, **rates})


def name_thumbnail(sample_id: str, fingerprint: str | None) -> str:
    """What the small picture of an image is called: a digest, the same in all runs on these data.

    Whoever may read the folder may read the ids in its scores; the name only keeps them out of
    listings, and never depends on a secret that the next command might not have.
    """
    return digest_case(sample_id, fingerprint or "")


def thumbnail_file(evaluation: Path, name: str) -> Path:
    """Where an evaluation's folder keeps the small picture of the case of that name."""
    return evaluation / THUMBNAILS_FOLDER / f"{name}.jpg"


def read_thumbnail(evaluation: Path, name: str) -> bytes | None:
    """A small picture's file; None where there is none.

    StoreError where it is no JPEG or larger than any that `evaluate --thumbnails` writes.
    """
    file = thumbnail_file(evaluation, name)
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        data = opened.read(MAX_THUMBNAIL_BYTES + 1)
    if len(data) > MAX_THUMBNAIL_BYTES or not data.startswith(b"\xff\xd8\xff"):
        raise StoreError(
            f"{file}: is no small JPEG picture; delete it and run `covidreport evaluate "
            "--thumbnails` again"
        )
    return data
