"""`covidreport occlude`: what runs still know with a part of every image blacked out."""

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
    Data,
    EvaluatedSplit,
    Jobs,
    MemoryLimit,
    Provider,
    Runs,
)

if TYPE_CHECKING:
    from rich.table import Table

    from covidreport.evaluate.record import Outcome
    from covidreport.records import Evaluation, Finding

SCHEMA = "covidreport.occlude/1"
METRICS = ("roc_auc", "sensitivity", "specificity")
TITLES = ("ROC AUC", "sensitivity", "specificity")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Evaluate with a part of every image blacked out.",
        help=(
            "Evaluate runs with a part of every image blacked out, and set what remains beside "
            "their usual figures. A run that tells COVID-19 without the lungs has learned "
            "something else.\n\n"
            "The part is given as a fraction of the model's input: centre is a rectangle in the "
            "middle with that share of the height and of the width (0.8 unless said), borders a "
            "frame of that thickness (0.1), corners four rectangles with such sides (0.2). It is "
            "stored as an evaluation of its own beside the usual one, such as "
            "cxr-validation-occlude-centre-0.8, at the same thresholds.\n\n"
            "Exit code: 0 all runs were evaluated, 2 wrong usage or refused data, 3 a run failed."
        ),
        epilog="Example: covidreport occlude runs/ --data data/manifest.csv --region centre",
    )(occlude)


