"""`covidreport migrate`: stored files of earlier versions written as today's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import AsJson
from covidreport.storage.address import locate_runs
from covidreport.storage.copied import Use

if TYPE_CHECKING:
    from covidreport.records import Failure
    from covidreport.storage.migrate import Migration, Rewrite

SCHEMA = "covidreport.migrate/1"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write stored files of earlier versions as today's.",
        help=(
            "Write what earlier versions stored as this one stores it: evaluation.json, "
            "failure.json, thresholds.json, maps and reference answers of run folders, and "
            "baseline.json and audit.json by name. Nothing is computed anew; every command reads "
            "the files of earlier versions as they are, by the same steps. So this is for who "
            "wants one version in a repository, or reads the files by a program of his own.\n\n"
            "A run is migrated whole or not at all. What a newer version wrote is refused where "
            "this one would drop something. What differs in a migrated file is how it is written, "
            "and figures that earlier versions stated and that do not hold (docs/formats.md).\n\n"
            "Exit code: 0 all are of today, 2 wrong usage, 3 a run or a file was not migrated."
        ),
        epilog="Example: covidreport migrate runs/ baseline.json --dry-run",
    )(migrate)


def migrate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATHS",
            help="Run folders, folders of them, baseline.json or audit.json.  [default: runs]",
            parser=locate_runs,
        ),
        Use.WRITE,
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Migrate stored files."""
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out, print_json, say_failures, say_note
    from covidreport.records import Failure
    from covidreport.storage.migrate import migrate_file, migrate_run
    from covidreport.storage.runs import discover_runs
    from covidreport.text import plural

    files = [path for path in paths or () if path.suffix == ".json" and path.is_file()]
    folders = [path for path in paths or () if path not in files]
    rewrites = [(path, _choose_rewrite(path)) for path in files]
    runs = discover_runs(folders, say_note) if folders or not files else ()
    done = [migrate_file(path, rewrite, dry_run=dry_run) for path, rewrite in rewrites]
    done += [migrate_run(run, dry_run=dry_run) for run in runs]
    failures = [each for each in done if isinstance(each, Failure)]
    found = [one for each in done if not isinstance(each, Failure) for one in each]
    changed = [each for each in found if each.changes]
    if as_json:
        print_json(_describe(found, failures, dry_run=dry_run))
    else:
        verb = "would be written" if dry_run else "written"
        for each in changed:
            print_line(out, f"{verb} anew: {each.path}")
        print_line(out, f"{len(changed):,} of {plural(len(found), 'file')} {verb} anew")
    say_failures(failures, "migrated")
    if failures:
        raise typer.Exit(3)


def _choose_rewrite(path: Path) -> Rewrite:
    """How a file outside of run folders is written today, by its schema."""
    from covidreport.audit.document import AUDIT, audit_as_json
    from covidreport.errors import StoreError, UsageError
    from covidreport.gate.evidence import BASELINE, encode_baseline
    from covidreport.storage.codec import lay_out_json, lay_out_lines, read_json

    known: dict[str, Rewrite] = {
        BASELINE.family: lambda value, source: lay_out_lines(
            encode_baseline(BASELINE.decode(value, source))
        ),
        AUDIT.family: lambda value, source: lay_out_json(
            {**audit_as_json(AUDIT.decode(value, source)), "covidreport": value.get("covidreport")}
        ),
    }
    try:
        schema = str(read_json(path).get("schema"))
    except StoreError as error:
        raise UsageError(str(error)) from error
    family = schema.partition("/")[0]
    if family not in known:
        raise UsageError(
            f"{path}: its schema is {schema!r}; give run folders, a baseline.json or an audit.json"
        )
    return known[family]


def _describe(
    found: Sequence[Migration], failures: Sequence[Failure], *, dry_run: bool
) -> dict[str, object]:
    from covidreport.cli.terminal import failure_as_json

    return {
        "schema": SCHEMA,
        "dry_run": dry_run,
        "files": [
            {
                "path": each.path.as_posix(),
                "from": each.schema,
                "to": each.today,
                "changed": each.changes,
            }
            for each in found
        ],
        "failures": [failure_as_json(each) for each in failures],
    }
