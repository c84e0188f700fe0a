"""Answers of one model for images whose truth nobody knows, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.dataset.folders import count_kinds
from covidreport.dataset.unlabelled import find_images
from covidreport.errors import RunError, UsageError
from covidreport.evaluate.company import describe_dependence, meet_company, pick_images
from covidreport.evaluate.hardware import choose_hardware
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.opening import open_model
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.request import BATCH, default_batch
from covidreport.evaluate.scored import OpenedRun
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.tuned import ChosenThresholds, ReportedImages, choose_thresholds
from covidreport.inference.session import Session
from covidreport.metrics import decide
from covidreport.records import (
    UNKNOWN,
    Dataset,
    DecisionRule,
    Failure,
    Finding,
    FindingMade,
    Noted,
    OnEvent,
    Run,
    Scores,
    StageStarted,
    count_steps,
    ignore_events,
)
from covidreport.storage.runs import locate_run, read_run
from covidreport.storage.search import MODEL_SUFFIX, is_declared
from covidreport.storage.shared import share_input
from covidreport.store import RUN_FILE, encode_text, write_atomic


def find_model(path: Path) -> Run:
    """The run of a run folder or of an ONNX file, which is described by the run.json beside it.

    `runs/exp1.onnx`, in no run folder, is described by `runs/exp1/run.json`. An ONNX file that is
    not the model of its folder's run is a run by itself, of which the file alone says how it is
    fed. UsageError where there is no such file or folder.
    """
    if path.is_dir():
        return read_run(path)
    if not path.is_file():
        raise UsageError(f"{path}: no such run folder or ONNX file")
    if not is_declared(path.parent) and path.suffix == MODEL_SUFFIX:
        return read_run(locate_run(path))
    run = read_run(path.parent)
    if run.model is not None and run.model.samefile(path):
        return run
    broken = run.model is None and run.faults and (path.parent / RUN_FILE).exists()
    return run if broken else Run(path.stem, path.parent, path)


class Predictions(Struct, frozen=True):
    """What one model answers to images whose truth nobody knows."""

    images: Dataset
    scores: Scores
    chosen: ChosenThresholds
    findings: tuple[Finding, ...]

    @property
    def table(self) -> dict[str, Sequence[object]]:
        """As `tabulate_predictions` gives it."""
        return tabulate_predictions(self.scores, self.chosen.rule(self.scores.labels))


def predict_paths(
    model: Path, paths: Sequence[Path], options: EvaluateOptions, on_event: OnEvent = ignore_events
) -> Predictions:
    """The answers of a run folder's model, or of an ONNX file, to the images at some paths.

    The model is fed, and its scores are decided, as `evaluate_folders` does it. Raises RunError
    where the model fails, UsageError, DatasetError or ProviderError where it can't be begun.
    """
    (run,) = share_input([find_model(model)], options.input)
    images = find_images(paths)
    if images.passed_over:
        on_event(Noted(_describe_passed_over(images.passed_over), warning=True))
    execution, hardware = choose_hardware(options)
    for finding in hardware:
        on_event(FindingMade(finding))
    batch = options.batch_size or default_batch(execution)
    session = open_model(run, execution, batch=batch, limits=options.model_limits)
    if isinstance(session, Failure):
        raise RunError(f"run {run.name}: {session.reason}", session.remedy)
    # Nobody reports metrics of these images: whether they were tuned on does not matter.
    shown = ReportedImages(images.name, "", None, session.spec.labels, ())
    thresholds = options.thresholds or Thresholds()
    decision = session.spec.decision
    chosen = choose_thresholds(thresholds, run, shown, session.identity.sha256, decision)
    on_event(StageStarted(f"Predicting {len(images):,} images", len(images)))
    scores, findings = predict_images(
        session, images, name=run.name, batch=batch, jobs=options.jobs,
        advance=count_steps(on_event),
    )  # fmt: skip
    return Predictions(images, scores, chosen, (*chosen.findings, *findings))


def _describe_passed_over(paths: Sequence[str]) -> str:
    kinds, many = count_kinds(tuple(paths)), len(paths)
    are = "1 file is of a kind that is not read, and is"
    if many > 1:
        are = f"{many:,} files are of kinds that are not read, and are"
    return f"{are} not in the table: {kinds}"


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
    values, others = opened.part(scored.kept.read())
    found = Scores(
        sample_ids=blank.ids,
        labels=labels,
        truth=truth,
        scores=values,
        activation="softmax" if activation == "softmax-logit" else activation,
        reasons=tuple(decoded.reasons),
        others=others,
    )
    return found, (*describe_dependence(name, opened.company), *decoded.findings)


def tabulate_predictions(scores: Scores, rule: DecisionRule) -> dict[str, Sequence[object]]:
    """Columns: `image`, a 0/1 column a label, `score.<label>`, `failure`; None where unknown.

    Scores in their own type: a float32 of 0.3 is written as 0.3, and as float in Parquet.
    """
    failed = scores.failed
    predicted = decide(scores, rule)
    table: dict[str, Sequence[object]] = {"image": scores.sample_ids}
    for k, label in enumerate(scores.labels):
        table[label] = _column(predicted[:, k].astype(int), failed)
    for k, label in enumerate(scores.labels):
        table[f"score.{label}"] = _column(scores.scores[:, k], failed)
    table["failure"] = scores.reasons
    return table


def _column(values: NDArray[np.generic], failed: NDArray[np.bool_]) -> list[object]:
    return [None if lost else value for value, lost in zip(values, failed, strict=True)]


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
