"""`covidreport gate`: judge evaluated runs by limits and a baseline; runs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import (
    JUDGED,
    EvidenceMargin,
    GateBaseline,
    Limits,
    MaxFailedShare,
    RequireEvidence,
    ShowIds,
    Variant,
    Verbose,
    VerdictAsJson,
    Warnings,
)
from covidreport.errors import UsageError

if TYPE_CHECKING:
    from covidreport.errors import GateError
    from covidreport.gate.evidence import GateSide
    from covidreport.gate.gating import GateRequest
    from covidreport.records import NotJudged, Run, Verdict
    from covidreport.settings import Settings
    from covidreport.storage.chosen import AskedImages

HELP = (
    "Judge evaluated runs by limits and a baseline. Reads what `covidreport evaluate` stored; "
    "opens no image and runs no model.\n\n"
    "A limit is [LABEL:]FIGURE>=BOUND or <=BOUND, such as sensitivity.low>=0.70 or "
    "missed<=baseline. Without others: not one COVID-19 case missed more than by the baseline, and "
    "a specificity at or above the floor. Of a folder of runs those are passed over that "
    "`covidreport baseline set --known` saw as they are. docs/gate.md has all of it.\n\n"
)
EXIT_CODES_TEXT = (
    "Exit code: 0 pass, 1 a limit is not kept, 2 wrong usage, 3 could not be judged (no "
    "evaluation, broken model, missing data, provider, another baseline, full disk, a defect), 4 "
    "inconclusive: too few cases to tell."
)
DEFAULT_MARGIN = 0.05
"""Of `--require-evidence` where no margin is stated."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Pass or fail runs by limits and a baseline.",
        help=HELP + EXIT_CODES_TEXT,
        epilog="Example: covidreport gate runs/new --baseline baseline.json --output-dir verdict",
    )(gate)


def gate(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="Run folders, or folders of them."),
    ],
    baseline: GateBaseline = None,
    limit: Limits = None,
    warn: Warnings = None,
    require_evidence: RequireEvidence = False,
    margin: EvidenceMargin = None,
    split: Annotated[
        str | None,
        typer.Option(help=f"Which split.  {JUDGED}"),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Which data set.  [default: the baseline's, else the configured one]"),
    ] = None,
    variant: Variant = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="A folder for verdict.json and all other outputs.")
    ] = None,
    show_ids: ShowIds = False,
    max_failed_share: MaxFailedShare = None,
    as_json: VerdictAsJson = False,
    verbose: Verbose = False,
) -> None:
    """Judge runs."""
    from covidreport.cli.terminal import show_tracebacks
    from covidreport.cli.verdicts import conclude, judge_or_explain, never_exit_one

    with never_exit_one():
        from covidreport.cli.found import find_runs
        from covidreport.gate.gating import gate_runs, open_baseline, pass_over_known
        from covidreport.integrations.write import clear_outputs
        from covidreport.records import Beside
        from covidreport.settings import find_settings

        show_tracebacks(verbose)
        settings = find_settings(Path.cwd())
        if output_dir is not None:
            clear_outputs(output_dir)
        runs = find_runs(folders)
        images = ask_images(settings, dataset, split, variant)
        options = GateOptions(
            baseline, limit or [], warn or [], require_evidence, margin, show_ids, max_failed_share
        )
        request = make_request(options, images, settings, runs)
        passed_over: list[NotJudged] = []

        def judge() -> tuple[Verdict, ...]:
            opened = open_baseline(runs, request)
            new, known = pass_over_known(runs, opened, folders)
            passed_over.extend(known)
            verdicts = gate_runs(new, request, opened)
            _say_newer(request, opened, runs)
            return verdicts

        verdicts = judge_or_explain(runs, settings.target, judge)
        beside = Beside(not_judged=tuple(passed_over))
        conclude(verdicts, output_dir, as_json=as_json, beside=beside)


def ask_images(
    settings: Settings, dataset: str | None = None, split: str | None = None,
    variant: str | None = None,
) -> AskedImages:  # fmt: skip
    """The images that options and the configuration ask for; the baseline may say more."""
    from covidreport.storage.chosen import AskedImages, fold_split

    split = None if split is None else fold_split(split)
    return AskedImages(dataset, split, variant, settings.evaluate.split, settings.data_name)


def _say_newer(
    request: GateRequest, baseline: GateSide | GateError | None, runs: Sequence[Run]
) -> None:
    """Tell what was evaluated later than the images that are judged."""
    from covidreport.cli.terminal import say_note
    from covidreport.errors import GateError
    from covidreport.gate.gating import complete_images
    from covidreport.gate.stored import note_newer

    known = None if isinstance(baseline, GateError) else baseline
    note = note_newer(complete_images(request.images, known), runs)
    if note:
        say_note(note)


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What the options of `gate` and `ci` say of limits and the baseline."""

    baseline: str | None
    limits: Sequence[str]
    warnings: Sequence[str]
    require_evidence: bool
    margin: float | None
    show_ids: bool
    max_failed_share: float | None = None


def find_baseline(option: str | None, settings: Settings, runs: Sequence[Run]) -> Path | None:
    """Where the baseline is: the option, else the configuration, else baseline.json, else none."""
    from covidreport.gate.baseline import find_baseline_file, locate_baseline

    if option is not None:
        return locate_baseline(option, runs)
    if settings.baseline is not None:
        return locate_baseline(settings.baseline, runs, settings.folder)
    return find_baseline_file(None, settings.folder)


def make_request(
    options: GateOptions, images: AskedImages, settings: Settings, runs: Sequence[Run]
) -> GateRequest:
    """What is judged by what: options, then the configuration, then what is built in."""
    from covidreport.gate.gating import GateRequest
    from covidreport.gate.judge import GateCriteria
    from covidreport.gate.limits import choose_limits, read_limit, require_evidence

    place = find_baseline(options.baseline, settings, runs)
    limits = [
        *settings.limits,
        *(read_limit(each, settings.target) for each in options.limits),
        *(read_limit(each, settings.target, "warn") for each in options.warnings),
    ]
    if options.margin is not None and not options.require_evidence:
        raise UsageError("--margin goes with --require-evidence")
    if options.margin is not None and not 0 < options.margin < 1:
        raise UsageError(
            f"--margin {options.margin:g}: give a fraction between 0 and 1, such as 0.05"
        )
    if options.require_evidence:
        margin = options.margin or settings.margin or DEFAULT_MARGIN
        limits.append(require_evidence(settings.target, margin, "--require-evidence"))
    chosen = choose_limits(
        limits, settings.target, settings.specificity_floor, has_baseline=place is not None
    )
    prevalence = settings.figures.prevalence
    if prevalence is not None and not isinstance(prevalence, Mapping):
        prevalence = {settings.target: prevalence}
    most = options.max_failed_share
    return GateRequest(
        criteria=GateCriteria(settings.target, chosen, options.show_ids, prevalence or {}),
        images=images,
        baseline=place,
        specificity_floor=settings.specificity_floor,
        max_failed_share=settings.max_failed_share if most is None else most,
    )
