"""`covidreport list`: which runs there are, and what each has been evaluated on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from covidreport.cli.options import AsJson, PlannedBaseline, PlannedMargin, Runs

if TYPE_CHECKING:
    from covidreport.records import Run


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "list",
        short_help="Show runs, what they were evaluated on, and how they rank.",
        help=(
            "Show which runs there are, what each has been evaluated on, and how they rank on the "
            "images that `covidreport render` reports on, and on other data sets.\n\n"
            "Where a terminal is too narrow for a ranking its columns go in this order: accuracy, "
            "micro F1, F1, ROC AUC, the intervals, thresholds, patients, specificity, sensitivity."
        ),
        epilog="Example: covidreport list runs/",
    )(list_runs)


def list_runs(
    folders: Runs = None,
    baseline: PlannedBaseline = None,
    margin: PlannedMargin = None,
    as_json: AsJson = False,
) -> None:
    """List runs."""
    from covidreport.cli.ranking import ranking_as_json, show_ranking
    from covidreport.cli.terminal import out, print_json, say_finding, say_note
    from covidreport.compare import rank_and_compare
    from covidreport.errors import UsageError
    from covidreport.report.collect import choose_evaluated
    from covidreport.settings import find_settings
    from covidreport.storage.folds import join_folds
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input

    settings = find_settings(Path.cwd())
    found = discover_runs(folders or (), say_note)
    runs = join_folds(share_input(found, settings.evaluate.input))
    plan = settings.plan_comparisons(runs, baseline, margin)
    rows = [_describe(run) for run in runs]
    try:
        evaluated = choose_evaluated(runs, settings.query_stored(), say_note)
    except UsageError as error:  # which runs there are can be said all the same
        say_note(f"no ranking: {error}")
        evaluated = ()
    ranked = [
        found
        for each in evaluated
        for found in rank_and_compare(each, settings.target, settings.specificity_floor, plan)
    ]
    if as_json:
        document = {
            "schema": "covidreport.list/2",
            "runs": rows,
            "rankings": [ranking_as_json(each.ranking, each.evaluations) for each in ranked],
        }
        print_json(document)
        return
    _show(rows)
    for each in ranked:
        out.print()
        show_ranking(out, each.ranking, each.evaluations)
        for finding in each.findings:
            say_finding(finding)


def _describe(run: Run) -> dict[str, Any]:
    from covidreport.errors import StoreError
    from covidreport.storage.model import measure_model
    from covidreport.storage.runs import read_evaluations
    from covidreport.store import EVALUATIONS_FOLDER, read_failure

    models = [each.model for each in run.members or (run,) if each.model is not None]
    evaluations, faults = read_evaluations(run)
    failures = {}
    for folder in sorted((run.folder / EVALUATIONS_FOLDER).glob("*/")):
        try:
            failure = read_failure(folder)
        except StoreError as error:
            faults = (*faults, str(error))
            continue
        if failure is not None:
            failures[folder.name] = failure.explanation
    return {
        "name": run.name,
        "folder": run.folder_text,
        "block": run.block,
        "description": run.description,
        "status": run.settings.get("status"),
        "model_bytes": sum(map(measure_model, models)) if models else None,
        "epochs": len(run.history),
        "evaluations": {
            evaluation.key: {
                "images": evaluation.n_images,
                "scores": evaluation.has_scores,
                "finished": evaluation.times.finished,
            }
            for evaluation in evaluations
            if evaluation.key not in failures
        },
        "failures": failures,
        "faults": list(faults),
        "notes": list(run.notes),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from covidreport.cli.tables import Row, print_table
    from covidreport.cli.terminal import out, say_faults
    from covidreport.text import DASH
    from covidreport.text.columns import Column
    from covidreport.text.sizes import size

    columns = (
        Column("run", "name"), Column("block", "name", 2), Column("model", "figure", 3),
        Column("epochs", "figure", 1), Column("evaluated on"),
    )  # fmt: skip
    table = []
    for row in rows:
        done = [f"{key} ({facts['images']:,})" for key, facts in row["evaluations"].items()]
        failed = [f"{key} (failed)" for key in row["failures"]]
        on = ", ".join([*done, *failed]) or DASH
        epochs = str(row["epochs"] or DASH)
        table.append(Row((row["name"], row["block"] or DASH, size(row["model_bytes"]), epochs, on)))
    print_table(out, columns, table)
    say_faults((row["name"], fault) for row in rows for fault in row["faults"])
