"""`covidreport import-scores`: a run folder from scores that another framework computed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from covidreport.cli.options import AsJson, Data, NewRuns, Threshold, read_options
from covidreport.errors import UsageError
from covidreport.storage.address import locate

if TYPE_CHECKING:
    from covidreport.records import Activation

ACTIVATIONS = ("logit", "sigmoid", "softmax")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "import-scores",
        short_help="Make a run folder from another framework's scores.",
        help=(
            "Make a run folder from a table of scores that another framework computed, so that it "
            "is ranked beside the rest.\n\nColumns: the image (`id`, `sample_id`, `path` or "
            "`image`, as in the data, or its file's name where no other has it), and `score.LABEL` "
            "or `LABEL` for each label. An image without a row counts against the run; rows of "
            "other splits are passed over."
        ),
        epilog="Example: covidreport import-scores keras.csv --run keras --activation sigmoid",
    )(import_scores_command)


def import_scores_command(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The scores (.csv or .parquet).", parser=locate)
    ],
    run: Annotated[str, typer.Option(help="The name of the run and of its folder.")],
    activation: Annotated[
        str, typer.Option(help="What the scores are: logit, sigmoid or softmax.", metavar="NAME")
    ],
    output: NewRuns = Path("runs"),
    data: Data = None,
    split: Annotated[
        str | None, typer.Option(help="Which split the scores are of.  [default: validation]")
    ] = None,
    threshold: Threshold = None,
    decision: Annotated[
        str,
        typer.Option(
            help="What makes answers of scores: threshold, or argmax where they are those of a "
            "softmax: the class that scores highest.",
            metavar="NAME",
        ),
    ] = "threshold",
    other: Annotated[
        list[str] | None,
        typer.Option(
            help="The column of a class that the data lack, which competes by argmax; repeatable.",
            metavar="COLUMN",
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            help="The column that names the image.  [default: id, sample_id, path or image]"
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="The column of a label's scores, where it is called otherwise; repeatable.",
            metavar="LABEL=COLUMN",
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="What the run is, in a few words.")] = "",
    as_json: AsJson = False,
) -> None:
    """Import scores."""
    from covidreport.cli.progress import show_events
    from covidreport.cli.ranking import ranking_as_json, show_ranking
    from covidreport.cli.terminal import out, print_json, say_finding
    from covidreport.compare.ranking import rank_runs
    from covidreport.evaluate.folders import read_images
    from covidreport.evaluate.naming import tell_name
    from covidreport.evaluate.resolve import choose_data, read_query
    from covidreport.evaluate.thresholds import Thresholds
    from covidreport.import_scores import ImportRequest, import_scores
    from covidreport.records import ARGMAX, Decision, EvaluationReplaced, Run
    from covidreport.storage.files import MOST_NAME_BYTES, fits_name
    from covidreport.storage.runs import discover_runs

    if activation not in ACTIVATIONS:
        raise UsageError(f"--activation {activation}: one of {', '.join(ACTIVATIONS)}")
    if decision not in get_args(Decision):
        raise UsageError(f"--decision {decision}: one of {', '.join(get_args(Decision))}")
    if decision == ARGMAX and activation != "softmax":
        raise UsageError(f"--decision argmax takes --activation softmax, not {activation}")
    if decision == ARGMAX and threshold:
        raise UsageError("--threshold: by argmax there is none; leave one of the two out")
    if other and decision != ARGMAX:
        raise UsageError("--other: only argmax looks at other classes; say --decision argmax")
    if not fits_name(run):
        raise UsageError(
            f"--run {run[:MOST_NAME_BYTES]!r}: a name for a folder is wanted, without slashes or a "
            f"dot before it and of at most {MOST_NAME_BYTES} bytes"
        )
    columns = dict(_part_label(each) for each in label or ())
    settings, options = read_options(context)
    thresholds = options.thresholds or Thresholds()
    try:
        runs = discover_runs([output])
    except UsageError:  # none is there yet
        runs = ()
    namesake = next((r for r in runs if r.name == run and r.folder != output / run), None)
    if namesake is not None:
        raise UsageError(
            f"--run {run}: the run in {namesake.folder_text} is called so; give another name"
        )
    with show_events() as on_event:
        query = choose_data(options, runs)
        images = read_images(query, options, on_event).file_under([Run(run, output / run, None)])
        dataset = images.dataset
        tell_name(query, dataset.name, on_event)
        whole = read_query(query, lambda _: ()) if dataset.splits else dataset
        evaluation = import_scores(
            ImportRequest(
                file=file,
                run=run,
                output=output,
                activation=cast("Activation", activation),
                dataset=dataset,
                split=images.split,
                fingerprint=images.fingerprint,
                label_fingerprints=images.label_fingerprints,
                thresholds={} if decision == ARGMAX else thresholds.of(dataset.labels),
                thresholds_from=ARGMAX if decision == ARGMAX else thresholds.origin,
                description=description,
                notes=images.notes,
                id_column=id_column,
                columns=columns,
                others=tuple(other or ()),
                whole=whole,
                metrics=settings.metrics.plan(dataset.labels, settings.target),
            ),
            lambda what: on_event(EvaluationReplaced(what)),
        )
    rankings = rank_runs([evaluation], settings.target, settings.specificity_floor)
    if as_json:
        document = {
            "schema": "covidreport.import-scores/1",
            "folder": str(output / run),
            "rankings": [ranking_as_json(each, [evaluation]) for each in rankings],
        }
        print_json(document)
    else:
        for ranking in rankings:
            show_ranking(out, ranking, [evaluation])
    for finding in evaluation.findings:
        say_finding(finding)


def _part_label(stated: str) -> tuple[str, str]:
    """A label and its column. A label may be spelt with `=`, a column too: the first one parts."""
    label, _, column = stated.partition("=")
    if not label or not column:
        raise UsageError(f"--label {stated}: LABEL=COLUMN is wanted, such as covid-19=p_covid")
    return label, column
