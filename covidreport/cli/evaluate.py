"""`covidreport evaluate`: run models over images and store what they answered."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import (
    AsJson,
    BatchSize,
    BatchTimeout,
    Cache,
    Data,
    DeviceId,
    EvaluatedSplit,
    Jobs,
    MaxFailedShare,
    MemoryLimit,
    Precision,
    Provider,
    Runs,
    Threshold,
    TunedThresholds,
    Verbose,
)
from covidreport.errors import DatasetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.config import Settings, Thresholds
    from covidreport.dataset.index import KnownData, Question
    from covidreport.dataset.manifest import Needed
    from covidreport.evaluate.record import Outcome
    from covidreport.evaluate.request import Request
    from covidreport.inference.execution import Execution
    from covidreport.records import Dataset, Failure, Finding, ModelLimits, Run
    from covidreport.storage.made_here import MadeHere


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Run models over images and store what they answer.",
        help=(
            "Run the models of run folders over a data set and store counts, figures and scores in "
            "each.\n\nData, split and thresholds come from the options, else from covidreport.toml "
            "or [tool.covidreport] in a pyproject.toml, else from the run folders.\n\n"
            "Exit code: 0 all runs were evaluated, 2 wrong usage or refused data, 3 a run or "
            "more than `max_failed_share` of the images failed."
        ),
        epilog="Example: covidreport evaluate runs/ --data data/manifest.csv --split validation",
    )(evaluate)


def evaluate(
    context: typer.Context,
    folders: Runs = None,
    data: Data = None,
    split: EvaluatedSplit = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = 0,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Compute again what is unchanged, and replace other data's evaluations.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare files by their bytes, whatever the file system says."
        ),
    ] = False,
    cache: Cache = True,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails", help="Keep small pictures of missed cases and false alarms for reports."
        ),
    ] = False,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
    max_failed_share: MaxFailedShare = None,
    verbose: Verbose = False,
) -> None:
    """Evaluate runs."""
    from covidreport.cli.command_line import spell_command
    from covidreport.cli.found import find_runs
    from covidreport.cli.ranking import choose_plan, ranking_as_json, show_ranking
    from covidreport.cli.terminal import (
        out,
        part_of,
        print_json,
        say,
        say_failures,
        say_finding,
        show_tracebacks,
    )
    from covidreport.compare import rank_and_compare
    from covidreport.config import find_settings, read_model_limits

    show_tracebacks(verbose)
    settings = find_settings(Path.cwd())
    found = find_runs(folders)
    runs = [run for run in found if not holds_figures_alone(run)]
    if not runs:
        raise UsageError(
            "no run here has a model to run: what was imported or pulled without its model is "
            "ranked by `covidreport render`, and takes other thresholds from `covidreport score`"
        )
    if len(runs) < len(found):
        alone = part_of(len(found) - len(runs), len(found), "holds", "hold")
        say(f"{alone} imported figures and no model: nothing of them is changed")
    choices = Choices(
        data=data, split=split, threshold=tuple(threshold or ()), thresholds=thresholds,
        provider=provider, precision=precision, device_id=device_id, batch_size=batch_size,
        jobs=jobs, force=force, verify=verify, cache=cache, thumbnails=thumbnails,
        command=spell_command(context),
        model_limits=read_model_limits(settings.model_limits, batch_timeout_s, memory_limit),
    )  # fmt: skip
    outcomes, findings = evaluate_folders(runs, choices, settings)
    evaluated = [(each.run, each.evaluation) for each in outcomes if each.evaluation]
    planned = choose_plan(None, None, settings, runs)
    ranked = rank_and_compare(evaluated, settings.target, settings.specificity_floor, planned)
    failed = [outcome.failure for outcome in outcomes if outcome.failure]
    if as_json:
        result = {
            "schema": "covidreport.evaluate/1",
            "rankings": [ranking_as_json(each.ranking, each.evaluations) for each in ranked],
            "failures": [failure_as_json(failure) for failure in failed],
            "evaluations": {
                outcome.run.name: f"{outcome.run.place}/evaluations/{outcome.evaluation.key}"
                for outcome in outcomes
                if outcome.evaluation
            },
        }
        print_json(result)
    else:
        for each in ranked:
            show_ranking(out, each.ranking, each.evaluations)
    say_scored_again(outcomes, settings.target)
    kept = sum(outcome.kept and outcome.before is None for outcome in outcomes)
    if kept:
        which = part_of(kept, len(runs), "is unchanged and was", "are unchanged and were")
        say(f"{which} not run again (--force does)")
    for finding in (*_shared_findings(outcomes), *(f for each in ranked for f in each.findings)):
        if finding not in findings:
            say_finding(finding)
    say_failures(failed)
    most = settings.max_failed_share if max_failed_share is None else max_failed_share
    too_many = _say_too_many(outcomes, most)
    if failed:
        rest = "; the others were evaluated" if len(failed) < len(runs) else ""
        say(f"{part_of(len(failed), len(runs), 'failed')}{rest}")
    if failed or too_many:
        raise typer.Exit(3)


def say_scored_again(outcomes: Sequence[Outcome], target: str) -> None:
    """Which runs stood at other thresholds, and what that changes; said once for runs alike."""
    from covidreport.cli.terminal import say
    from covidreport.thresholds import describe_threshold, is_tuned, spell_threshold

    said: dict[str, list[str]] = {}
    tuned = False
    for outcome in outcomes:
        before, after = outcome.before, outcome.evaluation
        if before is None or after is None:
            continue
        old, new = (describe_threshold(each, target) for each in (before, after))
        tuned |= before.origin.tuned and not after.origin.tuned
        missed = ""
        if (first := before.counts.get(target)) and (second := after.counts.get(target)):
            missed = f", missed {target} {first.missed:,} → {second.missed:,}"
        own = is_tuned(after, target)
        head = f"their own thresholds, {after.thresholds_from}" if own else new
        at = f" at {spell_threshold(after.thresholds[target])}" if own else ""
        said.setdefault(head, []).append(f"{outcome.run.name}{at} (was {old}{missed})")
    for head, runs in said.items():
        say(f"scored again at {head}: {'; '.join(runs)}", "yellow")
    if tuned:
        say("  `--thresholds tuned` takes each run's own")


def _say_too_many(outcomes: Sequence[Outcome], most: float) -> bool:
    """Whether more images failed than may; said once for all runs that it is true of."""
    from covidreport.cli.terminal import say
    from covidreport.failed import explain_failed

    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if (of := outcome.evaluation) is not None:
            why = explain_failed(len(of.failures), of.n_images, most)
            if why is not None:
                found.setdefault(why, []).append(outcome.run.name)
    for why, names in found.items():
        say(f"error: {why}: nothing can be said of {', '.join(names)}", "bold red")
    return bool(found)


def failure_as_json(failure: Failure) -> dict[str, str]:
    """Why a run was not evaluated, for a program."""
    return {
        "run": failure.subject,
        "stage": failure.stage,
        "reason": failure.reason,
        "remedy": failure.remedy,
    }


@dataclass(frozen=True, slots=True)
class Choices:
    """What the options say; None and empty where they are silent."""

    data: Path | None = None
    split: str | None = None
    threshold: tuple[str, ...] = ()
    thresholds: str | None = None
    provider: str | None = None
    precision: str = "fp32"
    device_id: int = 0
    batch_size: int | None = None
    jobs: int | None = None
    force: bool = False
    verify: bool = False
    cache: bool = True
    thumbnails: bool = False
    labels: tuple[str, ...] | None = None
    """Where the configuration names none: those to evaluate, else what most models state."""
    model_limits: ModelLimits | None = None
    """None for what the configuration says."""
    command: str | None = None
    trust_stored: bool = True
    """Whether stored scores are kept that this machine did not make."""
    made: MadeHere | None = None
    """What is known to have been made here, where the caller asks afterwards."""


def evaluate_folders(
    runs: Sequence[Run], choices: Choices, settings: Settings
) -> tuple[tuple[Outcome, ...], tuple[Finding, ...]]:
    """Evaluate runs as options and configuration say; findings about the whole are shown."""
    from covidreport.cli.terminal import say_finding
    from covidreport.config import read_threshold_options
    from covidreport.dataset.index import Question, recall_data
    from covidreport.evaluate.request import default_batch
    from covidreport.inference.execution import read_precision
    from covidreport.inference.providers import choose_execution, expect_execution

    wanted = read_threshold_options(choices.threshold, settings.thresholds, choices.thresholds)
    source = find_data(choices.data, settings, runs)
    asked = choices.provider or settings.provider
    question = Question(
        source, choices.split or settings.split,
        settings.labels or choices.labels or common_labels(runs, source, settings.uncertain),
        settings.group,
        settings.name, settings.uncertain,
    )  # fmt: skip
    how = (asked, read_precision(choices.precision), choices.device_id)
    anew = choices.force or choices.verify or choices.thumbnails or not choices.cache
    known = None if anew or wanted.tuned else recall_data(question)
    keep = partial(_keep_unchanged, known, wanted, choices, runs, settings)
    expected = None if known is None else expect_execution(*how)
    if expected is not None and (outcomes := keep(expected)) is not None:
        return outcomes, ()
    chosen, warning = choose_execution(*how)
    findings: tuple[Finding, ...] = () if warning is None else (_gpu_not_used(warning),)
    if chosen != expected and (outcomes := keep(chosen)) is not None:
        for finding in findings:
            say_finding(finding)
        return outcomes, findings
    batch = choices.batch_size or default_batch(chosen)
    conditions = _Conditions(
        wanted, asked, chosen, batch, choices.jobs, force=choices.force, verify=choices.verify,
        use_cache=choices.cache, settings=settings, thumbnails=choices.thumbnails,
        command=choices.command, trust_stored=choices.trust_stored, made=choices.made,
        model_limits=choices.model_limits or settings.model_limits,
    )  # fmt: skip
    return _evaluate_anew(question, conditions, runs, findings)


def _keep_unchanged(
    known: KnownData | None, wanted: Thresholds, choices: Choices, runs: Sequence[Run],
    settings: Settings, execution: Execution,
) -> tuple[Outcome, ...] | None:  # fmt: skip
    """The stored evaluations of all runs, if the data are known to be unchanged and each may be
    kept: no provider is opened and no image is read. None where something is to be evaluated."""
    from covidreport.evaluate.record import keep_all
    from covidreport.evaluate.request import default_batch

    if known is None:
        return None
    _check_target(settings, known.labels)
    plan = settings.figures.plan(known.labels, settings.target)
    batch = choices.batch_size or default_batch(execution)
    return keep_all(known, wanted, execution, batch, runs, plan, choices.command)


@dataclass(frozen=True, slots=True)
class _Conditions:
    """How is evaluated, whatever the images are; as in a Request."""

    thresholds: Thresholds
    asked_provider: str
    execution: Execution
    batch: int
    jobs: int | None
    force: bool
    verify: bool
    use_cache: bool
    settings: Settings
    model_limits: ModelLimits
    thumbnails: bool = False
    command: str | None = None
    trust_stored: bool = True
    made: MadeHere | None = None


def _evaluate_anew(
    question: Question, how: _Conditions, runs: Sequence[Run], findings: tuple[Finding, ...]
) -> tuple[tuple[Outcome, ...], tuple[Finding, ...]]:
    """Read the data, run what has to be run, and remember what was read."""
    from covidreport.cli.terminal import (
        count_progress,
        say_damaged,
        say_finding,
        say_replaced,
        say_waiting,
        show_progress,
    )
    from covidreport.dataset import fingerprint, read_dataset, stamp_files
    from covidreport.dataset.digests import digest_files
    from covidreport.dataset.fill import fill_from_headers
    from covidreport.dataset.index import remember_data, stamp_manifest
    from covidreport.evaluate.record import Progress, evaluate_runs
    from covidreport.evaluate.request import Request
    from covidreport.storage.made_here import MadeHere

    manifest = stamp_manifest(question.source)
    whole = read_dataset(
        question.source, question.labels, group=question.group, name=question.name,
        uncertain=question.uncertain, needed=need_split(question.split),
    )  # fmt: skip
    _check_target(how.settings, whole.labels)
    dataset, split = choose_split(whole, question.split)
    how.thresholds.fixed(dataset.labels)  # a threshold for no label is said before work
    plan = how.settings.figures.plan(dataset.labels, how.settings.target)
    stamps = stamp_files(dataset)
    with show_progress(f"Reading {len(dataset):,} files", len(dataset)) as advance:
        digests = digest_files(
            dataset, stamps=stamps, verify=how.verify or how.force, use_cache=how.use_cache,
            advance=advance,
        )  # fmt: skip
        dataset, notes = fill_from_headers(dataset, digests, use_cache=how.use_cache)
    request = Request(
        dataset=dataset,
        split=split,
        digests=digests,
        fingerprint=fingerprint(dataset, digests),
        thresholds=how.thresholds,
        asked_provider=how.asked_provider,
        execution=how.execution,
        batch=how.batch,
        jobs=how.jobs,
        force=how.force,
        verify=how.verify,
        use_cache=how.use_cache,
        warnings=(*findings, *notes),
        figures=plan,
        command=how.command,
        trust_stored=how.trust_stored,
        made=how.made or MadeHere(),
        limits=how.model_limits,
    )
    for finding in request.warnings:
        say_finding(finding)
    with count_progress(f"Evaluating {len(dataset):,} images") as (begin, advance):
        outcomes = evaluate_runs(
            request, runs, Progress(begin, advance, say_waiting, say_damaged, say_replaced)
        )
    if how.thumbnails:
        _keep_thumbnails(request, outcomes, how.settings.target)
    if how.use_cache:
        remember_data(question, request.known, manifest, dataset.root, dataset.paths, stamps)
    return outcomes, request.warnings


def _keep_thumbnails(request: Request, outcomes: Sequence[Outcome], target: str) -> None:
    """Write small pictures beside the scores, and say how many."""
    from covidreport.cli.terminal import count_progress, say
    from covidreport.evaluate.thumbnails import write_thumbnails

    if target not in request.dataset.labels:
        raise UsageError(
            f"--thumbnails: the data has no label {target!r}, of which missed cases are shown; "
            "name one with `target` in covidreport.toml"
        )
    evaluated = [(each.run, each.evaluation) for each in outcomes if each.evaluation]
    with count_progress("Drawing thumbnails") as (begin, advance):
        written = write_thumbnails(request, evaluated, target, begin, advance)
    say(
        f"{written.pictures:,} small pictures of {written.cases:,} images stand in thumbnails/ "
        f"beside the scores ({written.new:,} new); `covidreport render` embeds what it shows"
    )
    for reason in written.unreadable:
        say(f"warning: no picture of {reason}", "yellow")


def _gpu_not_used(why: str) -> Finding:
    from covidreport.records import Finding

    return Finding(
        "warning",
        "gpu-not-used",
        "A GPU is here and was not used",
        why,
        "Install what is missing, or ask for `--provider cpu` so that it is meant.",
    )


def _shared_findings(outcomes: Sequence[Outcome]) -> list[Finding]:
    """The findings of all evaluations, each once."""
    found = [f for o in outcomes if o.evaluation for f in o.evaluation.findings]
    return list(dict.fromkeys(found))


def _check_target(settings: Settings, labels: Sequence[str]) -> None:
    """UsageError where the configuration names a target that is no label of the data."""
    from covidreport.config import DEFAULT_TARGET

    if settings.target != DEFAULT_TARGET and settings.target not in labels:
        raise UsageError(
            f"`target` in {settings.origin} is {settings.target!r}, which is no label of the data; "
            f"they are {', '.join(labels)}"
        )


def holds_figures_alone(run: Run) -> bool:
    """Whether a run has figures and no model: imported, or pulled without its model."""
    from covidreport.runs import read_evaluations

    return run.model is None and not run.faults and bool(read_evaluations(run)[0])


def find_data(option: Path | None, settings: Settings, runs: Sequence[Run]) -> Path:
    """Where the images are: the option, else the configuration, else what the run folders name."""
    from covidreport.boundary import attempt

    for path, origin in ((option, "--data"), (settings.data, f"`data` in {settings.origin}")):
        if path is not None:
            if not path.exists():
                raise UsageError(f"{path}: no such file or folder (from {origin})")
            return path
    named: dict[Path, str] = {}
    for run in runs:
        place = None if run.faults else attempt(run.name, "read", partial(_named_data, run))
        if isinstance(place, Path):
            named.setdefault(place, run.name)
    there = [path for path in named if os.path.exists(path)]  # noqa: PTH110 - never raises
    if len(there) == 1:
        return there[0]
    if len(named) == 1:
        (path,) = named
        raise UsageError(
            f"{path}: named as its data by run {named[path]} and not there; use --data"
        )
    if named:
        places = "; ".join(f"{name}: {path}" for path, name in named.items())
        raise UsageError(f"the runs name different data ({places}); say which with --data")
    raise UsageError(
        "no data is named: use --data, or `covidreport init DATA` to write a covidreport.toml"
    )


def _named_data(run: Run) -> Path | None:
    """Where a run says that its data are."""
    source = run.data_source
    return Path(os.path.realpath(run.folder / source)) if source else None


def common_labels(
    runs: Sequence[Run], source: Path, uncertain: Sequence[str] = ()
) -> tuple[str, ...] | None:
    """The labels that most models state, as the first of them orders them; None without models.

    Of several sets of labels the most common one that the data have. A model that states others
    then fails by name, and does not hold up the rest. Read from the files, without loading a model.
    """
    from covidreport.boundary import attempt
    from covidreport.inference.contract import read_labels

    read = [attempt(run.name, "read", partial(read_labels, run)) for run in runs if run.model]
    stated = [labels for labels in read if isinstance(labels, tuple)]
    sets = Counter(frozenset(labels) for labels in stated).most_common()
    ordered = [next(one for one in stated if frozenset(one) == each) for each, _ in sets]
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    fitting = (labels for labels in ordered if _has_labels(source, labels, uncertain))
    return next(fitting, ordered[0])


def _has_labels(source: Path, labels: Sequence[str], uncertain: Sequence[str]) -> bool:
    from covidreport.dataset import read_dataset

    try:
        read_dataset(source, labels, uncertain=uncertain, needed=lambda _: ())
    except DatasetError:
        return False
    return True


def need_split(wanted: str | None) -> Needed:
    """Of which split the files have to be there: of the one that `choose_split` takes."""
    from covidreport.storage.chosen import AskedImages, choose_split

    return lambda there: (choose_split(AskedImages(split=wanted), there),)


def choose_split(dataset: Dataset, wanted: str | None) -> tuple[Dataset, str]:
    """One split of the data and its name: where nothing is said `validation`, else the only one."""
    from covidreport.dataset import select_split
    from covidreport.storage.chosen import NO_SPLITS, AskedImages, choose_split

    if dataset.splits is None:
        if wanted not in (None, NO_SPLITS):
            raise UsageError(f"the data has no splits, and split {wanted!r} was asked for")
        return dataset, NO_SPLITS
    name = choose_split(AskedImages(split=wanted), set(filter(None, dataset.splits)))
    return select_split(dataset, name), name
