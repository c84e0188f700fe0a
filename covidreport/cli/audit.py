"""`covidreport audit`: what is wrong with the data, the labels or the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import AsJson, Jobs, read_options

if TYPE_CHECKING:
    from rich.table import Table

    from covidreport.audit.document import Audit
    from covidreport.dataset.index import Question
    from covidreport.evaluate.options import EvaluateOptions
    from covidreport.records import (
        Dataset,
        Finding,
        Ignore,
        IgnoredFinding,
        OnEvent,
        ReportData,
        Run,
    )
    from covidreport.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Look for what is wrong with data, labels and runs.",
        help=(
            "Look for what is wrong with a data set: patients or copies of a picture in two "
            "splits, splits that differ, attributes that tell a label by themselves, too few "
            "cases. Decodes every image once. With run folders also for what is wrong with their "
            "evaluations, such as swapped labels. `[audit] ignore` in the configuration names "
            "findings that were looked at, each with the reason; they are listed as ignored and "
            "do not count.\n\n"
            "Exit code: 0 nothing grave was found, 1 an error was found, 2 wrong usage or refused "
            "data."
        ),
        epilog="Example: covidreport audit data/manifest.csv runs/",
    )(audit)


def audit(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DATA] [RUNS]...",
            help=(
                "A manifest or a folder of class folders, then run folders or folders of them.  "
                "[default: the data of the configuration]"
            ),
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The data set; then all arguments are run folders."),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Look at this split alone; repeatable.  [default: all]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write what was found as JSON too, for `render --audit`."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Do not count findings of this code, which stands beside each; repeatable.",
        ),
    ] = None,
    jobs: Jobs = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep what was measured for the next time.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Audit a data set, and runs."""
    from covidreport.audit import sort_findings
    from covidreport.audit.document import audit_as_json
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import out, print_json, say
    from covidreport.evaluate.resolve import ask_data
    from covidreport.storage.runs import discover_runs
    from covidreport.store import write_json
    from covidreport.text.failed import explain_failed

    settings, options = read_options(context)
    given, folders = _tell_data_from_runs(paths or [], data)
    runs = discover_runs(folders) if folders else ()
    if given is not None:
        options = replace(options, data=given, origins={})
    question = ask_data(options, runs)
    splits = [name.strip().lower() for name in split or []]
    settings = replace(settings, ignore=_add_ignored(settings.ignore, ignore or []))
    with show_events() as on_event:
        found = _audit(_Asked(question, options, settings, splits, runs), on_event)
    if output is not None:
        write_json(output, audit_as_json(found))
    if as_json:
        print_json(audit_as_json(found))
    else:
        out.print(_summarise(found))
        if found.findings or found.run_findings:
            out.print(_show(sort_findings([*found.findings, *found.run_findings])))
        if found.ignored:
            out.print(_show_ignored(found.ignored))
    for finding in (*found.findings, *(each.finding for each in found.ignored)):
        if finding.code == "images-undecodable":
            why = explain_failed(len(finding.subjects), found.images, settings.max_failed_share)
            if why is not None:
                say(f"error: {why}: what was found is of the rest", "bold red")
                raise typer.Exit(3)
    if any(each.severity == "error" for each in (*found.findings, *found.run_findings)):
        raise typer.Exit(1)


def _add_ignored(configured: Sequence[Ignore], codes: Sequence[str]) -> tuple[Ignore, ...]:
    """Those of the configuration, with their reasons, and those of the option."""
    from covidreport.errors import UsageError
    from covidreport.records import Ignore

    if not all(code.strip() for code in codes):
        raise UsageError("--ignore takes the code that stands behind a finding")
    known = {each.code for each in configured}
    asked = dict.fromkeys(code.strip() for code in codes)
    return (*configured, *(Ignore(code, "--ignore") for code in asked if code not in known))


def _tell_data_from_runs(
    paths: Sequence[Path], data: Path | None
) -> tuple[Path | None, Sequence[Path]]:
    """The data set and the run folders among the arguments: what holds runs is no data set."""
    from covidreport.errors import UsageError
    from covidreport.storage.runs import discover_runs

    if data is not None or not paths:
        return data, paths
    if paths[0].is_dir():
        try:
            discover_runs(paths[:1])
        except UsageError:
            pass
        else:
            return None, paths
    return paths[0], paths[1:]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is looked at."""

    question: Question
    options: EvaluateOptions
    settings: Settings
    splits: Sequence[str]
    runs: Sequence[Run]


def _audit(asked: _Asked, on_event: OnEvent) -> Audit:
    from covidreport.audit import DataEvidence, audit_data, sort_findings
    from covidreport.audit.document import Audit, merge_findings
    from covidreport.audit.ignore import find_outlived, set_aside
    from covidreport.dataset.digests import digest_files
    from covidreport.dataset.fill import fill_from_headers
    from covidreport.dataset.survey import survey_images
    from covidreport.evaluate.resolve import read_asked
    from covidreport.records import StageStarted, count_steps

    settings, splits, runs = asked.settings, asked.splits, asked.runs
    use_cache, advance = asked.options.cache is not False, count_steps(on_event)
    dataset = read_asked(asked.question, (lambda _: splits) if splits else None)
    dataset = _take_splits(dataset, splits)
    on_event(StageStarted(f"Reading {len(dataset):,} files", len(dataset)))
    digests = digest_files(dataset, use_cache=use_cache, advance=advance)
    dataset, notes = fill_from_headers(dataset, digests, use_cache=use_cache)
    on_event(StageStarted(f"Decoding {len(dataset):,} images", len(dataset)))
    survey = survey_images(
        dataset, digests, jobs=asked.options.jobs, use_cache=use_cache, advance=advance
    )
    report = _collect(runs, settings, dataset.name, splits)
    evidence = DataEvidence(dataset, settings.target, digests, survey, _list_roc_aucs(report))
    of_data = sort_findings([*audit_data(evidence), *notes])
    of_runs = () if report is None else (*report.findings, *_audit_scores(report))
    findings, aside = set_aside(of_data, settings.ignore)
    run_findings, aside_runs = set_aside(
        sort_findings(merge_findings(of_data, of_runs)), settings.ignore
    )
    ignored = (*aside, *aside_runs)
    return Audit(
        dataset=dataset.name,
        source=asked.question.source.as_posix(),
        target=settings.target,
        labels=dataset.labels,
        splits=tuple(dict.fromkeys(dataset.splits or ("all",))),
        images=len(dataset),
        patients=None if dataset.groups is None else len(set(dataset.groups)),
        findings=(*findings, *find_outlived(settings.ignore, ignored)),
        runs=tuple(run.name for run in runs),
        run_findings=run_findings,
        ignored=ignored,
        fingerprints=_fingerprint_splits(dataset, digests),
    )


def _fingerprint_splits(dataset: Dataset, digests: Sequence[str]) -> dict[str, str]:
    """The fingerprint of each split's images, as an evaluation of that split has it."""
    from covidreport.dataset import fingerprint, select_split

    if dataset.splits is None:
        return {"all": fingerprint(dataset, digests)}
    found = {}
    for name in filter(None, dict.fromkeys(dataset.splits)):
        own = [digest for digest, of in zip(digests, dataset.splits, strict=True) if of == name]
        found[name] = fingerprint(select_split(dataset, name), own)
    return found


