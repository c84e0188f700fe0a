"""`covidreport predict`: a model's answers for images without truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.options import (
    BatchTimeout,
    DeviceId,
    MemoryLimit,
    Precision,
    Provider,
    Threshold,
)
from covidreport.errors import RunError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write a model's answers for images without truth.",
        help=(
            "Run one model over a folder of images whose truth nobody knows and write a table: the "
            "image, a 0/1 column and a score for each label, and why an image failed.\n\n"
            "Exit code: 0 all images were scored, 2 wrong usage, 3 the model or an image failed."
        ),
        epilog="Example: covidreport predict runs/exp15 images/ --output predictions.csv",
    )(predict)


def predict(
    model: Annotated[Path, typer.Argument(help="A run folder or an ONNX file.")],
    images: Annotated[Path, typer.Argument(help="A folder of images; folders below it count.")],
    output: Annotated[Path, typer.Option(help="The table: .csv or .parquet.")] = Path(
        "predictions.csv"
    ),
    threshold: Threshold = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = 0,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Predict."""
    from covidreport.cli.terminal import say, say_finding, show_progress
    from covidreport.config import find_settings, read_model_limits, read_threshold_options
    from covidreport.dataset.folders import count_kinds
    from covidreport.evaluate.record import open_model
    from covidreport.evaluate.request import default_batch
    from covidreport.inference.execution import read_precision
    from covidreport.inference.providers import choose_execution
    from covidreport.predict import (
        find_images,
        predict_images,
        tabulate_predictions,
        write_predictions,
    )
    from covidreport.records import Failure, Run
    from covidreport.runs import read_run

    if output.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{output}: predictions are written as .csv or .parquet")
    if model.is_dir():
        run = read_run(model)
    elif model.is_file():
        run = Run(model.stem, model.parent, model)
    else:
        raise UsageError(f"{model}: no such run folder or ONNX file")
    settings = find_settings(Path.cwd())
    thresholds = read_threshold_options(threshold or [], settings.thresholds)
    found = find_images(images)
    if found.passed_over:
        say(
            f"{len(found.passed_over):,} files are of kinds that are not read, and are not in the "
            f"table: {count_kinds(found.passed_over)}",
            "yellow",
        )
    chosen, warning = choose_execution(
        provider or settings.provider, read_precision(precision), device_id
    )
    if warning:
        say(f"warning: {warning}", "yellow")
    batch = default_batch(chosen)
    limits = read_model_limits(settings.model_limits, batch_timeout_s, memory_limit)
    session = open_model(run, chosen, batch=batch, limits=limits)
    if isinstance(session, Failure):
        raise RunError(f"run {run.name}: {session.reason}", session.remedy)
    values = thresholds.of(session.spec.labels)
    with show_progress(f"Predicting {len(found):,} images", len(found)) as advance:
        scores, findings = predict_images(
            session, found, name=run.name, batch=batch, advance=advance
        )
    write_predictions(tabulate_predictions(scores, values), output)
    typer.echo(output)
    for finding in findings:
        say_finding(finding)
    failed = [(i, r) for i, r in zip(scores.sample_ids, scores.reasons, strict=True) if r]
    for image, reason in failed[:20]:
        say(f"error: {image}: {reason}", "bold red")
    if failed:
        say(f"{len(failed)} of {len(found)} images failed; the column `failure` says why")
        raise typer.Exit(3)
