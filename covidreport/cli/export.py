"""`covidreport export`: one run's metrics in the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import AsJson, RunFolder, StoredDataset, StoredSplit, Variant
from covidreport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from covidreport.records import Evaluation, ReportData


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write one run's metrics for DVC, or its model card.",
        help=(
            "Write one evaluated run's metrics in the files of other tools: for DVC metrics.json "
            "and plots (confusion, ROC and precision-recall as CSV), and a model card for the "
            "Hugging Face Hub. Runs no model."
        ),
        epilog="Example: covidreport export runs/exp15 --dvc dvc/ --model-card README.md",
    )(export)


def export(
    run: RunFolder,
    dvc: Annotated[
        Path | None,
        typer.Option(help="Write metrics.json and plots/ into this folder.", metavar="FOLDER"),
    ] = None,
    model_card: Annotated[
        Path | None, typer.Option(help="Write the model card to this file.", metavar="FILE")
    ] = None,
    split: StoredSplit = None,
    dataset: StoredDataset = None,
    variant: Variant = None,
    as_json: AsJson = False,
) -> None:
    """Export a run."""
    from covidreport.cli.terminal import print_paths, say_note
    from covidreport.errors import RunError
    from covidreport.report.collect import collect_report
    from covidreport.settings import find_settings
    from covidreport.storage.runs import is_run_folder, locate_run, read_run
    from covidreport.storage.shared import share_input

    if dvc is None and model_card is None:
        raise UsageError("nothing to write: give --dvc FOLDER, --model-card FILE or both")
    run = locate_run(run) if run.is_file() else run
    if not is_run_folder(run):
        raise UsageError(f"{run}: is no run folder")
    settings = find_settings(Path.cwd())
    (found,) = share_input([read_run(run)], settings.evaluate.input)
    if found.faults:
        raise RunError("; ".join(found.faults))
    data = collect_report(
        [found], target=settings.target, specificity_floor=settings.specificity_floor,
        metrics=settings.metrics, study=settings.study,
        images=settings.query_stored(dataset, split, variant), tell=say_note,
    )  # fmt: skip
    (reported,) = data.runs
    evaluation = reported.evaluation
    if evaluation is None:
        why = reported.failure.explanation if reported.failure else "no metrics"
        raise RunError(f"{run}: {why}")
    written = _write(evaluation, data, run, dvc, model_card)
    print_paths("covidreport.export/1", written, as_json=as_json)


def _write(
    evaluation: Evaluation, data: ReportData, run: Path, dvc: Path | None, model_card: Path | None
) -> Iterator[Path]:
    """Write what is wanted, and give each file once it is there."""
    from covidreport.integrations.dvc import write_dvc
    from covidreport.integrations.model_card import render_model_card
    from covidreport.store import (
        SCORES_FILE,
        encode_text,
        evaluation_folder,
        read_scores,
        write_atomic,
    )

    if dvc is not None:
        file = evaluation_folder(run, evaluation.key) / SCORES_FILE
        scores = read_scores(file) if evaluation.has_scores and file.is_file() else None
        yield from write_dvc(dvc, evaluation, scores)
    if model_card is not None:
        write_atomic(model_card, encode_text(render_model_card(data)))
        yield model_card
