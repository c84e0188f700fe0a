"""Run folders of scores that another framework computed, ranked beside those run here."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport import __version__
from covidreport.audit import audit_scores, find_synthetic
from covidreport.dataset.delimited import find_separator
from covidreport.dataset.names import ImageNames
from covidreport.dataset.source import describe_data
from covidreport.errors import DatasetError, UsageError
from covidreport.evaluate.argmax import audit_argmax
from covidreport.metrics import compute_metrics, read_stated
from covidreport.metrics.plan import MetricOptions
from covidreport.records import (
    ARGMAX,
    Activation,
    Dataset,
    Decision,
    DecisionRule,
    Evaluation,
    Failure,
    Finding,
    MetricPlan,
    Scores,
)
from covidreport.storage.replaced import (
    RENAME,
    SOURCE_DIGEST,
    NewImages,
    digest_source,
    find_replaced,
)
from covidreport.store import (
    SCORES_FILE,
    clear_failure,
    digest_file,
    evaluation_folder,
    write_evaluation,
    write_run,
    write_scores,
)
from covidreport.text import decimal

ID_COLUMNS = ("id", "sample_id", "path", "image")
SINGLES = ("float", "halffloat")
"""Parquet's types of numbers that a float32 holds; all others are kept as float64, and so is text.
"""
ROUNDED = 4 * float(np.finfo(np.float32).eps)
"""So far over 1 or under 0 a probability is rounding, and taken for 1 or 0."""
_WHOLE = 0.01
"""So far from 1 the probabilities of all classes sum to where they were rounded."""
NOT_GIVEN = "the imported file has no score for this image"


class ScoresTable(Struct, frozen=True):
    """The rows of a table, and where each stands. singles: the columns of float32 or less."""

    columns: tuple[str, ...]
    rows: list[Mapping[str, Any]]
    positions: list[str]
    singles: frozenset[str] = frozenset()


class ImportRequest(Struct, frozen=True):
    """What is imported, onto which images, under which name.

    file: where the scores are from; of arrays a name for them, by which errors call them, beside
    their `digest`. activation: what the scores are, `logit`, `sigmoid` or `softmax`; nobody can
    tell from them.
    """

    file: Path
    run: str
    output: Path
    activation: Activation
    dataset: Dataset
    split: str
    fingerprint: str
    thresholds: Mapping[str, float]
    thresholds_from: str
    description: str = ""
    label_fingerprints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Finding, ...] = ()
    """What is to be known of the data set."""
    metrics: MetricPlan | None = None
    """Which metrics, and how; None for what holds where the configuration is silent."""
    id_column: str | None = None
    """The column that names the image; None is the first of `ID_COLUMNS`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The column of a label's scores, where it is called otherwise."""
    whole: Dataset | None = None
    """The data with their other splits: rows about images of these are passed over."""
    table: ScoresTable | None = None
    """What stands in the file, where it was read and changed already."""
    digest: str | None = None
    """The SHA-256 of the scores where they are in no file; None for that of the file."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its run.json says besides."""
    note: Finding | None = None
    """Where the scores are from; None for what is said of those of a model."""
    others: tuple[str, ...] = ()
    """Columns of classes that the data do not have: by argmax they compete with its labels."""

    @property
    def decision(self) -> Decision:
        """What makes answers of the scores."""
        return "argmax" if self.thresholds_from == ARGMAX else "threshold"


