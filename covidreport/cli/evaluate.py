"""`covidreport evaluate`: run models over images and store what they answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from covidreport.cli.options import (
    AsJson,
    BatchSize,
    BatchTimeout,
    Cache,
    Devices,
    EachData,
    EvaluatedSplit,
    Jobs,
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
from covidreport.errors import UsageError

if TYPE_CHECKING:
    from covidreport.api.evaluating import EvaluatedRuns
    from covidreport.evaluate.maps import MadeMaps
    from covidreport.evaluate.options import EvaluateOptions


SCHEMA = "covidreport.evaluate/2"
"""Of several data sets: `datasets` holds a document for each, by name."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Run models over images and store what they answer.",
        help=(
            "Run the models of run folders over a data set and store counts, metrics and scores in "
            "each.\n\nData, split and thresholds come from the options, else from covidreport.toml "
            "or [tool.covidreport] in a pyproject.toml, else from the run folders. Of --data "
            "given twice or more, a report shows the data sets side by side.\n\n"
            "With --occlude it says what each run still knows without that part. A run that "
            "recognises COVID-19 without the lungs has learned something else. The part is a "
            "fraction of the model's input: centre is a rectangle in the middle with 0.8 of the "
            "height and of the width, borders a frame of 0.1, corners four rectangles with sides "
            "of 0.2. It is stored beside the usual evaluation, such as "
            "cxr-validation-occlude-centre-0.8.\n\n"
            "With --shard 3/7 it scores the third of seven parts of the images, on any machine; "
            "`covidreport merge` makes of all parts what one machine would have made.\n\n"
            "With --counts-only it evaluates a kit of `covidreport kit` on images that can't "
            "leave: it prints the answer, writes just that, sends nothing and keeps nothing "
            "else.\n\n"
            "Exit code: 0 all runs were evaluated, 2 wrong usage or refused data, 3 a run or "
            "more than `max_failed_share` of the images failed."
        ),
        epilog="Example: covidreport evaluate runs/ --data data/manifest.csv --split validation",
    )(evaluate)


def evaluate(
    context: typer.Context,
    folders: WrittenRuns = None,
    data: EachData = None,
    split: EvaluatedSplit = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    occlude: Occlude = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    devices: Devices = None,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Compute again what is unchanged.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare files by their bytes, whatever the file system says."
        ),
    ] = False,
    cache: Cache = True,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails", help="Keep small pictures of missed cases and false alarms for reports."
        ),
    ] = False,
    maps: Annotated[
        bool,
        typer.Option(
            "--maps",
            help="Keep maps of where the best run and the baseline look: one part of each positive "
            "hidden after another, 64 inferences an image.",
        ),
    ] = False,
    maps_of: Annotated[
        list[str] | None,
        typer.Option(help="Maps of this run in place of those; repeatable.", metavar="RUN"),
    ] = None,
    maps_fill: Annotated[
        str | None,
        typer.Option(help="What hides a part: black or blur.  [default: black]", metavar="NAME"),
    ] = None,
    disturb: Annotated[
        bool,
        typer.Option(
            "--disturb",
            help="Change pictures in graded ways (JPEG, noise, blur, brightness, and others) and "
            "keep what becomes of the answers. Stored as the variant disturb.",
        ),
    ] = False,
    disturb_kind: Annotated[
        list[str] | None,
        typer.Option(help="This change alone; repeatable.  [default: all]", metavar="NAME"),
    ] = None,
    disturb_severity: Annotated[
        list[int] | None,
        typer.Option(help="This severity alone, 1 to 5; repeatable.  [default: all]"),
    ] = None,
    foreign: Annotated[
        bool,
        typer.Option(
            "--foreign",
            help="Show the negatives turned, mirrored and without lungs, and count how many are "
            "called the target. Stored as the variant foreign.",
        ),
    ] = False,
    foreign_from: Annotated[
        list[Path] | None,
        typer.Option(
            help="The same, and the pictures of this folder, such as lateral views; repeatable.",
            metavar="DIR",
        ),
    ] = None,
    check_preprocessing: Annotated[
        bool | None,
        typer.Option(
            help="Feed each model in other ways as well, on images of another split, and say which "
            "is better: scale, normalisation, inversion, order of colours, fit.  [default: as "
            "configured, else no]",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Score one part of the images alone, such as 3/7 the third of seven; `covidreport "
            "merge` puts all parts together.",
            metavar="I/N",
        ),
    ] = None,
    part_folders: PartFolders = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="What scores the images: local, or ray, workers of a cluster (on processors "
            "alone).  [default: local]",
            metavar="NAME",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="A cluster of Ray that is there, such as auto or HOST:PORT.  [default: one is "
            "started here]",
            metavar="ADDRESS",
        ),
    ] = None,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
    max_failed_share: MaxFailedShare = None,
    counts_only: Annotated[
        Path | None,
        typer.Option(
            help="Evaluate a kit (kit.zip) and write counts alone, to be sent back: no score, no "
            "id, no picture.",
            metavar="FILE",
        ),
    ] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave counts (and groups), curves or groups out of that answer; repeatable.",
            metavar="PART",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Keep the kit's runs and their scores here, in this new folder.  [default: "
            "nothing is kept]",
            metavar="FOLDER",
        ),
    ] = None,
) -> None:
    """Evaluate runs."""
    from covidreport.cli.answering import answer_and_show, refuse_alone

    each_data = take_each_data(context)
    if counts_only is not None:
        done = answer_and_show(folders or (), each_data, counts_only, withhold or (), keep)
        _say_what_happened(done)
        _leave_with_failures([done])
        return
    refuse_alone(folders or (), withhold=withhold, keep=keep)
    if shard is None and part_folders:
        raise UsageError("--parts without --shard: `covidreport merge` reads the parts of shards")
    evaluate_and_show(folders or (), each_data, as_json=as_json)


