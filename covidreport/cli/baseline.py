"""`covidreport baseline set`: a file, small enough to commit, of what a run is gated against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.common import Commands
from covidreport.cli.options import AsJson, RunFolder, StoredDataset, StoredSplit, Variant
from covidreport.storage.address import locate, locate_output, locate_runs
from covidreport.storage.copied import Use

commands = Commands(
    help="Set the baseline that runs are compared with.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(
        commands, name="baseline", short_help="Set the baseline that runs are compared with."
    )


@commands.callback()
def root() -> None:
    """Keep `set` a word of its own although there is only one command."""


@commands.command(
    "set",
    short_help="Write baseline.json from an evaluated run.",
    help=(
        "Write a baseline from an evaluated run, small enough to commit: fingerprint, labels, "
        "thresholds, all metrics, and by salted digest the cases of the target that the run got "
        "wrong, which is what a paired test needs later. No sample id stands in it. With --known "
        "also how far those runs differ from it, for the odds of verdicts. The models that "
        "--judged names are added to those of the file that it replaces.\n\n"
        "Exit code: 0 done, 2 wrong usage, 3 the run can't be a baseline."
    ),
    epilog="Example: covidreport baseline set runs/exp15 --known runs/",
)
def set_baseline(
    run: RunFolder,
    output: Annotated[
        Path, typer.Option(help="The file to write.", parser=locate_output, metavar="PATH")
    ] = Path("baseline.json"),
    known: Annotated[
        Path | None,
        typer.Option(
            help="A folder of runs that are there already: `gate` and `ci` pass them over in it.",
            metavar="RUNS",
            parser=locate_runs,
        ),
        Use.READ,
    ] = None,
    judged: Annotated[
        list[Path] | None,
        typer.Option(
            help="A verdict.json whose models are counted as judged on these images; repeatable.",
            metavar="VERDICT",
            parser=locate,
        ),
    ] = None,
    split: StoredSplit = None,
    dataset: StoredDataset = None,
    variant: Variant = None,
    as_json: AsJson = False,
) -> None:
    """Write a baseline."""
    from msgspec.structs import replace

    from covidreport.cli.terminal import print_paths, say, say_note
    from covidreport.errors import StoreError, UsageError
    from covidreport.gate.baseline import (
        BaselineRequest,
        carry_judged,
        compare_at_hand,
        find_baseline,
        find_picked,
        find_single,
        identify_run,
    )
    from covidreport.gate.evidence import write_baseline
    from covidreport.gate.stored import note_newer
    from covidreport.gate.wording import describe_origin
    from covidreport.integrations.verdict_json import read_judged
    from covidreport.settings import find_settings
    from covidreport.storage.folds import join_folds
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input
    from covidreport.text import label_name, plural

    settings = find_settings(Path.cwd())
    single = find_single(run, settings.evaluate.input)
    if single is None:
        raise UsageError(f"{run}: is no run folder, nor that of the folds of one configuration")
    images = settings.query_judged(dataset, split, variant)
    baseline = find_baseline(
        BaselineRequest(
            run, settings.target, images, settings.specificity_floor, shared=settings.evaluate.input
        )
    )
    others = () if known is None else share_input(discover_runs([known]), settings.evaluate.input)
    there = [single, *join_folds(others)]
    fingerprint = baseline.evidence.fingerprint
    of_target = baseline.evidence.label_fingerprints.get(settings.target)
    noted: set[str] = set()
    try:
        noted.update(carry_judged(output, baseline.evidence))
    except StoreError as error:
        say_note(f"the models that {output} counted as judged are lost: {error}")
    for file in judged or ():
        models = read_judged(file, fingerprint, of_target)
        if not models:
            say_note(f"{file}: no verdict in it is on these images, so none is counted")
        noted.update(models)
    evidence = replace(
        baseline.evidence,
        known={each.name: identify_run(each) for each in there},
        reference=compare_at_hand(baseline, there, settings.specificity_floor, images.at),
        judged=tuple(sorted(noted)),
        picked=find_picked(baseline, there, settings.specificity_floor, images.at),
    )
    write_baseline(output, evidence)
    counts = evidence.counts[settings.target]
    say(
        f"{evidence.run} on {evidence.dataset}, {evidence.split}: misses {counts.missed:,} "
        f"of {plural(counts.positives, f'{label_name(settings.target)} image')}, "
        f"{plural(counts.false_alarms, 'false alarm')}"
        + (f"; {plural(len(evidence.known), 'known run')}" if known is not None else "")
        + (f"; {plural(len(noted), 'model')} judged on these images" if noted else "")
        + f"; {describe_origin(baseline.scores_from)}"
    )
    note = note_newer(images, there[:1])
    if note:
        say_note(note)
    print_paths("covidreport.baseline-set/1", [output], as_json=as_json)
