"""The commands by name, and what happens to an error. Each command loads what it needs itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from covidreport.cli.common import Commands
from covidreport.cli.stopping import Stopped, hear_signals
from covidreport.errors import NO_ROOM, CovidReportError
from covidreport.streams import prepare_streams

HELP = (
    "Which chest X-ray classifier misses the fewest COVID-19 images, and is that luck?\n\n"
    "Start with `covidreport init DATA`, then `covidreport evaluate runs/`, then "
    "`covidreport render --format html`."
)


def _show_version(given: bool) -> None:
    if given:
        from covidreport import __version__

        typer.echo(f"covidreport {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def build_app() -> typer.Typer:
    """The command line with every command, in the order in which the help lists them."""
    from covidreport.cli import (
        adopt,
        audit,
        baseline,
        cache,
        ci,
        combine,
        doctor,
        evaluate,
        export,
        gate,
        import_counts,
        import_readers,
        import_scores,
        init,
        kit,
        listing,
        merge,
        migrate,
        occlude,
        plan,
        predict,
        pull,
        push,
        render,
        score,
        split,
        tune,
    )

    app = Commands(
        name="covidreport",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for module in (
        init, adopt, split, evaluate, merge, render, gate, baseline, ci, score, tune, combine, plan,
        audit, occlude, predict, listing, kit, import_counts, import_scores, import_readers, export,
        push, pull, migrate, cache, doctor,
    ):  # fmt: skip
        module.register(app)
    return app


@cache
def build_command() -> Callable[[], Any]:
    """What `build_app` describes, ready to be called: made once, however often it is."""
    return get_command(build_app())


def main() -> None:
    """Run the command line; an error that a user can mend is one message and an exit code."""
    with prepare_streams() as faults:
        code = _call()
    sys.exit(3 if code == 0 and faults else code)


def _call() -> int:
    """The exit code of the command that was asked for."""
    try:
        with hear_signals():
            build_command()()
    except Stopped as stop:
        stop.say()
        return int(stop.code or 0)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except CovidReportError as error:
        _say(f"covidreport: {error}")
        if error.remedy:
            _say(f"  {error.remedy}")
        return error.exit_code
    except OSError as error:
        # The machine's doing, and 1 would say that a limit failed.
        do = "make room" if error.errno in NO_ROOM else "see that it is there and not closed to you"
        _say(f"covidreport: {error}; {do} or choose another folder")
        return 3
    except KeyboardInterrupt:
        typer.echo("covidreport: stopped", err=True)
        return 130
    finally:
        _say_of_cache()
        _say_of_locks()
    return 0


def _say(text: str) -> None:
    from covidreport.cli.terminal import say

    say(text)


def _say_of_locks() -> None:
    """That the file system has no locks, once for the whole command."""
    from covidreport.locks import take_unlocked

    why = take_unlocked()
    if why is not None:
        from covidreport.cli.terminal import say_note

        say_note(
            f"the file system knows no locks ({why}): start one covidreport at a time there, two "
            "would do the same work twice"
        )


def _say_of_cache() -> None:
    """That there is no cache, or that parts of it were damaged, once for the whole command."""
    from covidreport.storage.cache_folder import take_damage, take_missed

    why, found = take_missed(), take_damage()
    if why is not None and "--no-cache" not in sys.argv:
        from covidreport.cli.terminal import say_note

        say_note(
            f"nothing is cached: {why}. Name a folder with COVIDREPORT_CACHE, or say --no-cache "
            "where a command has it"
        )
    if found:
        from covidreport.cli.terminal import say

        counts = ", ".join(f"{kind} ({n:,})" for kind, n in found.items())
        say(
            f"warning: parts of the cache were damaged and were made again: {counts}. No metric is "
            "from them; a disk or a memory that fails may be why",
            "yellow",
        )
