"""`covidreport tune`: a threshold for each run, from the stored scores of one split."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import to_builtins

from covidreport.cli.options import AsJson, WrittenRuns
from covidreport.errors import UsageError
from covidreport.storage.copied import show_place

if TYPE_CHECKING:
    from covidreport.evaluate.tune import TunedRun
    from covidreport.metrics import Target
    from covidreport.records import Estimate, RankAt, ThresholdFit

SCHEMA = "covidreport.tune/1"
MOST_NAMED = 10
"""Of many files, so many are named."""


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
    context: typer.Context,
    folders: WrittenRuns = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="The split to tune on: not the one to report.  [default: as configured, else "
            "tuning]"
        ),
    ] = None,
    target_sensitivity: Annotated[
        float | None,
        typer.Option(
            help="Find at least this proportion of the positives.  [default: `rank_at`]",
            metavar="SHARE",
        ),
    ] = None,
    target_specificity: Annotated[
        float | None,
        typer.Option(
            help="Clear at least this proportion of the negatives.  [default: `rank_at`]",
            metavar="SHARE",
        ),
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
    from covidreport.cli.command_line import format_command
    from covidreport.cli.terminal import print_json, say, say_faults, say_note
    from covidreport.evaluate.tune import TuneRequest, tune_folders
    from covidreport.settings import find_settings
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input
    from covidreport.store import THRESHOLDS_FILE
    from covidreport.text import list_some

    settings = find_settings(Path.cwd())
    if target_sensitivity is None and target_specificity is None:
        target_sensitivity, target_specificity = _find_target(settings.rank_at)
    target = _read_target(target_sensitivity, target_specificity, guarantee)
    request = TuneRequest(
        target, split or settings.tuning_split, dataset, tuple(label or ()), format_command(context)
    )
    runs = share_input(discover_runs(folders or (), say_note), settings.evaluate.input)
    tuned = tune_folders(runs, request)
    done = tuned.done
    if as_json:
        document = {
            "schema": SCHEMA,
            "split": tuned.split,
            "target": to_builtins(target),
            "runs": [
                _as_json(each, show_place(each.run.folder / THRESHOLDS_FILE)) for each in done
            ],
            "failures": [to_builtins(each) for each in tuned.faults],
            "passed_over": list(tuned.passed_over),
        }
        print_json(document)
    elif done:
        _show(done)
    reported = settings.evaluate.split or "validation"
    for note in _notes(done, tuned.split, reported):
        say(note, "yellow")
    if tuned.passed_over:
        said = list_some(tuned.passed_over, MOST_NAMED)
        say_note(
            f"not tuned: {said}: the label that scores highest is predicted (argmax), or a reader "
            "decides"
        )
    if done:
        stated = _find_target(settings.rank_at) == (target_sensitivity, target_specificity)
        option = () if stated else ("--thresholds", "tuned")
        _say_written(done, tuned.split, [reported, *tuned.splits], folders, option)
    say_faults(
        (each.run + (f", {each.label}" if each.label else ""), each.reason) for each in tuned.faults
    )
    if tuned.faults:
        raise typer.Exit(3)


def _find_target(rank_at: RankAt | None) -> tuple[float | None, float | None]:
    """The sensitivity or specificity that runs are ranked at, where the settings say one."""
    if rank_at is None:
        return None, None
    sensitivity = rank_at.metric == "sensitivity"
    return (rank_at.value, None) if sensitivity else (None, rank_at.value)


def _read_target(
    target_sensitivity: float | None, target_specificity: float | None, guarantee: bool
) -> Target:
    from covidreport.metrics import Target

    if (target_sensitivity is None) == (target_specificity is None):
        raise UsageError(
            "give one target: --target-sensitivity 0.95 to find that proportion of the positives, "
            "or --target-specificity 0.90 to clear that proportion of the negatives; or state "
            "`rank_at` in covidreport.toml"
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


def _as_json(done: TunedRun, file: str) -> dict[str, Any]:
    value = to_builtins(done.thresholds)
    del value["timing"]
    return {**value, "run": done.run.name, "file": file}


def _show(done: Sequence[TunedRun]) -> None:
    """A row a run and label."""
    from covidreport.cli.tables import Row, print_table
    from covidreport.cli.terminal import out
    from covidreport.text import DASH, decimal
    from covidreport.text.columns import Column
    from covidreport.text.thresholds import format_threshold

    columns = (
        Column("run", "name"), Column("label", "name"), Column("threshold", "figure"),
        Column("sensitivity"), Column("(95 % CI)", "figure", 3, "intervals of sensitivity"),
        Column("specificity"), Column("(95 % CI)", "figure", 4, "intervals of specificity"),
        Column("new images", "figure", 1), Column("guaranteed", "text", 2),
    )  # fmt: skip
    rows = []
    for each in done:
        for name, fit in each.thresholds.fits.items():
            bound = DASH if fit.bound is None else f"≥ {decimal(fit.bound)}"
            rates = (
                *_show_rate(fit.sensitivity, fit.metric == "sensitivity"),
                *_show_rate(fit.specificity, fit.metric == "specificity"),
            )
            at = format_threshold(fit.threshold)
            rows.append(Row((each.run.name, name, at, *rates, bound, _describe_guarantee(fit))))
    print_table(out, columns, rows)


def _show_rate(rate: Estimate, tuned: bool) -> tuple[str, str]:
    """A rate and its interval; that which was tuned for has its fraction, and no interval holds."""
    from covidreport.text import fraction, show_ends, show_value

    if tuned:
        return f"{show_value(rate)} ({fraction(rate.numerator, rate.denominator)})", ""
    return show_value(rate), show_ends(rate)


def _describe_guarantee(fit: ThresholdFit) -> str:
    """Whether a threshold is known to reach the target on new images, and which."""
    from covidreport.text import DASH
    from covidreport.text.thresholds import format_threshold

    if fit.bound is None:
        return DASH
    if fit.method == "guaranteed":
        return "yes"
    if fit.guaranteed_threshold is not None:
        return f"at {format_threshold(fit.guaranteed_threshold)}"
    kind = "positives" if fit.metric == "sensitivity" else "negatives"
    if fit.cases_needed is None:
        return "impossible"
    if fit.cases < fit.cases_needed:
        return f"needs {fit.cases_needed} {kind}, {fit.cases} here"
    return "too many failed"


def _notes(done: Sequence[TunedRun], split: str, reported: str) -> list[str]:
    """What must be said beside the table."""
    from covidreport.text.thresholds import is_trained_on

    notes = []
    if done and split == reported.lower():
        notes.append(
            f"warning: {split} is the split that is reported here: metrics on it at these "
            "thresholds are marked exploratory"
        )
    trained = [each.run.name for each in done if is_trained_on(each.run, split)]
    if trained:
        notes.append(
            f"warning: {', '.join(trained)} {'was' if len(trained) == 1 else 'were'} trained on "
            f"{split}: what these thresholds reach there says nothing of new images, and no bound "
            "holds; tune on a split that was not trained on"
        )
    several = [each.thresholds.unbounded for each in done if each.run.name not in trained]
    notes += [
        f"warning: {why}: no bound on new images is known where a patient has several"
        for why in dict.fromkeys(several)
        if why
    ]
    if any(each.thresholds.n_groups is None for each in done):
        notes.append(
            "note: patients are not known here: the bounds hold if no patient has several images"
        )
    return notes


def _say_written(
    done: Sequence[TunedRun], split: str, others: Sequence[str], folders: Sequence[Path] | None,
    option: Sequence[str],
) -> None:  # fmt: skip
    """Where the thresholds stand, what they took the place of, and how they are applied."""
    from covidreport.cli.terminal import say
    from covidreport.store import THRESHOLDS_FILE
    from covidreport.text import list_some
    from covidreport.text.thresholds import TRAINING_SPLITS

    files = [show_place(each.run.folder / THRESHOLDS_FILE) for each in done]
    say(f"wrote {list_some(files, MOST_NAMED)}")
    for each, file in zip(done, files, strict=True):
        if each.replaced:
            say(f"  {file} replaces {each.replaced}")
    fit = [name.lower() for name in others if name.lower() not in TRAINING_SPLITS | {split}]
    paths = [show_place(folder) for folder in folders] if folders else ["runs"]
    words = ["covidreport", "evaluate", *paths]
    words += ["--split", fit[0] if fit else "test", *option]
    say(f"next: `{shlex.join(words)}` applies them to another split")