def occlude(
    context: typer.Context,
    folders: Runs = None,
    data: Data = None,
    split: EvaluatedSplit = None,
    region: Annotated[
        str, typer.Option(help="centre, borders or corners.", metavar="NAME")
    ] = "centre",
    fraction: Annotated[
        float | None, typer.Option(help="How much of height and width.", metavar="SHARE")
    ] = None,
    provider: Provider = None,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    cache: Cache = True,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate with a region blacked out."""
    from covidreport.cli.command_line import spell_command
    from covidreport.cli.evaluate import (
        choose_split,
        common_labels,
        failure_as_json,
        find_data,
        need_split,
    )
    from covidreport.cli.found import find_runs
    from covidreport.cli.terminal import (
        count_progress,
        out,
        print_json,
        say,
        say_failures,
        say_finding,
        say_replaced,
        say_waiting,
        show_progress,
    )
    from covidreport.config import find_settings, read_model_limits
    from covidreport.dataset import fingerprint, read_dataset
    from covidreport.dataset.digests import digest_files
    from covidreport.dataset.fill import fill_from_headers
    from covidreport.evaluate.occlude import read_occlusion
    from covidreport.evaluate.occluded import evaluate_occluded, evaluate_usual
    from covidreport.evaluate.record import Progress
    from covidreport.evaluate.request import Request, default_batch
    from covidreport.inference.providers import choose_execution

    occlusion = read_occlusion(region, fraction)
    settings = find_settings(Path.cwd())
    limits = read_model_limits(settings.model_limits, batch_timeout_s, memory_limit)
    runs = find_runs(folders)
    source = find_data(data, settings, runs)
    asked = provider or settings.provider
    execution, warning = choose_execution(asked)
    if warning is not None:
        say(f"warning: a GPU is here and was not used: {warning}", "yellow")
    whole = read_dataset(
        source, settings.labels or common_labels(runs, source, settings.uncertain),
        group=settings.group, name=settings.name, uncertain=settings.uncertain,
        needed=need_split(split or settings.split),
    )  # fmt: skip
    dataset, split_name = choose_split(whole, split or settings.split)
    with show_progress(f"Reading {len(dataset):,} files", len(dataset)) as advance:
        digests = digest_files(dataset, use_cache=cache, advance=advance)
        dataset, notes = fill_from_headers(dataset, digests, use_cache=cache)
    request = Request(
        dataset=dataset,
        split=split_name,
        digests=digests,
        fingerprint=fingerprint(dataset, digests),
        thresholds=settings.thresholds,
        asked_provider=asked,
        execution=execution,
        batch=batch_size or default_batch(execution),
        jobs=jobs,
        use_cache=cache,
        warnings=notes,
        figures=settings.figures.plan(dataset.labels, settings.target),
        command=spell_command(context),
        limits=limits,
    )
    with count_progress(f"Evaluating {len(dataset):,} images") as (begin, advance):
        usual = evaluate_usual(
            request, runs, Progress(begin, advance, say_waiting, replaced=say_replaced)
        )
    with count_progress(f"Evaluating without {region}") as (begin, advance):
        blacked = evaluate_occluded(
            request, occlusion, usual, Progress(begin, advance, say_waiting, replaced=say_replaced)
        )
    pairs = _pair(usual, blacked)
    findings = _find_shortcuts(pairs, settings.target, dataset.name, split_name)
    failed = [each.failure for each in (*usual, *blacked) if each.failure]
    if as_json:
        document = {
            "schema": SCHEMA,
            "dataset": dataset.name,
            "split": split_name,
            "target": settings.target,
            "occlusion": {**occlusion.facts(), "blacked_out": occlusion.describe()},
            "runs": [_as_json(*pair, settings.target) for pair in pairs],
            "findings": [_finding_as_json(finding) for finding in findings],
            "failures": [failure_as_json(failure) for failure in failed],
        }
        print_json(document)
    elif pairs:
        out.print(
            f"{dataset.name}, {split_name}: {len(dataset):,} images, {settings.target}, as usual → "
            f"with {occlusion.describe()} blacked out"
        )
        out.print(_show(pairs, settings.target))
    for finding in findings:
        say_finding(finding)
    say_failures(failed)
    if failed:
        raise typer.Exit(3)


def _pair(usual: Sequence[Outcome], blacked: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """The runs that have both evaluations, each with both."""
    after = {each.run.name: each for each in blacked if each.evaluation is not None}
    return [(each, after[each.run.name]) for each in usual if each.run.name in after]


def _evaluations(usual: Outcome, blacked: Outcome) -> tuple[Evaluation, Evaluation]:
    assert usual.evaluation is not None
    assert blacked.evaluation is not None
    return usual.evaluation, blacked.evaluation


def _find_shortcuts(
    pairs: Sequence[tuple[Outcome, Outcome]], target: str, dataset: str, split: str
) -> tuple[Finding, ...]:
    from covidreport.audit.occlusion import audit_occlusion
    from covidreport.records import ReportData, ReportedRun

    reported = []
    for pair in pairs:
        before, after = _evaluations(*pair)
        reported.append(ReportedRun(pair[0].run, before, (after,)))
    return audit_occlusion(ReportData("", target, dataset, split, tuple(reported), ()))


def _show(pairs: Sequence[tuple[Outcome, Outcome]], target: str) -> Table:
    """A row a run; the highest ROC AUC that remains first."""
    from rich.table import Table
    from rich.text import Text

    from covidreport.text import show_value

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold", min_width=12)
    for title in TITLES:
        table.add_column(title, no_wrap=True)
    rows = []
    for pair in pairs:
        before, after = (each.estimates.get(target, {}) for each in _evaluations(*pair))
        cells = [f"{show_value(before.get(m))} → {show_value(after.get(m))}" for m in METRICS]
        remaining = after.get("roc_auc")
        value = remaining.value if remaining is not None else None
        rows.append((-1.0 if value is None else -value, pair[0].run.name, cells))
    for _, name, cells in sorted(rows, key=lambda row: row[:2]):
        table.add_row(Text(name), *(Text(cell) for cell in cells))
    return table


def _as_json(usual: Outcome, blacked: Outcome, target: str) -> dict[str, Any]:
    before, after = _evaluations(usual, blacked)
    return {
        "run": usual.run.name,
        "evaluation": f"{usual.run.place}/evaluations/{after.key}",
        "usual": _figures(before, target),
        "occluded": _figures(after, target),
    }


def _figures(evaluation: Evaluation, target: str) -> dict[str, Any]:
    figures = evaluation.estimates.get(target, {})
    return {
        name: None
        if (figure := figures.get(name)) is None
        else {"value": figure.value, "low": figure.low, "high": figure.high}
        for name in METRICS
    }


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(finding)
