"""`covidreport predict`: a model's answers for images without truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct, to_builtins

from covidreport.cli.options import (
    AsJson,
    BatchSize,
    BatchTimeout,
    DeviceId,
    MemoryLimit,
    Precision,
    Provider,
    RunFolder,
    Threshold,
    TunedThresholds,
    read_options,
)
from covidreport.errors import UsageError
from covidreport.storage.address import locate, locate_output

if TYPE_CHECKING:
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
    context: typer.Context,
    model: RunFolder,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES",
            help="Images, folders of images, or a manifest (.csv, .parquet).",
            parser=locate,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(help="The table: .csv or .parquet.", parser=locate_output, metavar="PATH"),
    ] = Path("predictions.csv"),
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = None,
    batch_size: BatchSize = None,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
) -> None:
    """Predict."""
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import print_json, say, say_finding
    from covidreport.predict import predict_paths, write_predictions

    if output.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{output}: predictions are written as .csv or .parquet")
    _, options = read_options(context)
    with show_events() as on_event:
        predicted = predict_paths(model, images, options, on_event)
    scores, table = predicted.scores, predicted.table
    write_predictions(table, output)
    labels = _count_answers(table, predicted.chosen)
    failed = [(i, r) for i, r in zip(scores.sample_ids, scores.reasons, strict=True) if r]
    if as_json:
        document = {
            "schema": "covidreport.predict/1",
            "file": str(output),
            "images": len(predicted.images),
            "labels": [to_builtins(each) for each in labels],
            "failures": [{"image": image, "reason": reason} for image, reason in failed],
        }
        print_json(document)
    else:
        typer.echo(output)
        _show(labels)
    for finding in predicted.findings:
        say_finding(finding)
    for image, reason in failed[:20]:
        say(f"error: {image}: {reason}", "bold red")
    if failed:
        say(
            f"{len(failed)} of {len(predicted.images)} images failed; the column `failure` says why"
        )
        raise typer.Exit(3)


class _LabelAnswers(Struct, frozen=True):
    """A label's threshold, where it comes from, and how many images were called what."""

    label: str
    threshold: float | None
    """None where argmax decides."""
    threshold_from: str
    positive: int
    negative: int
    failed: int


def _count_answers(
    table: Mapping[str, Sequence[object]], chosen: ChosenThresholds
) -> list[_LabelAnswers]:
    tuned = (chosen.tuning or {}).get("targets")
    return [
        _LabelAnswers(
            label,
            chosen.values.get(label),
            chosen.origin if tuned is None or label in tuned else "not tuned",
            *(table[label].count(answer) for answer in (1, 0, None)),
        )
        for label in table
        if f"score.{label}" in table
    ]


def _show(labels: Sequence[_LabelAnswers]) -> None:
    from covidreport.cli.tables import Row, print_table
    from covidreport.cli.terminal import out
    from covidreport.text.columns import Column
    from covidreport.text.thresholds import format_threshold

    columns = (
        Column("label", "name"), Column("threshold", "figure"), Column("yes", "figure"),
        Column("no", "figure"), Column("failed", "figure"), Column("threshold from", "text", 1),
    )  # fmt: skip
    rows = []
    for each in labels:
        answers = (f"{n:,}" for n in (each.positive, each.negative, each.failed))
        origin, value = each.threshold_from, each.threshold
        at = origin if value is None else format_threshold(value)
        rows.append(Row((each.label, at, *answers, origin)))
    print_table(out, columns, rows)
