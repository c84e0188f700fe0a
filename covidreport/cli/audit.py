"""`covidreport audit`: what is wrong with the data, the labels or the runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from covidreport.cli.options import AsJson, Jobs, read_options
from covidreport.cli.stored import show_stored
from covidreport.storage.address import Address, locate, locate_output
from covidreport.storage.copied import Use

if TYPE_CHECKING:
    from covidreport.audit.document import Audit
    from covidreport.records import (
        Finding,
        Ignore,
        IgnoredFinding,
    )


WIDEST = len("warning")


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
            metavar="DATA RUNS",
            help=(
                "A manifest or a folder of class folders, then run folders or folders of them.  "
                "[default: the data of the configuration]"
            ),
            parser=locate,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The data set; then all arguments are run folders.", parser=locate, metavar="PATH"
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Look at this split alone; repeatable.  [default: all]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write what was found as JSON too, for `render --audit`.",
            parser=locate_output,
            metavar="PATH",
        ),
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
    from covidreport.api.auditing import AuditRequest, audit_data_set
    from covidreport.audit import sort_findings
    from covidreport.audit.document import audit_as_json
    from covidreport.cli.progress import show_events
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out, print_json, say, say_faults
    from covidreport.storage.folds import join_folds
    from covidreport.storage.runs import discover_runs
    from covidreport.store import write_json
    from covidreport.text.failed import explain_failed

    given, named = _tell_data_from_runs(paths or [], data)
    opened = show_stored({"runs": [*named]}, {"runs": Use.READ})
    folders = context.with_resource(opened)["runs"]
    settings, options = read_options(context, given)
    runs = join_folds(discover_runs(folders)) if folders else ()
    splits = [name.strip().lower() for name in split or []]
    settings = replace(settings, ignore=_add_ignored(settings.ignore, ignore or []))
    with show_events() as on_event:
        audited = audit_data_set(AuditRequest(options, settings, splits, runs), on_event)
    say_faults(audited.unread)
    found = audited.audit
    if output is not None:
        write_json(output, audit_as_json(found))
    if as_json:
        print_json(audit_as_json(found))
    else:
        print_line(out, _summarise(found))
        _show(sort_findings([*found.findings, *found.run_findings]))
        _show_ignored(found.ignored)
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
    given = dict.fromkeys(code.strip() for code in codes)
    return (*configured, *(Ignore(code, "--ignore") for code in given if code not in known))


def _tell_data_from_runs(
    paths: Sequence[Path], data: Path | None
) -> tuple[Path | None, Sequence[Path]]:
    """The data set and the run folders among the arguments: what holds runs is no data set."""
    from covidreport.errors import UsageError
    from covidreport.storage.runs import discover_runs, names_runs

    if data is not None or not paths:
        return data, paths
    if isinstance(paths[0], Address):  # data in a store have a manifest, which is a file
        return (None, paths) if paths[0].is_dir() else (paths[0], paths[1:])
    if names_runs(paths[0]):
        try:
            discover_runs(paths[:1])
        except UsageError:
            pass
        else:
            return None, paths
    return paths[0], paths[1:]


def _summarise(found: Audit) -> str:
    from covidreport.records import SEVERITIES
    from covidreport.text import plural

    every = [*found.findings, *found.run_findings]
    counts = [(each, sum(f.severity == each for f in every)) for each in SEVERITIES]
    said = ", ".join(plural(n, each) for each, n in counts if n)
    patients = "" if found.patients is None else f" of {plural(found.patients, 'patient')}"
    splits = " and ".join([", ".join(found.splits[:-1]), found.splits[-1]]).removeprefix(" and ")
    beside = f", with {plural(len(found.runs), 'run')}" if found.runs else ""
    ignored = f", {len(found.ignored):,} ignored" if found.ignored else ""
    return (
        f"{found.dataset}: {plural(found.images, 'image')}{patients} in {splits}{beside}: "
        f"{said or 'nothing was found'}{ignored}"
    )


def _show(findings: Sequence[Finding]) -> None:
    """Severity beside what was found and its code, the evidence and what to do, in that order."""
    from covidreport.cli.tables import print_beside
    from covidreport.cli.terminal import STYLES, out

    for finding in findings:
        out.print()
        lines = (
            (f"{finding.what} [{finding.code}]", "bold"),
            (finding.evidence, ""),
            (f"To do: {finding.remedy}", "dim"),
        )
        print_beside(out, (finding.severity, STYLES[finding.severity]), lines, WIDEST)


def _show_ignored(ignored: Sequence[IgnoredFinding]) -> None:
    """What was set aside, each with the reason."""
    from covidreport.cli.tables import print_beside
    from covidreport.cli.terminal import out

    for each in ignored:
        out.print()
        what = f"{each.finding.severity}: {each.finding.what} [{each.finding.code}]"
        print_beside(
            out, ("ignored", "dim"), ((what, "dim"), (f"Reason: {each.reason}", "dim")), WIDEST
        )
