"""`covidreport plan`: how many positives a study needs, and what so many can show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from covidreport.cli.options import AsJson, StoredDataset, StoredSplit
from covidreport.errors import UsageError
from covidreport.storage.address import locate_output, locate_runs
from covidreport.storage.copied import Use

if TYPE_CHECKING:
    from covidreport.compare.discordance import Agreement
    from covidreport.records import Assumed, GoalKind, PlanGoal, StudyAssumptions, StudyPlan
    from covidreport.settings import Settings
    from covidreport.storage.chosen import ImageQuery

SCHEMA = "covidreport.plan/1"
SUFFIXES = (".html", ".md")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="How many positives a study needs, or what so many can show.",
        help=(
            "How many positive images and patients a study needs: to report a sensitivity within "
            "±, to claim at least so much, to find a difference between two runs, or for a gate "
            "to pass an equal run. Each is judged by the method that reports and gates use. The "
            "true sensitivity and what is to be shown are stated; how many images a patient has "
            "and how far runs agree is stated, or taken from runs at hand. Runs no model."
        ),
        epilog="Example: covidreport plan --sensitivity 0.85 --half-width 0.05 --at-least 0.75",
    )(plan)


def plan(  # each is an option
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUNS",
            help="Evaluated runs that tell how many images a patient has and how far runs agree.",
            parser=locate_runs,
        ),
        Use.READ,
    ] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(help="The true sensitivity that is supposed.  [required]", metavar="FRACTION"),
    ] = None,
    half_width: Annotated[
        float | None,
        typer.Option(help="Report the sensitivity within ± so much.", metavar="FRACTION"),
    ] = None,
    at_least: Annotated[
        float | None,
        typer.Option(
            help="Claim at least this sensitivity with 95 % confidence.", metavar="FRACTION"
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(
            help="Find that another run's sensitivity is lower by so much.", metavar="FRACTION"
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Have the gate's evidence pass an equal run at this margin.", metavar="FRACTION"
        ),
    ] = None,
    positives: Annotated[
        int | None,
        typer.Option(min=1, help="Say what about so many positive images can show.", metavar="N"),
    ] = None,
    power: Annotated[
        float, typer.Option(help="In which proportion of studies.", metavar="FRACTION")
    ] = 0.8,
    comparisons: Annotated[
        int, typer.Option(min=1, help="Pairs of runs by which the level is divided.", metavar="K")
    ] = 1,
    correlation: Annotated[
        float | None,
        typer.Option(
            help="Latent correlation of two runs on an image.  [default: of the runs at hand]",
            metavar="R",
        ),
    ] = None,
    images_per_patient: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Positive images of a patient on average.  [default: of the runs at hand, else 1]",
            metavar="MEAN",
        ),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            help="Latent correlation of a patient's images.  [default: of the runs at hand]",
            metavar="R",
        ),
    ] = None,
    split: StoredSplit = None,
    dataset: StoredDataset = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write the plan with its plots, as .html or .md.",
            metavar="FILE",
            parser=locate_output,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plan a study."""
    from covidreport.cli.terminal import print_json
    from covidreport.metrics import plan_study
    from covidreport.records import PlanGoal, StudyAssumptions
    from covidreport.report.plan import render_plan
    from covidreport.settings import find_settings
    from covidreport.storage.codec import encode
    from covidreport.store import encode_text, write_atomic

    if sensitivity is None:
        raise UsageError("state the true sensitivity that is supposed: --sensitivity 0.85")
    wanted: dict[GoalKind, float | None] = {
        "half_width": half_width, "at_least": at_least, "difference": difference,
        "non_inferiority": margin,
    }  # fmt: skip
    goals = [PlanGoal(kind, value) for kind, value in wanted.items() if value is not None]
    if not goals and positives is None:
        raise UsageError(
            "say what is to be shown: --half-width, --at-least, --difference or --margin; or with "
            "--positives how many there are"
        )
    if output is not None and output.suffix not in SUFFIXES:
        raise UsageError(f"{output}: a plan is written as {' or '.join(SUFFIXES)}")
    settings = find_settings(Path.cwd())
    at_hand = _read_agreement(folders, settings, settings.query_stored(dataset, split))
    assumed = StudyAssumptions(
        sensitivity,
        shares=_mix_images(images_per_patient, at_hand),
        within=within if within is not None or at_hand is None else at_hand.within,
        between=correlation if correlation is not None or at_hand is None else at_hand.between,
        power=power,
        comparisons=comparisons,
    )
    _check_known(assumed, goals)
    try:
        made = plan_study(assumed, goals, positives)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if at_hand is not None:
        given: dict[Assumed, float | None] = {
            "shares": images_per_patient,
            "within": within,
            "between": correlation,
        }
        silent = tuple(name for name, value in given.items() if value is None)
        made = replace(made, runs=at_hand.runs, estimated=silent)
    if output is not None:
        write_atomic(output, encode_text(render_plan(made, settings.target, output.suffix)))
    if as_json:
        print_json({"schema": SCHEMA, "target": settings.target, **encode(made)})
    else:
        _show(made, settings.target)


def _read_agreement(
    folders: Sequence[Path] | None, settings: Settings, query: ImageQuery
) -> Agreement | None:
    """What runs at hand tell; None where none are named."""
    from covidreport.cli.terminal import say_note
    from covidreport.compare.discordance import measure_agreement
    from covidreport.report.collect import choose_evaluated
    from covidreport.storage.folds import join_folds
    from covidreport.storage.runs import discover_runs

    if not folders:
        return None
    chosen = choose_evaluated(join_folds(discover_runs(folders, say_note)), query, say_note)
    evaluated = next(iter(chosen), ())
    return measure_agreement(evaluated, settings.target, settings.specificity_floor)


def _mix_images(mean: float | None, at_hand: Agreement | None) -> tuple[float, ...]:
    """Of the patients, how many have 1, 2, … images: the two whole numbers about a mean."""
    if mean is None:
        return (1.0,) if at_hand is None else at_hand.shares
    fewer = int(mean)
    more = mean - fewer
    return (*(0.0,) * (fewer - 1), 1 - more, *((more,) if more else ()))


def _check_known(assumed: StudyAssumptions, goals: Sequence[PlanGoal]) -> None:
    """UsageError, with the option, for what nobody stated and no run at hand tells."""
    paired = [each for each in goals if each.kind in ("difference", "non_inferiority")]
    if paired and assumed.between is None:
        raise UsageError(
            "--difference and --margin rest on how far two runs agree: name evaluated runs, or "
            "state --correlation (0.6 is usual for networks trained on the same images)"
        )
    if assumed.grouped and assumed.within is None:
        raise UsageError(
            "several images of a patient rest on how far they agree: name evaluated runs, or state "
            "--within (0.4 is usual)"
        )


def _show(made: StudyPlan, target: str) -> None:
    from covidreport.cli.tables import print_block, print_line
    from covidreport.cli.terminal import out
    from covidreport.report.plan import (
        conclude_goal,
        list_assumed,
        tabulate_at_hand,
        tabulate_goals,
    )

    tables = [tabulate_goals(made)] if made.goals else []
    if made.at_hand is not None:
        tables += tabulate_at_hand(made, made.at_hand)
    for line in list_assumed(made):
        print_line(out, line)
    for table in tables:
        out.print()
        print_block(out, table)
    for each in made.goals:
        print_line(out, conclude_goal(each, made.assumptions, target))