def _take_splits(dataset: Dataset, wanted: Sequence[str]) -> Dataset:
    """The images of these splits, in their order; all where none is named."""
    from covidreport.dataset import select_splits
    from covidreport.errors import UsageError

    if not wanted:
        return dataset
    if dataset.splits is None:
        raise UsageError(f"the data has no splits, and split {wanted[0]!r} was asked for")
    return select_splits(dataset, wanted)


def _collect(
    runs: Sequence[Run], settings: Settings, dataset: str, splits: Sequence[str]
) -> ReportData | None:
    """What the runs' evaluations on this data set say; None without any."""
    from covidreport.cli.terminal import say
    from covidreport.errors import UsageError
    from covidreport.report.collect import collect_report

    if not runs:
        return None
    try:
        return collect_report(
            runs, target=settings.target, specificity_floor=settings.specificity_floor,
            images=settings.ask_stored(dataset, splits[0] if splits else None), show_ids=True,
        )  # fmt: skip
    except UsageError as error:
        say(f"note: nothing is said of the runs: {error}", "cyan")
        return None


def _list_roc_aucs(report: ReportData | None) -> dict[str, float]:
    found = {}
    if report is not None:
        for run in report.runs:
            figures = run.evaluation.estimates.get(report.target, {}) if run.evaluation else {}
            figure = figures.get("roc_auc")
            if figure is not None and figure.value is not None:
                found[run.run.name] = figure.value
    return found


def _audit_scores(report: ReportData) -> list[Finding]:
    """What the stored scores of the reported evaluations say against their runs."""
    from covidreport.audit import audit_scores
    from covidreport.cli.terminal import say_faults
    from covidreport.errors import StoreError
    from covidreport.store import SCORES_FILE, evaluation_folder, read_scores

    found: list[Finding] = []
    faults: list[tuple[str, str]] = []
    for run in report.runs:
        if run.evaluation is None or not run.evaluation.has_scores:
            continue
        folder = evaluation_folder(run.run.folder, run.evaluation.key)
        try:
            found += audit_scores(run.run.name, read_scores(folder / SCORES_FILE))
        except StoreError as error:
            faults.append((run.run.name, str(error)))
    say_faults(faults)
    return found


def _summarise(found: Audit) -> str:
    from covidreport.records import SEVERITIES
    from covidreport.text import plural

    every = [*found.findings, *found.run_findings]
    counts = [(each, sum(f.severity == each for f in every)) for each in SEVERITIES]
    told = ", ".join(plural(n, each) for each, n in counts if n)
    patients = "" if found.patients is None else f" of {plural(found.patients, 'patient')}"
    splits = " and ".join([", ".join(found.splits[:-1]), found.splits[-1]]).removeprefix(" and ")
    beside = f", with {plural(len(found.runs), 'run')}" if found.runs else ""
    ignored = f", {len(found.ignored):,} ignored" if found.ignored else ""
    return (
        f"{found.dataset}: {plural(found.images, 'image')}{patients} in {splits}{beside}: "
        f"{told or 'nothing was found'}{ignored}"
    )


def _show(findings: Sequence[Finding]) -> Table:
    """Severity beside what was found and its code, the evidence and what to do, in that order."""
    from rich.text import Text

    from covidreport.cli.terminal import STYLES

    table = _two_columns()
    for finding in findings:
        to_do = (f"To do: {finding.remedy}", "dim")
        words = Text.assemble(
            (finding.what, "bold"),
            (f" [{finding.code}]", "dim"),
            "\n",
            finding.evidence,
            "\n",
            to_do,
        )
        table.add_row(Text(finding.severity, STYLES[finding.severity]), words)
    return table


def _show_ignored(ignored: Sequence[IgnoredFinding]) -> Table:
    """What was set aside, each with the reason."""
    from rich.text import Text

    table = _two_columns()
    for each in ignored:
        what = f"{each.finding.severity}: {each.finding.what} [{each.finding.code}]"
        table.add_row(Text("ignored", "dim"), Text(f"{what}\nReason: {each.reason}", "dim"))
    return table


def _two_columns() -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False, padding=(1, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
