"""`covidreport tune`: a threshold for each run, from the stored scores of one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from covidreport.cli.options import AsJson, Runs
from covidreport.errors import RunError, StoreError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from covidreport.metrics import Target
    from covidreport.records import Estimate, Evaluation, Run, ThresholdFit, TunedThresholds

SCHEMA = "covidreport.tune/1"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Fit a threshold for each run on a split of its own.",
        help=(
            "Fit a threshold for each run and label on the stored scores of one split, and store "
            "it in the run's thresholds.json with what that split guarantees. Opens no model and "
            "no image; `evaluate --thresholds tuned` and `score --thresholds tuned` apply it to "
            "another split.\n\n"
            "Exit code: 0 all were tuned, 2 wrong usage, 3 a run or a label was not."
        ),
        epilog="Example: covidreport tune runs/ --split tuning --target-sensitivity 0.95",
    )(tune)


def tune(
    folders: Runs = None,
    split: Annotated[
        str, typer.Option(help="The split to tune on: not the one to report.")
    ] = "tuning",
    target_sensitivity: Annotated[
        float | None,
        typer.Option(help="Find at least this share of the positives.", metavar="SHARE"),
    ] = None,
    target_specificity: Annotated[
        float | None,
        typer.Option(help="Clear at least this share of the negatives.", metavar="SHARE"),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="This label alone; repeatable.  [default: all]")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Which data set.  [default: the one that has the split]")
    ] = None,
    guarantee: Annotated[
        bool,
        typer.Option(
            "--guarantee",
            help="Take the threshold that reaches the target on new images with 95 % confidence.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tune thresholds."""
    from covidreport.boundary import attempt
    from covidreport.cli.found import find_runs
    from covidreport.cli.terminal import out, print_json, say
    from covidreport.config import find_settings
    from covidreport.records import Failure
    from covidreport.storage.made_here import MadeHere
    from covidreport.store import THRESHOLDS_FILE, write_thresholds

    target = _read_target(target_sensitivity, target_specificity, guarantee)
    split = split.strip().lower()
    settings = find_settings(Path.cwd())
    done: list[tuple[Run, TunedThresholds]] = []
    failures: list[dict[str, str]] = []
    runs = find_runs(folders)
    for run in runs:
        found = attempt(run.name, "score", partial(_tune, run, split, dataset, label, target))
        if isinstance(found, Failure):
            failures.append({"run": run.name, "label": "", "reason": found.explanation})
            continue
        tuned, faults, own = found
        failures += [{"run": run.name, "label": each, "reason": why} for each, why in faults]
        if tuned is not None:
            write_thresholds(run.folder, tuned)
            if own:
                MadeHere().note_thresholds(run.folder)
            done.append((run, tuned))
    if as_json:
        document = {
            "schema": SCHEMA,
            "split": split,
            "target": asdict(target),
            "runs": [
                _as_json(run, tuned, str(run.folder / THRESHOLDS_FILE)) for run, tuned in done
            ],
            "failures": failures,
        }
        print_json(document)
    elif done:
        out.print(_show(done, out.width))
    for note in _notes(done, split, settings.split or "validation"):
        say(note, "yellow")
    for failure in failures:
        what = f"run {failure['run']}" + (f", {failure['label']}" if failure["label"] else "")
        say(f"error: {what}: {failure['reason']}", "bold red")
    if failures:
        raise typer.Exit(3)


def _read_target(
    target_sensitivity: float | None, target_specificity: float | None, guarantee: bool
) -> Target:
    from covidreport.metrics import Target

    if (target_sensitivity is None) == (target_specificity is None):
        raise UsageError(
            "give one target: --target-sensitivity 0.95 to find that share of the positives, or "
            "--target-specificity 0.90 to clear that share of the negatives"
        )
    if target_sensitivity is not None:
        target = Target("sensitivity", target_sensitivity, guarantee)
    else:
        assert target_specificity is not None
        target = Target("specificity", target_specificity, guarantee)
    if not 0 < target.value <= 1:
        raise UsageError(
            f"--target-{target.metric} {target.value:g}: a fraction above 0 and up to 1 is wanted, "
            "such as 0.95"
        )
    return target


def _tune(
    run: Run, split: str, dataset: str | None, labels: Sequence[str] | None, target: Target
) -> tuple[TunedThresholds | None, tuple[tuple[str, str], ...], bool]:
    """As `tune_run`, and whether all was made here: the scores, and earlier fits that stay."""
    from covidreport.evaluate.tuned import tune_run
    from covidreport.storage.made_here import MadeHere
    from covidreport.store import (
        SCORES_FILE,
        THRESHOLDS_FILE,
        evaluation_folder,
        read_failure,
        read_scores,
    )

    evaluation = _find_evaluation(run, split, dataset)
    folder = evaluation_folder(run.folder, evaluation.key)
    failure = read_failure(folder)
    if failure is not None:
        raise RunError(f"its last evaluation of {evaluation.key} failed: {failure.explanation}")
    if not evaluation.has_scores:
        raise RunError(f"{evaluation.key} holds counts and no scores")
    scores = read_scores(folder / SCORES_FILE)
    wanted = labels or evaluation.labels
    tuned, faults = tune_run(run, evaluation, scores, wanted, target)
    made = MadeHere()
    anew = tuned is not None and not faults and set(tuned.fits) <= set(wanted)
    others = anew or not (run.folder / THRESHOLDS_FILE).exists() or made.has_thresholds(run.folder)
    return tuned, faults, others and made.has_evaluation(run, evaluation)


