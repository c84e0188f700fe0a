"""`covidreport import-readers`: run folders from radiologists' calls or ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.options import AsJson, Data, NewRuns, read_options
from covidreport.errors import UsageError
from covidreport.storage.address import locate


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "import-readers",
        short_help="Make a run folder of each radiologist's readings.",
        help=(
            "Make a run folder of each reader from a table of readings, so that runs are compared "
            "with radiologists on the same images.\n\nColumns: the image (as in import-scores), "
            "`reader` and `rating`; a row an image and reader. A rating is a number on the scale, "
            "for a call 0 or 1. An image that a reader has no row of counts against that reader."
        ),
        epilog="Example: covidreport import-readers readings.csv --scale 1,5 --call 4",
    )(import_readers_command)


def import_readers_command(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The readings (.csv or .parquet).", parser=locate)
    ],
    scale: Annotated[
        str,
        typer.Option(
            help="The lowest and the highest rating, such as 1,5 or 0,100; 0,1 for calls.",
            metavar="LOW,HIGH",
        ),
    ],
    call: Annotated[
        float | None,
        typer.Option(
            help="The lowest rating that calls an image positive.  [default: the first above the "
            "middle of the scale]",
            metavar="RATING",
        ),
    ] = None,
    output: NewRuns = Path("runs"),
    data: Data = None,
    split: Annotated[
        str | None, typer.Option(help="Which split was read.  [default: validation]")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="What was rated.  [default: the target]")
    ] = None,
    reader_column: Annotated[
        str, typer.Option(help="The column that names the reader.")
    ] = "reader",
    rating_column: Annotated[str, typer.Option(help="The column of the rating.")] = "rating",
    id_column: Annotated[
        str | None,
        typer.Option(
            help="The column that names the image.  [default: id, sample_id, path or image]"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import readers."""
    from covidreport.cli.progress import show_events
    from covidreport.cli.ranking import ranking_as_json, show_ranking
    from covidreport.cli.terminal import out, print_json, say_finding
    from covidreport.compare.ranking import rank_runs
    from covidreport.evaluate.folders import read_images
    from covidreport.evaluate.naming import tell_name
    from covidreport.evaluate.resolve import choose_data, read_query
    from covidreport.import_readers import Readings, import_readers
    from covidreport.import_scores import ImportRequest
    from covidreport.storage.runs import discover_runs

    readings = Readings(_read_scale(scale), call, reader_column, rating_column)
    settings, options = read_options(context)
    rated = label or settings.target
    try:
        runs = discover_runs([output])
    except UsageError:  # none is there yet
        runs = ()
    others = [run.name for run in runs if not (run.folder / "imported.json").exists()]
    with show_events() as on_event:
        query = choose_data(options, runs)
        images = read_images(query, options, on_event)
        if rated not in images.dataset.labels:
            raise UsageError(
                f"{rated} is no label of the data, which has {', '.join(images.dataset.labels)}: "
                "say what was rated with --label"
            )
        images = images.take((rated,)).file_under(runs)
        dataset = images.dataset
        tell_name(query, dataset.name, on_event)
        request = ImportRequest(
            file=file,
            run="",
            output=output,
            activation="sigmoid",
            dataset=dataset,
            split=images.split,
            fingerprint=images.fingerprint,
            label_fingerprints=images.label_fingerprints,
            thresholds={},
            thresholds_from="default",
            notes=images.notes,
            id_column=id_column,
            whole=read_query(query, lambda _: ()) if dataset.splits else dataset,
            metrics=settings.metrics.plan(dataset.labels, settings.target),
        )
        evaluations = import_readers(request, readings, rated, others)
    rankings = rank_runs(evaluations, rated, settings.specificity_floor)
    if as_json:
        document = {
            "schema": "covidreport.import-readers/1",
            "folders": [str(output / each.run) for each in evaluations],
            "rankings": [ranking_as_json(each, evaluations) for each in rankings],
        }
        print_json(document)
    else:
        for ranking in rankings:
            show_ranking(out, ranking, evaluations)
    for finding in dict.fromkeys(each for one in evaluations for each in one.findings):
        say_finding(finding)


def _read_scale(stated: str) -> tuple[float, float]:
    low, _, high = stated.partition(",")
    try:
        scale = float(low), float(high)
    except ValueError:
        scale = 0.0, 0.0
    if not scale[0] < scale[1] or not all(abs(end) < 1e9 for end in scale):
        raise UsageError(f"--scale {stated}: LOW,HIGH is wanted, such as 1,5")
    return scale
