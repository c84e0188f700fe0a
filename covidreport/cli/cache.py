"""`covidreport cache`: what is in the cache, and how to be rid of it."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from covidreport.cli.common import Commands
from covidreport.cli.options import AsJson

commands = Commands(
    help=(
        "Show or clear the cache: decoded images, file digests, DICOM headers, comparisons and "
        "more. It is safe to delete at any time.\n\nCOVIDREPORT_CACHE names another folder, "
        "COVIDREPORT_CACHE_BYTES another limit."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(commands, name="cache", short_help="Show or clear the cache.")


@commands.command(epilog="Example: covidreport cache info")
def info(
    as_json: AsJson = False,
) -> None:
    """Show where the cache is, what is in it by kind and how large it may be."""
    from covidreport.cli.tables import Row, print_line, print_table
    from covidreport.cli.terminal import out, print_json
    from covidreport.storage.cache import KINDS
    from covidreport.storage.cache_folder import cache_limit, list_entries, locate_cache
    from covidreport.text import whole
    from covidreport.text.columns import Column
    from covidreport.text.sizes import size

    entries = list_entries()
    total = sum(entry.size_bytes for entry in entries)
    if as_json:
        document = {
            "schema": "covidreport.cache/1",
            "folder": str(locate_cache()),
            "limit_bytes": cache_limit(),
            "bytes": total,
            "kinds": [
                {"kind": name, "what": kind.what, "room": kind.room} for name, kind in KINDS.items()
            ],
            "entries": [
                {
                    "kind": entry.kind,
                    "name": entry.path.name,
                    "bytes": entry.size_bytes,
                    "used": datetime.fromtimestamp(entry.used_s, UTC).isoformat(timespec="seconds"),
                }
                for entry in entries
            ],
        }
        print_json(document)
        return
    print_line(out, f"{locate_cache()}: {size(total)} of at most {size(cache_limit())}")
    known = {name: kind.what for name, kind in KINDS.items()}
    others = {entry.kind: "of another version" for entry in entries if entry.kind not in known}
    rows = []
    for name, what in (known | others).items():
        sizes = [entry.size_bytes for entry in entries if entry.kind == name]
        rows.append(Row((name, size(sum(sizes)), whole(len(sizes)), what)))
    columns = (
        Column("kind", "name"), Column("size", "figure"), Column("entries", "figure", 1),
        Column("what"),
    )  # fmt: skip
    print_table(out, columns, rows)


@commands.command(epilog="Example: covidreport cache clear")
def clear(
    as_json: AsJson = False,
) -> None:
    """Delete everything in the cache; the next evaluation fills it again."""
    from covidreport.cli.terminal import print_json
    from covidreport.storage.cache_folder import clear_cache
    from covidreport.text import plural
    from covidreport.text.sizes import size

    entries = clear_cache()
    freed = sum(entry.size_bytes for entry in entries)
    if as_json:
        print_json({"schema": "covidreport.cache-clear/1", "entries": len(entries), "bytes": freed})
    else:
        typer.echo(f"{plural(len(entries), 'entry', 'entries')} deleted, {size(freed)} freed")