def _find_evaluation(run: Run, split: str, dataset: str | None) -> Evaluation:
    """The run's evaluation on the split: the usual one, or the only variant that there is."""
    from covidreport.runs import read_evaluations

    evaluations, broken = read_evaluations(run)
    found = [e for e in evaluations if e.split == split and dataset in (None, e.dataset)]
    usual = [e for e in found if e.variant is None] or found
    if len(usual) == 1:
        return usual[0]
    if usual:
        names = ", ".join(e.key for e in usual)
        raise RunError(f"has several evaluations on {split} ({names}): say which with --dataset")
    if broken:
        raise StoreError("; ".join(broken))
    of = f" of {dataset}" if dataset else ""
    there = ", ".join(dict.fromkeys(f"{e.dataset} {e.split}" for e in evaluations)) or "nothing"
    raise RunError(
        f"was not evaluated on the split {split}{of}: run `covidreport evaluate --split {split}` "
        f"first; it was evaluated on {there}"
    )


def _as_json(run: Run, tuned: TunedThresholds, file: str) -> dict[str, Any]:
    value = asdict(tuned)
    del value["timing"]
    return {**value, "run": run.name, "file": file}


def _show(done: Sequence[tuple[Run, TunedThresholds]], width: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold", min_width=12)
    table.add_column("label", overflow="fold", min_width=8)
    for name in ("threshold", "sensitivity", "specificity", "new images", "guaranteed"):
        table.add_column(name, no_wrap=True)
    for run, tuned in done:
        for name, fit in tuned.fits.items():
            rates = (
                _show_rate(fit.sensitivity, fit.metric == "sensitivity", width),
                _show_rate(fit.specificity, fit.metric == "specificity", width),
            )
            cells = (
                run.name, name, f"{fit.threshold:.6g}", *rates, f"≥ {fit.bound:.3f}",
                _describe_guarantee(fit, width),
            )  # fmt: skip
            table.add_row(*(Text(cell) for cell in cells))
    return table


def _show_rate(rate: Estimate, tuned: bool, width: int) -> str:
    """The rate that was tuned for as a fraction, the other with its interval if there is room."""
    from covidreport.cli.ranking import ROOM_FOR_INTERVALS, show_figure, show_interval

    if tuned:
        return f"{show_figure(rate)} ({rate.numerator}/{rate.denominator})"
    return show_interval(rate) if width >= ROOM_FOR_INTERVALS else show_figure(rate)


def _describe_guarantee(fit: ThresholdFit, width: int) -> str:
    """Whether a threshold is known to reach the target on new images, and which."""
    from covidreport.cli.ranking import ROOM_FOR_INTERVALS

    if fit.method == "guaranteed":
        return "yes"
    if fit.guaranteed_threshold is not None:
        return f"at {fit.guaranteed_threshold:.6g}"
    kind = "positives" if fit.metric == "sensitivity" else "negatives"
    if fit.cases_needed is None:
        return "impossible"
    if fit.cases < fit.cases_needed:
        many = f"{fit.cases_needed} {kind}"
        return f"needs {many}, {fit.cases} here" if width >= ROOM_FOR_INTERVALS else f"needs {many}"
    return "too many failed"


def _train_split(run: Run) -> str | None:
    """The split that a run states to have been trained on, in small letters."""
    data = run.settings.get("data")
    named = data.get("train_split") if isinstance(data, dict) else None
    return named.lower() if isinstance(named, str) else None


def _notes(done: Sequence[tuple[Run, TunedThresholds]], split: str, reported: str) -> list[str]:
    """What must be said beside the table."""
    notes = []
    if done and split == reported.lower():
        notes.append(
            f"warning: {split} is the split that is reported here: figures on it at these "
            "thresholds are marked exploratory"
        )
    trained = [run.name for run, _ in done if _train_split(run) == split]
    if trained:
        notes.append(
            f"warning: {', '.join(trained)} {'was' if len(trained) == 1 else 'were'} trained on "
            f"{split}: what these thresholds reach there says nothing of new images, and no bound "
            "holds; tune on a split that was not trained on"
        )
    patients = {(t.n_images, t.n_groups) for _, t in done if t.n_groups and t.n_groups < t.n_images}
    for images, groups in sorted(patients, key=str):
        notes.append(
            f"warning: {images} images are of {groups} patients: the bounds take images for "
            "independent and promise too much"
        )
    return notes
