"""`covidreport cache`: what is kept to save work, and how to be rid of it."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from covidreport.cli.options import AsJson

commands = typer.Typer(
    help=(
        "Show or clear the cache of decoded pixels, file digests and DICOM headers. It is safe to "
        "delete at any time.\n\nCOVIDREPORT_CACHE names another folder, COVIDREPORT_CACHE_BYTES "
        "another limit."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(commands, name="cache", short_help="Show or clear what is kept to save work.")


@commands.command(epilog="Example: covidreport cache info")
def info(
    as_json: AsJson = False,
) -> None:
    """Show where the cache is, what is in it and how large it may be."""
    from covidreport.cache import cache_folder, cache_limit, list_entries
    from covidreport.cli.terminal import print_json

    entries = list_entries()
    total = sum(entry.size_bytes for entry in entries)
    if as_json:
        document = {
            "schema": "covidreport.cache/1",
            "folder": str(cache_folder()),
            "limit_bytes": cache_limit(),
            "bytes": total,
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
    typer.echo(f"{cache_folder()}: {total / 1e6:,.1f} MB of at most {cache_limit() / 1e6:,.0f} MB")
    for entry in entries:
        used = datetime.fromtimestamp(entry.used_s, UTC).strftime("%Y-%m-%d %H:%M")
        size = f"{entry.size_bytes / 1e6:10,.1f} MB"
        typer.echo(f"{entry.kind:8} {size}  used {used}  {entry.path.name[:16]}")


@commands.command(epilog="Example: covidreport cache clear")
def clear() -> None:
    """Delete everything in the cache; the next evaluation fills it again."""
    from covidreport.cache import clear_cache

    entries = clear_cache()
    freed = sum(entry.size_bytes for entry in entries)
    typer.echo(f"{len(entries)} entries deleted, {freed / 1e6:,.1f} MB freed")
