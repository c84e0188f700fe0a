"""`covidreport score`: other thresholds for stored scores, without running a model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import Runs, Threshold, TunedThresholds

if TYPE_CHECKING:
    from covidreport.config import Settings, Thresholds
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
    folders: Runs = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    split: Annotated[str | None, typer.Option(help="This split alone.  [default: all]")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="This data set alone.  [default: all]")
    ] = None,
) -> None:
    """Score evaluations."""
    from covidreport.boundary import attempt
    from covidreport.cli.found import find_runs
    from covidreport.cli.ranking import choose_plan, show_ranking
    from covidreport.cli.terminal import out, say, say_finding
    from covidreport.compare import rank_and_compare
    from covidreport.config import find_settings, read_threshold_options
    from covidreport.errors import UsageError
    from covidreport.records import Failure
    from covidreport.runs import read_evaluations

    settings = find_settings(Path.cwd())
    wanted = read_threshold_options(threshold or [], settings.thresholds, thresholds)
    scored: list[tuple[Run, Evaluation]] = []
    faults: list[str] = []
    runs = find_runs(folders)
    for run in runs:
        evaluations, broken = read_evaluations(run)
        faults += [f"run {run.name}: {fault}" for fault in broken]
        for evaluation in evaluations:
            if split not in (None, evaluation.split) or dataset not in (None, evaluation.dataset):
                continue
            apply = partial(_score, run, evaluation, wanted, settings)
            changed = attempt(run.name, "score", apply, through=(UsageError,))
            if isinstance(changed, Failure):
                faults.append(f"run {run.name}: {changed.explanation}")
            else:
                scored.append((run, changed))
    if not scored and not faults:
        raise UsageError("nothing was evaluated there: run `covidreport evaluate` first")
    plan = choose_plan(None, None, settings, runs)
    for each in rank_and_compare(scored, settings.target, settings.specificity_floor, plan):
        show_ranking(out, each.ranking, each.evaluations)
        for finding in each.findings:
            say_finding(finding)
    for fault in faults:
        say(f"error: {fault}", "bold red")
    if faults:
        raise typer.Exit(3)


def _score(
    run: Run, evaluation: Evaluation, thresholds: Thresholds, settings: Settings
) -> Evaluation:
    from covidreport.errors import StoreError
    from covidreport.evaluate.scoring import apply_chosen
    from covidreport.evaluate.tuned import ReportedImages, choose_thresholds
    from covidreport.storage.made_here import MadeHere
    from covidreport.store import SCORES_FILE, evaluation_folder, read_scores, write_evaluation

    if not evaluation.has_scores:
        raise StoreError(f"{evaluation.key} holds counts and no scores")
    scores = read_scores(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)
    images = ReportedImages(
        dataset=evaluation.dataset,
        split=evaluation.split,
        fingerprint=evaluation.fingerprint,
        labels=evaluation.labels,
        sample_ids=scores.sample_ids,
    )
    model = (evaluation.provenance.get("model") or {}).get("sha256")
    chosen = choose_thresholds(thresholds, run, images, model)
    plan = settings.figures.plan(scores.labels, settings.target)
    changed = apply_chosen(evaluation, scores, chosen, plan)
    with MadeHere().rewriting(run, evaluation):
        write_evaluation(run.folder, changed)
    return changed
