"""`covidreport score`: other thresholds for stored scores, without running a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from covidreport.config import Thresholds
    from covidreport.records import Evaluation, Run


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Apply other thresholds to stored scores.",
        help=(
            "Compute counts and figures again from stored scores, at other thresholds or with a "
            "newer covidreport. Opens no model and no image.\n\n"
            "Exit code: 0 all evaluations were scored, 2 wrong usage, 3 one has no scores."
        ),
        epilog="Example: covidreport score runs/ --threshold covid-19=0.3",
    )(score)


def score(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUNS]...", help="Run folders, or folders of them.  [default: runs]"
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="A probability, or LABEL=PROBABILITY; repeatable.  [default: 0.5]"),
    ] = None,
    split: Annotated[str | None, typer.Option(help="This split alone.  [default: all]")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="This data set alone.  [default: all]")
    ] = None,
) -> None:
    """Score evaluations."""
    from covidreport.cli.ranking import show_ranking
    from covidreport.cli.terminal import out, say
    from covidreport.config import find_settings, read_threshold_options
    from covidreport.errors import StoreError, UsageError
    from covidreport.ranking import rank_runs
    from covidreport.runs import discover_runs, read_evaluations

    settings = find_settings(Path.cwd())
    thresholds = read_threshold_options(threshold or [], settings.thresholds)
    scored: list[Evaluation] = []
    faults: list[str] = []
    for run in discover_runs(folders or [Path("runs")]):
        evaluations, broken = read_evaluations(run)
        faults += [f"run {run.name}: {fault}" for fault in broken]
        for evaluation in evaluations:
            if split not in (None, evaluation.split) or dataset not in (None, evaluation.dataset):
                continue
            try:
                scored.append(_score(run, evaluation, thresholds))
            except StoreError as error:
                faults.append(f"run {run.name}: {error}")
    if not scored and not faults:
        raise UsageError("nothing was evaluated there: run `covidreport evaluate` first")
    for ranking in rank_runs(scored, settings.target, settings.specificity_floor):
        show_ranking(out, ranking, scored)
    for fault in faults:
        say(f"error: {fault}", "bold red")
    if faults:
        raise typer.Exit(3)


def _score(run: Run, evaluation: Evaluation, thresholds: Thresholds) -> Evaluation:
    from covidreport.errors import StoreError
    from covidreport.evaluate.scoring import apply_thresholds
    from covidreport.store import SCORES_FILE, evaluation_folder, read_scores, write_evaluation

    if not evaluation.has_scores:
        raise StoreError(f"{evaluation.key} holds counts and no scores")
    values = thresholds.of(evaluation.labels)
    scores = read_scores(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)
    changed = apply_thresholds(evaluation, scores, values, thresholds.origin)
    write_evaluation(run.folder, changed)
    return changed