def read_scores_table(file: Path) -> ScoresTable:
    """What a CSV or Parquet table holds; DatasetError where it is none."""
    if file.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(file, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(str(file), [f"it can't be read as Parquet ({error})"]) from error
        rows = table.to_pylist()
        return ScoresTable(
            tuple(table.column_names), rows, [f"row {i + 1}" for i in range(len(rows))],
            frozenset(field.name for field in table.schema if str(field.type) in SINGLES),
        )  # fmt: skip
    try:
        with file.open(newline="", encoding="utf-8-sig") as source:
            reader = csv.DictReader(source, delimiter=find_separator(file), strict=True)
            positions, found = [], []
            for row in reader:
                positions.append(f"line {reader.line_num}")
                found.append(row)
            return ScoresTable(tuple(reader.fieldnames or ()), list(found), positions)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(str(file), [f"it can't be read as CSV ({error})"]) from error


def match_scores(request: ImportRequest) -> tuple[Scores, int]:
    """The imported scores in the order of the data set, and how many rows are of other splits.

    An image without a row, or with blank scores, is a failed image. DatasetError lists a missing
    column, an id that is twice, not in the data, or that of several images, a score that is no
    finite number, a probability outside 0 to 1.
    """
    table = request.table or read_scores_table(request.file)
    dataset = request.dataset
    keys = ID_COLUMNS if request.id_column is None else (request.id_column,)
    key = next((name for name in keys if name in table.columns), None)
    wanted = {
        label: (request.columns[label],) if label in request.columns else (f"score.{label}", label)
        for label in dataset.labels
    }
    names = {
        label: next((name for name in each if name in table.columns), None)
        for label, each in wanted.items()
    }
    faults = [] if key else [f"line 1: there is no column {', '.join(keys)} with the image"]
    strange = [label for label in request.columns if label not in dataset.labels]
    faults += [f"--label {label}: no label of the data: {', '.join(dataset.labels)}"
               for label in strange]  # fmt: skip
    faults += [
        f"line 1: there is no column {' or '.join(wanted[label])}"
        for label, name in names.items()
        if name is None
    ]
    faults += [f"line 1: there is no column {name}"
               for name in request.others if name not in table.columns]  # fmt: skip
    if faults or key is None:
        raise DatasetError(str(request.file), faults)
    if not table.rows:
        raise DatasetError(str(request.file), ["there is no row of scores below the header"])
    whole = request.whole or dataset
    images = ImageNames(whole.ids, whole.paths, whole.root)
    own = {sample: row for row, sample in enumerate(dataset.ids)}
    columns = [*(names[label] or "" for label in dataset.labels), *request.others]
    kind = np.float32 if table.singles.issuperset(columns) else np.float64
    scores = np.full((len(dataset), len(columns)), np.nan, kind)
    seen: dict[int, str] = {}
    passed_over = 0
    for position, row in zip(table.positions, table.rows, strict=True):
        sample = str(row[key])
        image = images.find(sample)
        if isinstance(image, str):
            why = image or f"is no image of {dataset.name}, {request.split}"
            faults.append(f"{position}: {sample!r} {why}")
            continue
        at = own.get(whole.ids[image])
        if at is None:
            passed_over += 1
        elif at in seen:
            faults.append(f"{position}: {sample!r} stands in {seen[at]} already")
        else:
            seen[at] = position
            values = [row[name] for name in columns]
            _read_row(values, request.activation, position, scores[at], faults)
            if request.decision == "argmax":
                faults += _check_whole(scores[at], position)
    if faults:
        raise DatasetError(str(request.file), faults)
    missing: list[bool] = [bool(np.isnan(row).any()) for row in scores]
    scores[np.array(missing)] = np.nan
    n_labels = len(dataset.labels)
    found = Scores(
        sample_ids=dataset.ids,
        labels=dataset.labels,
        truth=dataset.truth,
        scores=scores[:, :n_labels],
        activation=request.activation,
        reasons=tuple(NOT_GIVEN if lost else None for lost in missing),
        **read_stated(dataset).fields,
        others=scores[:, n_labels:].max(axis=1, initial=0)
        if request.decision == "argmax"
        else None,
    )
    return found, passed_over


def _check_whole(row: NDArray[np.floating], position: str) -> list[str]:
    """A fault where probabilities of classes that exclude each other do not sum to 1: some class
    has no column, and might be the highest."""
    total = float(row.sum())
    if not abs(total - 1) > _WHOLE:  # NaN of a blank one is no fault
        return []
    return [
        f"{position}: the probabilities sum to {decimal(total)}, and argmax needs every class: "
        "name the columns of the others with --other"
    ]


def _read_row(
    values: Sequence[Any], activation: Activation, position: str, into: Any, faults: list[str]
) -> None:
    """Put one row's scores into their place; blank ones stay NaN."""
    for k, value in enumerate(values):
        if value is None or value == "":
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            faults.append(f"{position}: the score {value!r} is no finite number")
        elif activation != "logit" and not -ROUNDED <= number <= 1 + ROUNDED:
            faults.append(f"{position}: {number} is no probability, and {activation} was stated")
        else:
            into[k] = number if activation == "logit" else min(max(number, 0.0), 1.0)


def import_scores(
    request: ImportRequest, replaced: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Make the run folder, or add to it, and give the evaluation of the imported scores.

    replaced: is told of an evaluation of other images that gives way. Raises UsageError where the
    folder holds a run that was not imported, or an evaluation of another data set under the same
    name; DatasetError as `match_scores`.
    """
    folder = request.output / request.run
    marker = folder / "imported.json"
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds another run; choose another --run or --output")
    scores, passed_over = match_scores(request)
    dataset = request.dataset
    rule: DecisionRule = (
        ARGMAX
        if request.decision == "argmax"
        else [request.thresholds[label] for label in dataset.labels]
    )
    plan = request.metrics or MetricOptions().plan(dataset.labels, "")
    described = compute_metrics(scores, rule, plan)
    failures = tuple(
        Failure(sample, "read", reason)
        for sample, reason in zip(scores.sample_ids, scores.reasons, strict=True)
        if reason is not None
    )
    evaluation = Evaluation(
        run=request.run,
        dataset=dataset.name,
        split=request.split,
        variant=None,
        fingerprint=request.fingerprint,
        label_fingerprints=request.label_fingerprints,
        labels=dataset.labels,
        n_images=len(dataset),
        n_groups=None if dataset.groups is None else len(set(dataset.groups)),
        thresholds=dict(request.thresholds),
        thresholds_from=request.thresholds_from,
        counts=described.counts,
        estimates=described.estimates,
        score_metrics=described.score_metrics,
        findings=(
            *request.notes,
            *find_synthetic(dataset.attributes),
            *_findings(request, len(failures), passed_over),
            *audit_scores(request.run, scores),
            *audit_argmax(request.run, scores, rule),
        ),
        failures=failures,
        provenance={
            "imported": {
                "file": request.file.name,
                "sha256": request.digest or digest_file(request.file),
            },
            "activation": request.activation,
            "data": describe_data(dataset),
            "versions": {"covidreport": __version__},
        },
        timing={
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            SOURCE_DIGEST: digest_source(dataset.source),
        },
    )
    target = evaluation_folder(folder, evaluation.key)
    found = find_replaced(target, _images(request))
    if found is not None and found.other_data:
        raise UsageError(f"{found.reason}. {RENAME}, or delete {target}")
    if found is not None:
        replaced(found.what)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text('{"schema": "covidreport.imported/1"}\n')
    write_run(folder, {"name": request.run, "description": request.description or
                       f"Scores from {request.file.name}, computed elsewhere",
                       **request.settings})  # fmt: skip
    write_scores(target / SCORES_FILE, scores)
    write_evaluation(folder, evaluation)
    clear_failure(target)
    return evaluation


def _images(request: ImportRequest) -> NewImages:
    data = request.dataset
    return NewImages(
        data.name, request.split, None, request.fingerprint, data.source, data.labels, data.ids,
        data.truth, request.label_fingerprints,
    )  # fmt: skip


def _findings(request: ImportRequest, missing: int, passed_over: int) -> tuple[Finding, ...]:
    findings = [
        request.note
        or Finding(
            "note",
            "scores-from-elsewhere",
            f"The scores of {request.run} were computed elsewhere",
            f"they were read from {request.file.name} as {request.activation}; no model was run",
            "Ask whoever made the file which model and which pixels it is from.",
            (request.run,),
        )
    ]
    if passed_over:
        rows = "1 row is" if passed_over == 1 else f"{passed_over:,} rows are"
        findings.append(
            Finding(
                "note",
                "scores-of-other-splits",
                f"{rows} of other splits, and passed over",
                f"{request.file.name} has scores of images outside of {request.split}",
                "Import the file once for each split (`--split`) that is to be ranked.",
                (request.run,),
            )
        )
    if missing:
        findings.append(
            Finding(
                "warning",
                "scores-missing",
                f"{missing} of {len(request.dataset)} images have no score of {request.run}",
                f"{request.file.name} has no row for them, or blank cells",
                "Compute them and import the file again. Until then each counts against the run: "
                "a positive as missed, a negative as a false alarm.",
                (request.run,),
            )
        )
    return tuple(findings)
