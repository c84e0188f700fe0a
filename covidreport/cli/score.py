"""`covidreport score`: other thresholds for stored scores, without running a model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from covidreport.cli.options import (
    AsJson,
    StoredDataset,
    Threshold,
    TunedThresholds,
    Variant,
    WrittenRuns,
    read_options,
)

if TYPE_CHECKING:
    from covidreport.compare.ranking import RankedSet
    from covidreport.records import Evaluation, Run

SCHEMA = "covidreport.score/1"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Show what other thresholds would change, and write it if asked.",
        help=(
            "Compute counts and metrics of one split again from its stored scores, at other "
            "thresholds or with a newer covidreport, and show what changes. Writes nothing unless "
            "--write is given. Opens no model and no image. Without a threshold of an option or "
            "the configuration, each evaluation keeps those that it has.\n\n"
            "Exit code: 0 all evaluations were scored, 2 wrong usage, 3 one has no scores."
        ),
        epilog="Example: covidreport score runs/ --threshold covid-19=0.3 --write",
    )(score)


def score(
    context: typer.Context,
    folders: WrittenRuns = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which split.  [default: the configured one, else validation]"),
    ] = None,
    dataset: StoredDataset = None,
    variant: Variant = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what is shown, in place of what stands.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score evaluations."""
    from covidreport.boundary import attempt
    from covidreport.cli.ranking import ranking_as_json
    from covidreport.cli.terminal import print_json, say, say_faults, say_finding, say_note
    from covidreport.compare import rank_and_compare
    from covidreport.errors import UsageError
    from covidreport.evaluate.scoring import score_stored
    from covidreport.evaluate.tuned import NOT_USED
    from covidreport.records import Failure
    from covidreport.storage.chosen import choose_images
    from covidreport.storage.runs import discover_runs, read_evaluations
    from covidreport.storage.shared import share_input

    settings, options = read_options(context)
    changes: list[_Change] = []
    faults: list[tuple[str, str]] = []
    runs = share_input(discover_runs(folders or (), say_note), options.input)
    stored: list[tuple[Run, Evaluation]] = []
    for run in runs:
        evaluations, broken = read_evaluations(run)
        faults += [(run.name, fault) for fault in broken]
        stored += [(run, evaluation) for evaluation in evaluations]
    if not stored and not faults:
        raise UsageError("nothing was evaluated there: run `covidreport evaluate` first")
    if stored and options.thresholds is not None:  # one for a label of no run is misspelt
        options.thresholds.fixed(
            list(dict.fromkeys(label for _, each in stored for label in each.labels))
        )
    query = settings.query_stored(dataset, split, variant)
    images = choose_images([each for _, each in stored], query) if stored else None
    if images is not None and images.note:
        say_note(images.note)
    for run, evaluation in stored:
        if images is None or not images.has(evaluation):
            continue
        apply = partial(score_stored, run, evaluation, options, write=write)
        changed = attempt(run.name, "score", apply, through=(UsageError,))
        if isinstance(changed, Failure):
            faults.append((run.name, changed.explanation))
        else:
            changes.append(_Change(run, evaluation, changed))
    for finding in (each for change in changes for each in change.after.findings):
        if finding.code == NOT_USED:
            say_finding(finding)
    plan = settings.plan_comparisons(runs)
    scored = [(change.run, change.after) for change in changes]
    ranked = rank_and_compare(scored, settings.target, settings.specificity_floor, plan)
    if as_json:
        document = {
            "schema": SCHEMA,
            "written": write,
            "evaluations": [_as_json(change) for change in changes],
            "rankings": [ranking_as_json(each.ranking, each.evaluations) for each in ranked],
            "failures": [{"run": name, "reason": fault} for name, fault in faults],
        }
        print_json(document)
    else:
        _print(changes, ranked, settings.target, written=write)
    for each in ranked:
        for finding in each.findings:
            say_finding(finding)
    say_faults(faults)
    if changes and not write:
        say("nothing was written: --write puts these metrics in place of those that stand")
    if faults:
        raise typer.Exit(3)


class _Change(Struct, frozen=True):
    """A run's evaluation as it stands, and as its scores give it today."""

    run: Run
    before: Evaluation
    after: Evaluation


def _as_json(change: _Change) -> dict[str, Any]:
    """Each label's threshold and counts, as they stand and as they would be."""

    def describe(side: Evaluation, label: str) -> dict[str, float | None]:
        counts = side.counts.get(label)
        return {
            "threshold": side.thresholds.get(label),
            "missed": None if counts is None else counts.missed,
            "false_alarms": None if counts is None else counts.false_alarms,
        }

    sides = {"before": change.before, "after": change.after}
    return {
        "run": change.run.name,
        "evaluation": f"{change.run.folder_text}/evaluations/{change.after.key}",
        "labels": {
            label: {name: describe(side, label) for name, side in sides.items()}
            for label in change.after.labels
        },
    }


def _print(
    changes: Sequence[_Change], ranked: Sequence[RankedSet], target: str, *, written: bool
) -> None:
    from covidreport.cli.ranking import show_ranking
    from covidreport.cli.terminal import out

    if changes:
        _show(changes, target, written=written)
    for each in ranked:
        out.print()
        show_ranking(out, each.ranking, each.evaluations)


def _show(changes: Sequence[_Change], target: str, *, written: bool) -> None:
    """A row for the target of each run, and for each other label of which something changes."""
    from covidreport.cli.tables import Row, print_table
    from covidreport.cli.terminal import out
    from covidreport.text.columns import Column

    first = changes[0].after
    where = ", ".join(filter(None, (first.dataset, first.split, first.variant)))
    columns = (
        Column("run", "name"), Column("label", "name"), Column("threshold", "text", 1),
        Column("missed"), Column("false alarms"),
    )  # fmt: skip
    rows = [
        Row((change.run.name, label, *_compare(change, label)))
        for change in changes
        for label in change.after.labels
        if label == target or _is_changed(change, label)
    ]
    title = f"{where}: {'what was written' if written else 'what would change'}"
    print_table(out, columns, rows, title=title)


def _is_changed(change: _Change, label: str) -> bool:
    """Whether a label's threshold or counts change, and not only how the others came about."""
    before, after = (
        (side.thresholds.get(label), side.counts.get(label))
        for side in (change.before, change.after)
    )
    return before != after


def _compare(change: _Change, label: str) -> tuple[str, str, str]:
    """Threshold, missed and false alarms, each as it stands and as it would be."""
    from covidreport.text import DASH, whole
    from covidreport.text.thresholds import describe_threshold

    sides = (change.before, change.after)
    counts = [side.counts.get(label) for side in sides]
    return (
        _arrow([describe_threshold(side, label) for side in sides]),
        _arrow([DASH if each is None else whole(each.missed) for each in counts]),
        _arrow([DASH if each is None else whole(each.false_alarms) for each in counts]),
    )


def _arrow(sides: Sequence[str]) -> str:
    return sides[0] if sides[0] == sides[1] else " → ".join(sides)
