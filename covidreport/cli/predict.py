"""`covidreport predict`: a model's answers for images without truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import (
    BatchSize,
    BatchTimeout,
    DeviceId,
    MemoryLimit,
    Precision,
    Provider,
    Threshold,
    TunedThresholds,
)
from covidreport.errors import RunError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from covidreport.evaluate.tuned import ChosenThresholds


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write a model's answers for images without truth.",
        help=(
            "Run one model over images whose truth nobody knows and write a table: the image, a "
            "0/1 column and a score for each label, and why an image failed. A model is fed, and "
            "its scores are decided, as `evaluate` does: by the run.json beside it, at the "
            "thresholds of the options, the configuration or `tune`.\n\n"
            "Exit code: 0 all images were scored, 2 wrong usage, 3 the model or an image failed."
        ),
        epilog="Example: covidreport predict runs/exp15 images/ --output predictions.csv",
    )(predict)


def predict(
    model: Annotated[Path, typer.Argument(help="A run folder or an ONNX file.")],
    images: Annotated[
        list[Path],
        typer.Argument(help="Images, folders of images, or a manifest (.csv, .parquet)."),
    ],
    output: Annotated[Path, typer.Option(help="The table: .csv or .parquet.")] = Path(
        "predictions.csv"
    ),
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = 0,
    batch_size: BatchSize = None,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Predict."""
    from covidreport.cli.terminal import out, say, say_finding, show_progress
    from covidreport.config import find_settings, read_model_limits, read_threshold_options
    from covidreport.dataset.folders import count_kinds
    from covidreport.evaluate.record import open_model
    from covidreport.evaluate.request import default_batch
    from covidreport.evaluate.tuned import ReportedImages, choose_thresholds
    from covidreport.inference.execution import read_precision
    from covidreport.inference.providers import choose_execution
    from covidreport.predict import (
        find_images,
        find_model,
        predict_images,
        tabulate_predictions,
        write_predictions,
    )
    from covidreport.records import Failure

    if output.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{output}: predictions are written as .csv or .parquet")
    run = find_model(model)
    settings = find_settings(Path.cwd())
    wanted = read_threshold_options(threshold or [], settings.thresholds, thresholds)
    found = find_images(images)
    if found.passed_over:
        kinds, many = count_kinds(found.passed_over), len(found.passed_over)
        are = "1 file is of a kind that is not read, and is"
        if many > 1:
            are = f"{many:,} files are of kinds that are not read, and are"
        say(f"{are} not in the table: {kinds}", "yellow")
    execution, warning = choose_execution(
        provider or settings.provider, read_precision(precision), device_id
    )
    if warning:
        say(f"warning: {warning}", "yellow")
    batch = batch_size or default_batch(execution)
    limits = read_model_limits(settings.model_limits, batch_timeout_s, memory_limit)
    session = open_model(run, execution, batch=batch, limits=limits)
    if isinstance(session, Failure):
        raise RunError(f"run {run.name}: {session.reason}", session.remedy)
    # Nobody reports figures of these images: whether they were tuned on does not matter.
    shown = ReportedImages(found.name, "", None, session.spec.labels, ())
    chosen = choose_thresholds(wanted, run, shown, session.identity.sha256)
    with show_progress(f"Predicting {len(found):,} images", len(found)) as advance:
        scores, findings = predict_images(
            session, found, name=run.name, batch=batch, advance=advance
        )
    table = tabulate_predictions(scores, chosen.values)
    write_predictions(table, output)
    typer.echo(output)
    out.print(_show(table, chosen))
    for finding in findings:
        say_finding(finding)
    failed = [(i, r) for i, r in zip(scores.sample_ids, scores.reasons, strict=True) if r]
    for image, reason in failed[:20]:
        say(f"error: {image}: {reason}", "bold red")
    if failed:
        say(f"{len(failed)} of {len(found)} images failed; the column `failure` says why")
        raise typer.Exit(3)


def _show(table: Mapping[str, Sequence[object]], chosen: ChosenThresholds) -> Table:
    """Each label's threshold, where it comes from, and how many images were called what."""
    from rich.table import Table
    from rich.text import Text

    from covidreport.cli.terminal import clean
    from covidreport.thresholds import spell_threshold

    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("label", overflow="fold", min_width=8)
    for name in ("threshold", "yes", "no", "failed"):
        shown.add_column(name, justify="right")
    shown.add_column("threshold from")
    tuned = (chosen.tuning or {}).get("targets")
    for label, value in chosen.values.items():
        answers = [table[label].count(answer) for answer in (1, 0, None)]
        origin = chosen.origin if tuned is None or label in tuned else "not tuned"
        cells = (label, spell_threshold(value), *(f"{each:,}" for each in answers), origin)
        shown.add_row(*(Text(clean(cell)) for cell in cells))
    return shown
