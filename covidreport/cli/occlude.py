"""`covidreport occlude`: what runs still know with a part of every image blacked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
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
    read_options,
)

if TYPE_CHECKING:
    from rich.table import Table

    from covidreport.records import Evaluation, Run

SCHEMA = "covidreport.occlude/1"
METRICS = ("roc_auc", "sensitivity", "specificity")
TITLES = ("ROC AUC", "sensitivity", "specificity")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Evaluate with a part of every image blacked out.",
        help=(
            "Evaluate runs with a part of every image blacked out, and set what remains beside "
            "their usual metrics. A run that recognises COVID-19 without the lungs has learned "
            "something else.\n\n"
            "The part is given as a fraction of the model's input: centre is a rectangle in the "
            "middle with that proportion of the height and of the width (0.8 unless said), borders "
            "a frame of that thickness (0.1), corners four rectangles with such sides (0.2). It is "
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
    from covidreport.audit.occlusion import audit_occlusion
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import (
        failure_as_json,
        out,
        print_json,
        say_failures,
        say_finding,
        say_note,
    )
    from covidreport.evaluate.occlude import read_occlusion
    from covidreport.evaluate.occluded import occlude_folders
    from covidreport.evaluate.outcome import list_failures
    from covidreport.records import ReportData, ReportedRun
    from covidreport.storage.runs import discover_runs

    occlusion = read_occlusion(region, fraction)
    settings, options = read_options(context)
    runs = discover_runs(folders or (), say_note)
    with show_events() as on_event:
        done = occlude_folders(runs, options, occlusion, on_event)
    dataset, split, target = done.request.dataset, done.request.split, settings.target
    reported = tuple(ReportedRun(run, usual, (after,)) for run, usual, after in done.pairs)
    findings = audit_occlusion(ReportData("", target, dataset.name, split, reported, ()))
    failed = list_failures([*done.usual, *done.occluded])
    if as_json:
        document = {
            "schema": SCHEMA,
            "dataset": dataset.name,
            "split": split,
            "target": target,
            "occlusion": {**occlusion.facts(), "blacked_out": occlusion.describe()},
            "runs": [_as_json(*pair, target) for pair in done.pairs],
            "findings": [asdict(finding) for finding in findings],
            "failures": [failure_as_json(failure) for failure in failed],
        }
        print_json(document)
    elif done.pairs:
        out.print(
            f"{dataset.name}, {split}: {len(dataset):,} images, {target}, as usual → "
            f"with {occlusion.describe()} blacked out"
        )
        out.print(_show(done.pairs, target))
    for finding in findings:
        say_finding(finding)
    say_failures(failed)
    if failed:
        raise typer.Exit(3)


def _show(pairs: Sequence[tuple[Run, Evaluation, Evaluation]], target: str) -> Table:
    """A row a run; the highest ROC AUC that remains first."""
    from rich.table import Table
    from rich.text import Text

    from covidreport.text import show_value

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold", min_width=12)
    for title in TITLES:
        table.add_column(title, no_wrap=True)
    rows = []
    for run, *both in pairs:
        before, after = (each.estimates.get(target, {}) for each in both)
        cells = [f"{show_value(before.get(m))} → {show_value(after.get(m))}" for m in METRICS]
        remaining = after.get("roc_auc")
        value = remaining.value if remaining is not None else None
        rows.append((-1.0 if value is None else -value, run.name, cells))
    for _, name, cells in sorted(rows, key=lambda row: row[:2]):
        table.add_row(Text(name), *(Text(cell) for cell in cells))
    return table


def _as_json(run: Run, before: Evaluation, after: Evaluation, target: str) -> dict[str, Any]:
    return {
        "run": run.name,
        "evaluation": f"{run.folder_text}/evaluations/{after.key}",
        "usual": _collect_estimates(before, target),
        "occluded": _collect_estimates(after, target),
    }


def _collect_estimates(evaluation: Evaluation, target: str) -> dict[str, Any]:
    estimates = evaluation.estimates.get(target, {})
    return {
        name: None
        if (estimate := estimates.get(name)) is None
        else {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        for name in METRICS
    }
