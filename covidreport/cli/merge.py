"""`covidreport merge`: the parts of shards put together, as if one machine had scored all."""

from __future__ import annotations

from pathlib import Path

import typer
from msgspec.structs import replace

from covidreport.cli.options import (
    AsJson,
    BatchSize,
    BatchTimeout,
    Cache,
    DeviceId,
    EachData,
    EvaluatedSplit,
    MaxFailedShare,
    MemoryLimit,
    Occlude,
    PartFolders,
    Precision,
    Provider,
    Threshold,
    TunedThresholds,
    WrittenRuns,
    take_each_data,
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Put together what shards have scored.",
        help=(
            "Put the parts together that `covidreport evaluate --shard` left, in any order and "
            "from any machines, and store what one machine would have stored. The options are "
            "those of the shards, and thresholds. No image is scored: three are decoded and each "
            "model is loaded, to ask what every evaluation asks.\n\n"
            "A part that is of other data, another model or contract, other settings or versions "
            "is refused with what it differs in; one that is missing or there twice is named. Then "
            "nothing of that run is changed.\n\n"
            "Exit code: 0 all runs were merged, 2 wrong usage or no run has all parts, 3 a run "
            "could not be merged, or more than `max_failed_share` of the images failed."
        ),
        epilog="Example: covidreport merge runs/ --data data/manifest.csv --parts parts",
    )(merge)


def merge(
    context: typer.Context,
    folders: WrittenRuns = None,
    data: EachData = None,
    split: EvaluatedSplit = None,
    part_folders: PartFolders = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    occlude: Occlude = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = None,
    batch_size: BatchSize = None,
    cache: Cache = True,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
    max_failed_share: MaxFailedShare = None,
) -> None:
    """Merge parts."""
    from covidreport.cli.evaluate import evaluate_and_show
    from covidreport.storage.parts import PARTS_FOLDER

    parts = tuple(dict.fromkeys(part_folders or [Path(PARTS_FOLDER)]))
    each_data = [replace(options, parts=parts) for options in take_each_data(context)]
    evaluate_and_show(folders or (), each_data, as_json=as_json)
