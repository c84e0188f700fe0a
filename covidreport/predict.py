"""Answers of one model for images whose truth nobody knows, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidreport.dataset.folders import SUFFIXES, count_kinds
from covidreport.errors import DatasetError, RunError
from covidreport.evaluate.company import describe_dependence, meet_company, pick_images
from covidreport.evaluate.loop import OpenedRun, score_runs
from covidreport.evaluate.request import BATCH
from covidreport.inference.session import Session
from covidreport.metrics import decide
from covidreport.records import UNKNOWN, Dataset, Finding, Run, Scores
from covidreport.storage.files import spell_path
from covidreport.store import encode_text, write_atomic


def find_images(folder: Path) -> Dataset:
    """The images in a folder and below it, by path; their truth is unknown and they have no labels.

    Raises DatasetError where there is no such folder or no image in it.
    """
    if not folder.is_dir():
        raise DatasetError(spell_path(folder), ["no such folder"])
    files = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    paths = tuple(path.as_posix() for path in files if path.suffix.lower() in SUFFIXES)
    others = tuple(
        spell_path(path.as_posix()) for path in files if path.suffix.lower() not in SUFFIXES
    )
    if not paths:
        there = f"; there are {count_kinds(others)}" if others else ""
        said = f"no images ({', '.join(sorted(SUFFIXES))}) in it{there}"
        raise DatasetError(spell_path(folder), [said])
    ids = tuple(map(spell_path, paths))
    truth = np.zeros((len(paths), 0), np.int8)
    return Dataset(
        spell_path(folder.name), folder, folder, (), ids, paths, truth, passed_over=others
    )


def predict_images(
    session: Session,
    images: Dataset,
    *,
    name: str,
    batch: int = BATCH,
    jobs: int | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Scores, tuple[Finding, ...]]:
    """The scores of every image, in the order of the model's labels; failed ones have a reason.

    With what must be known of them: a model whose scores depend on the batch. Raises RunError where
    the model fails.
    """
    labels = session.spec.labels
    truth = np.full((len(images), len(labels)), UNKNOWN, np.int8)
    blank = Dataset(
        images.name, images.root, images.source, labels, images.ids, images.paths, truth
    )
    run = Run(name, images.root, None)
    pixels = pick_images(blank, None, [session.spec.pixels])[session.spec.pixels]
    columns = tuple(range(len(labels)))
    opened = OpenedRun(run, session, columns, company=meet_company(session, pixels))
    (scored,), decoded = score_runs(blank, [opened], batch=batch, jobs=jobs, advance=advance)
    if scored.failure is not None:
        raise RunError(scored.failure.reason, scored.failure.remedy)
    activation = session.spec.activation
    found = Scores(
        sample_ids=blank.ids,
        labels=labels,
        truth=truth,
        scores=scored.scores,
        activation="softmax" if activation == "softmax-logit" else activation,
        reasons=tuple(decoded.reasons),
    )
    return found, describe_dependence(name, opened.company)


def tabulate_predictions(
    scores: Scores, thresholds: Mapping[str, float]
) -> dict[str, Sequence[object]]:
    """Columns: `image`, a 0/1 column a label, `score.<label>`, `failure`; None where unknown."""
    values = [thresholds[label] for label in scores.labels]
    failed = scores.failed
    predicted = decide(scores.scores, values, scores.activation, failed)
    table: dict[str, Sequence[object]] = {"image": scores.sample_ids}
    for k, label in enumerate(scores.labels):
        table[label] = _column(predicted[:, k].astype(int), failed)
    for k, label in enumerate(scores.labels):
        table[f"score.{label}"] = _column(scores.scores[:, k], failed)
    table["failure"] = scores.reasons
    return table


def _column(values: NDArray[np.generic], failed: NDArray[np.bool_]) -> list[object]:
    return [None if lost else value for value, lost in zip(values.tolist(), failed, strict=True)]


def write_predictions(table: Mapping[str, Sequence[object]], output: Path) -> None:
    """Write a table as CSV, or as Parquet where the file's name says so; None is an empty cell."""
    sink = io.BytesIO()
    if output.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({name: list(column) for name, column in table.items()}), sink)
    else:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
        sink.write(encode_text(text.getvalue()))
    write_atomic(output, sink.getvalue())
