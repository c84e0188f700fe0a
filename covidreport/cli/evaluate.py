"""`covidreport evaluate`: run models over images and store what they answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import (
    AsJson,
    BatchSize,
    BatchTimeout,
    Cache,
    Data,
    DeviceId,
    EvaluatedSplit,
    Jobs,
    MaxFailedShare,
    MemoryLimit,
    Precision,
    Provider,
    Runs,
    Threshold,
    TunedThresholds,
    Verbose,
    read_options,
)
from covidreport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.compare.ranking import RankedSet
    from covidreport.evaluate.folders import EvaluatedFolders
    from covidreport.evaluate.outcome import Outcome
    from covidreport.records import Failure


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Run models over images and store what they answer.",
        help=(
            "Run the models of run folders over a data set and store counts, figures and scores in "
            "each.\n\nData, split and thresholds come from the options, else from covidreport.toml "
            "or [tool.covidreport] in a pyproject.toml, else from the run folders.\n\n"
            "Exit code: 0 all runs were evaluated, 2 wrong usage or refused data, 3 a run or "
            "more than `max_failed_share` of the images failed."
        ),
        epilog="Example: covidreport evaluate runs/ --data data/manifest.csv --split validation",
    )(evaluate)


def evaluate(
    context: typer.Context,
    folders: Runs = None,
    data: Data = None,
    split: EvaluatedSplit = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = 0,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Compute again what is unchanged, and replace other data's evaluations.",
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
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
    max_failed_share: MaxFailedShare = None,
    verbose: Verbose = False,
) -> None:
    """Evaluate runs."""
    from covidreport.cli.found import find_runs
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import part_of, say, say_failures, say_finding, show_tracebacks
    from covidreport.compare import rank_and_compare
    from covidreport.evaluate.folders import evaluate_folders
    from covidreport.evaluate.outcome import (
        describe_scored_again,
        list_evaluated,
        list_failures,
        list_findings,
    )
    from covidreport.evaluate.resolve import part_runs

    show_tracebacks(verbose)
    settings, options = read_options(context)
    runs, alone = part_runs(found := find_runs(folders))
    if not runs:
        raise UsageError(
            "no run here has a model to run: what was imported or pulled without its model is "
            "ranked by `covidreport render`, and takes other thresholds from `covidreport score`"
        )
    if alone:
        which = part_of(len(alone), len(found), "holds", "hold")
        say(f"{which} imported figures and no model: nothing of them is changed")
    with show_events() as on_event:
        done = evaluate_folders(runs, options, on_event)
    planned = settings.plan_comparisons(runs)
    ranked = rank_and_compare(
        list_evaluated(done.outcomes), settings.target, settings.specificity_floor, planned
    )
    failed = list_failures(done.outcomes)
    _show_done(done, ranked, failed, as_json=as_json)
    for sentence in describe_scored_again(done.outcomes, settings.target):
        say(sentence, None if sentence.startswith(" ") else "yellow")
    kept = sum(outcome.kept and outcome.before is None for outcome in done.outcomes)
    if kept:
        which = part_of(kept, len(runs), "is unchanged and was", "are unchanged and were")
        say(f"{which} not run again (--force does)")
    for finding in (*list_findings(done.outcomes), *(f for each in ranked for f in each.findings)):
        if finding not in done.findings:
            say_finding(finding)
    say_failures(failed)
    most = options.max_failed_share
    too_many = _say_too_many(done.outcomes, settings.max_failed_share if most is None else most)
    if failed:
        rest = "; the others were evaluated" if len(failed) < len(runs) else ""
        say(f"{part_of(len(failed), len(runs), 'failed')}{rest}")
    if failed or too_many:
        raise typer.Exit(3)


def _show_done(
    done: EvaluatedFolders, ranked: Sequence[RankedSet], failed: Sequence[Failure], *, as_json: bool
) -> None:
    """The rankings, as tables or for a program."""
    from covidreport.cli.ranking import ranking_as_json, show_ranking
    from covidreport.cli.terminal import failure_as_json, out, print_json
    from covidreport.evaluate.outcome import list_evaluated

    if not as_json:
        for each in ranked:
            show_ranking(out, each.ranking, each.evaluations)
        return
    result = {
        "schema": "covidreport.evaluate/1",
        "rankings": [ranking_as_json(each.ranking, each.evaluations) for each in ranked],
        "failures": [failure_as_json(failure) for failure in failed],
        "evaluations": {
            run.name: f"{run.place}/evaluations/{evaluation.key}"
            for run, evaluation in list_evaluated(done.outcomes)
        },
    }
    print_json(result)


def _say_too_many(outcomes: Sequence[Outcome], most: float) -> bool:
    """Whether more images failed than may; said once for all runs that it is true of."""
    from covidreport.cli.terminal import say
    from covidreport.evaluate.outcome import find_too_many_failed

    found = find_too_many_failed(outcomes, most)
    for why, names in found.items():
        say(f"error: {why}: nothing can be said of {', '.join(names)}", "bold red")
    return bool(found)