def evaluate_and_show(
    folders: Sequence[Path], each_data: Sequence[EvaluateOptions], *, as_json: bool
) -> None:
    """Evaluate runs on each data set, print what came out, and leave with the exit code that says
    it."""
    from covidreport.api.evaluating import evaluate_runs
    from covidreport.cli.concluding import conclude_evaluation
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import print_json, say

    every = []
    for options in each_data:
        if len(each_data) > 1:
            say(f"data set {options.name}: {options.data}")
        with show_events() as on_event:
            done = evaluate_runs(*folders, options=options, on_event=on_event)
        if not as_json:
            _show_rankings(done)
            _show_parts(done, options)
        _say_what_happened(done)
        every.append(done)
    if not as_json and each_data[0].shard is None:
        conclude_evaluation(every, folders)
    if as_json:
        documents = [_describe(done) for done in every]
        several = {
            "schema": SCHEMA,
            "datasets": dict(zip(map(_name_data, each_data, every), documents, strict=True)),
        }
        print_json(several if len(documents) > 1 else documents[0])
    _leave_with_failures(every)


def _leave_with_failures(every: Sequence[EvaluatedRuns]) -> None:
    """The exit code where a run failed, or too many images."""
    if any(done.failures or done.too_many_failed for done in every):
        raise typer.Exit(3)


def _name_data(options: EvaluateOptions, done: EvaluatedRuns) -> str:
    """What evaluations on a data set were filed under, or were to be."""
    from covidreport.evaluate.outcome import list_evaluated

    found = (evaluation.dataset for _, evaluation in list_evaluated(done.outcomes))
    return next(found, options.name or "")


def _say_what_happened(done: EvaluatedRuns) -> None:
    """What was kept, found or failed, on stderr."""
    from covidreport.cli.terminal import part_of, say, say_failures, say_finding
    from covidreport.evaluate.outcome import describe_scored_again, list_findings

    for sentence in describe_scored_again(done.outcomes, done.target):
        say(sentence, None if sentence.startswith(" ") else "yellow")
    runs, alone = len(done.outcomes), len(done.without_model)
    if alone:
        which = part_of(alone, runs + alone, "holds", "hold")
        say(f"{which} imported metrics and no model: nothing of them is changed")
    reused = sum(outcome.reused and outcome.before is None for outcome in done.outcomes)
    if reused:
        which = part_of(reused, runs, "is unchanged and was", "are unchanged and were")
        say(f"{which} not run again (--force does)")
    of_rankings = (finding for each in done.rankings for finding in each.findings)
    for finding in (*list_findings(done.outcomes), *of_rankings):
        if finding not in done.findings:
            say_finding(finding)
    say_failures(done.failures)
    for why, names in done.too_many_failed.items():
        say(f"error: {why}: nothing can be said of {', '.join(names)}", "bold red")
    if done.failures:
        failed = len(done.failures)
        rest = "; the others were evaluated" if failed < runs else ""
        say(f"{part_of(failed, runs, 'failed')}{rest}")


def _show_rankings(done: EvaluatedRuns) -> None:
    """The rankings as tables."""
    from covidreport.audit.occlusion import describe_remaining
    from covidreport.cli.ranking import show_ranking
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out
    from covidreport.evaluate.preprocessing import describe_check

    for each in done.rankings:
        show_ranking(out, each.ranking, each.evaluations, verdict=False)
    for check in done.preprocessing:
        print_line(out, describe_check(check))
    for one in done.remaining:
        print_line(out, describe_remaining(one, done.target))


def _show_parts(done: EvaluatedRuns, options: EvaluateOptions) -> None:
    """Where the parts of a shard stand."""
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out
    from covidreport.text import plural

    parts = [each.part for each in done.outcomes if each.part is not None]
    if parts and options.shard is not None:
        where = parts[0].parent.parent
        print_line(out, f"shard {options.shard} of {plural(len(parts), 'run')} stands in {where}")


def _describe(done: EvaluatedRuns) -> dict[str, Any]:
    """What came out, for a program."""
    from covidreport.cli.ranking import ranking_as_json
    from covidreport.cli.terminal import failure_as_json
    from covidreport.evaluate.outcome import list_evaluated

    result: dict[str, Any] = {
        "schema": SCHEMA,
        "rankings": [ranking_as_json(each.ranking, each.evaluations) for each in done.rankings],
        "failures": [failure_as_json(failure) for failure in done.failures],
        "evaluations": {
            run.name: f"{run.folder_text}/evaluations/{evaluation.key}"
            for run, evaluation in list_evaluated(done.outcomes)
        },
    }
    parts = {each.run.name: str(each.part) for each in done.outcomes if each.part is not None}
    if parts:
        result["parts"] = parts
    if done.remaining:
        result["remaining"] = [one._asdict() for one in done.remaining]
    if done.maps:
        result["maps"] = [_describe_maps(one) for one in done.maps]
    if done.preprocessing:
        result["preprocessing"] = [{"run": o.run, **o.facts()} for o in done.preprocessing]
    return result


def _describe_maps(one: MadeMaps) -> dict[str, Any]:
    return {
        "run": one.run, "file": f"evaluations/{one.evaluation}/maps/maps.json",
        "images": one.images, "positives": one.positives, "patches": one.patches,
        "failed": one.failed, "kept": one.kept, "inferences": one.inferences,
        "seconds": round(one.seconds, 3),
    }  # fmt: skip
