"""`covidreport evaluate`: run models over images and store what they answered."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.config import Settings
    from covidreport.evaluate.record import Outcome
    from covidreport.records import Dataset, Finding, Run


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Run models over images and store what they answer.",
        help=(
            "Run the models of run folders over a data set and store counts, figures and scores in "
            "each.\n\nData, split and thresholds come from the options, else from covidreport.toml "
            "or [tool.covidreport] in a pyproject.toml, else from the run folders.\n\n"
            "Exit code: 0 all runs were evaluated, 2 wrong usage or refused data, 3 a run failed."
        ),
        epilog="Example: covidreport evaluate runs/ --data data/manifest.csv --split validation",
    )(evaluate)


def evaluate(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUNS]...", help="Run folders, or folders of them.  [default: runs]"
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A manifest (.csv, .parquet) or a folder of class folders."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which split to evaluate on.  [default: validation]")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="A probability, or LABEL=PROBABILITY; repeatable.  [default: 0.5]"),
    ] = None,
    thresholds: Annotated[
        str | None,
        typer.Option(
            help="tuned: each run's own, as `covidreport tune` stored them.", metavar="NAME"
        ),
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            help="auto, tensorrt, cuda or cpu. A provider that can't run is an error.",
            metavar="NAME",
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(help="fp32, tf32 or fp16; below fp32 on an accelerator.", metavar="NAME"),
    ] = "fp32",
    device_id: Annotated[int, typer.Option(min=0, help="Which card, counted from 0.")] = 0,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=4096,
            help="Images that a model is fed at once.  [default: 32, 256 on a card]",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of work.  [default: the cores that may be used]"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compute again what is unchanged since the last time.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare files by their bytes, not by size and time."),
    ] = False,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep decoded pixels for the next time.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what came out as JSON instead of tables.")
    ] = False,
) -> None:
    """Evaluate runs."""
    from covidreport.cli.ranking import ranking_as_json, show_ranking
    from covidreport.cli.terminal import count_progress, out, say, say_finding, show_progress
    from covidreport.config import find_settings, read_threshold_options
    from covidreport.dataset import fingerprint, read_dataset
    from covidreport.dataset.digests import digest_files
    from covidreport.dataset.fill import fill_from_headers
    from covidreport.evaluate.record import Progress, evaluate_runs
    from covidreport.evaluate.request import Request, default_batch
    from covidreport.inference.execution import read_precision
    from covidreport.inference.providers import choose_execution
    from covidreport.ranking import rank_runs
    from covidreport.runs import discover_runs

    settings = find_settings(Path.cwd())
    wanted = read_threshold_options(threshold or [], settings.thresholds, thresholds)
    runs = discover_runs(folders or [Path("runs")])
    source = find_data(data, settings, runs)
    asked = provider or settings.provider
    chosen, warning = choose_execution(asked, read_precision(precision), device_id)
    labels = settings.labels or common_labels(runs)
    whole = read_dataset(
        source, labels, group=settings.group, name=settings.name, uncertain=settings.uncertain
    )
    dataset, split_name = choose_split(whole, split or settings.split)
    wanted.fixed(dataset.labels)  # a threshold for a label that isn't there is said before work
    with show_progress(f"Reading {len(dataset):,} files", len(dataset)) as advance:
        digests = digest_files(dataset, verify=verify or force, use_cache=cache, advance=advance)
        dataset, notes = fill_from_headers(dataset, digests, use_cache=cache)
    request = Request(
        dataset=dataset,
        split=split_name,
        digests=digests,
        fingerprint=fingerprint(dataset, digests),
        thresholds=wanted,
        asked_provider=asked,
        execution=chosen,
        batch=batch_size or default_batch(chosen),
        jobs=jobs,
        force=force,
        verify=verify,
        use_cache=cache,
        warnings=(*(() if warning is None else (_gpu_not_used(warning),)), *notes),
    )
    for finding in request.warnings:
        say_finding(finding)
    with count_progress(f"Evaluating {len(dataset):,} images") as (begin, advance):
        outcomes = evaluate_runs(request, runs, Progress(begin, advance))
    evaluations = [outcome.evaluation for outcome in outcomes if outcome.evaluation]
    rankings = rank_runs(evaluations, settings.target, settings.specificity_floor)
    failed = [outcome.failure for outcome in outcomes if outcome.failure]
    if as_json:
        result = {
            "schema": "covidreport.evaluate/1",
            "rankings": [ranking_as_json(ranking, evaluations) for ranking in rankings],
            "failures": [{"run": f.subject, "stage": f.stage, "reason": f.reason} for f in failed],
            "evaluations": {
                outcome.run.name: str(outcome.run.folder / "evaluations" / outcome.evaluation.key)
                for outcome in outcomes
                if outcome.evaluation
            },
        }
        typer.echo(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for ranking in rankings:
            show_ranking(out, ranking, evaluations)
    kept = sum(outcome.kept for outcome in outcomes)
    if kept:
        say(f"{kept} of {len(runs)} runs are unchanged and were not run again (--force does)")
    for finding in _shared_findings(outcomes):
        if finding not in request.warnings:
            say_finding(finding)
    for failure in failed:
        say(f"error: run {failure.subject} was not evaluated: {failure.reason}", "bold red")
    if failed:
        say(f"{len(failed)} of {len(runs)} runs failed; the others were evaluated")
        raise typer.Exit(3)


def _gpu_not_used(why: str) -> Finding:
    from covidreport.records import Finding

    return Finding(
        "warning",
        "gpu-not-used",
        "A GPU is here and was not used",
        why,
        "Install what is missing, or ask for `--provider cpu` so that it is meant.",
    )


def _shared_findings(outcomes: Sequence[Outcome]) -> list[Finding]:
    """The findings of all evaluations, each once."""
    found = [f for o in outcomes if o.evaluation for f in o.evaluation.findings]
    return list(dict.fromkeys(found))


def find_data(option: Path | None, settings: Settings, runs: Sequence[Run]) -> Path:
    """Where the images are: the option, else the configuration, else what the run folders name."""
    for path, origin in ((option, "--data"), (settings.data, f"`data` in {settings.origin}")):
        if path is not None:
            if not path.exists():
                raise UsageError(f"{path}: no such file or folder (from {origin})")
            return path
    named: dict[Path, str] = {}
    for run in runs:
        source = (run.settings.get("data") or {}).get("source")
        if source:
            named.setdefault((run.folder / source).resolve(), run.name)
    if len(named) == 1:
        (path,) = named
        if path.exists():
            return path
        raise UsageError(
            f"{path}: named as its data by run {named[path]} and not there; use --data"
        )
    if named:
        places = "; ".join(f"{name}: {path}" for path, name in named.items())
        raise UsageError(f"the runs name different data ({places}); say which with --data")
    raise UsageError(
        "no data is named: use --data, or `covidreport init DATA` to write a covidreport.toml"
    )


def common_labels(runs: Sequence[Run]) -> tuple[str, ...] | None:
    """The labels that most models state, as the first of them orders them; None without models.

    A model that states others then fails by name, and does not hold up the rest. Read from the
    files, without loading a model.
    """
    from covidreport.inference.contract import read_labels

    stated = [labels for run in runs if run.model and (labels := read_labels(run))]
    if not stated:
        return None
    sets = Counter(frozenset(labels) for labels in stated)
    common, _ = sets.most_common(1)[0]
    return next(labels for labels in stated if frozenset(labels) == common)


def choose_split(dataset: Dataset, wanted: str | None) -> tuple[Dataset, str]:
    """One split of the data and its name: `validation` where nothing is said, `all` without any."""
    from covidreport.dataset import select_split

    if dataset.splits is None:
        if wanted not in (None, "all"):
            raise UsageError(f"the data has no splits, and split {wanted!r} was asked for")
        return dataset, "all"
    name = (wanted or "validation").lower()
    return select_split(dataset, name), name
