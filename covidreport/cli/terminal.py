"""Where words go: results to stdout, progress and warnings to stderr."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer
from msgspec import Struct
from rich.console import Console

from covidreport.storage.copied import show_place
from covidreport.streams import speaks_unicode
from covidreport.text import list_some
from covidreport.text.columns import HANG, PIPED_WIDTH, wrap

if TYPE_CHECKING:
    from pathlib import Path

    from covidreport.records import Failure, Finding

MOST_NAMES = 20
"""So many runs of which the same is said are named."""


def _open_stdout() -> Console:
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if known else PIPED_WIDTH)


out = _open_stdout()
err = Console(stderr=True, highlight=False)

_COMMANDS = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that move, hide or reorder text: controls, formats, separators of lines."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def clean(text: str, *, lines: bool = False) -> str:
    """Without what would command the terminal: a run's name may hold anything.

    lines: whether ends of lines are kept, in texts of several.
    """
    return "".join(
        c if unicodedata.category(c) not in _COMMANDS or (lines and c == "\n") else REPLACEMENT
        for c in text
    )


def print_json(document: object) -> None:
    """A JSON document on stdout, the same on a stream of any encoding; ValueError for a NaN.

    Only a name can hold what a pipeline takes for a command: JSON knows another spelling of it.
    """
    ascii_only = not speaks_unicode(sys.stdout)
    text = json.dumps(document, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    typer.echo(text.replace("##", "#\\u0023"))


def print_paths(schema: str, paths: Iterable[Path], *, as_json: bool) -> None:
    """What a command wrote, on stdout: a line for each as soon as it is there, or one document."""
    if as_json:
        print_json({"schema": schema, "files": [*map(show_place, paths)]})
        return
    for path in paths:
        typer.echo(show_place(path))


def say(text: str, style: str | None = None) -> None:
    """Words on stderr, as they are: no markup is read from them, and they command nothing.

    What is too long for a line of the terminal goes on beneath it, indented.
    """
    lines = clean(text, lines=True).split("\n")
    if err.file.isatty():
        lines = [part for line in lines for part in wrap(line, err.width, HANG)]
    err.print("\n".join(lines), style=style, markup=False, soft_wrap=True)


def part_of(part: int, whole: int, verb: str, plural: str | None = None) -> str:
    """Such as `1 of 1 run is`, `1 of 3 runs is` or `2 of 3 runs are`."""
    runs = "run" if whole == 1 else "runs"
    return f"{part:,} of {whole:,} {runs} {verb if part == 1 else plural or verb}"


def say_note(text: str) -> None:
    """What a reader should know of what was found, on stderr; nothing where he wants quiet."""
    if not _told.quiet:
        say(f"note: {text}", "cyan")


class _Told(Struct):
    """What the command line was told of how much it is to say."""

    quiet: bool = False


_told = _Told()


def say_deprecated(kind: str, name: str) -> None:
    """That a format or a command goes, where it does, and what takes its place."""
    from covidreport.text.deprecations import find_deprecation

    found = find_deprecation(kind, name)
    if found is not None:
        say_note(found.sentence)


def keep_quiet(given: bool) -> None:
    """Say errors and warnings alone, or everything again."""
    _told.quiet = given


def is_quiet() -> bool:
    """Whether progress and notes are left out."""
    return _told.quiet


class _Tracebacks(logging.Handler):
    """What the log says, on stderr as it is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record with its traceback."""
        say(self.format(record))


_tracebacks = _Tracebacks()


def show_tracebacks(given: bool) -> None:
    """Show, or show no longer, the tracebacks of what ended at the boundary around a run."""
    log = logging.getLogger("covidreport")
    log.removeHandler(_tracebacks)
    log.setLevel(logging.DEBUG if given else logging.NOTSET)
    if given:
        log.addHandler(_tracebacks)


def say_failures(failures: Iterable[Failure], done: str = "evaluated") -> None:
    """What was not done of some runs, why, and what to do, on stderr: each reason once."""
    for (reason, remedy), names in _gather(
        (each.subject, (each.reason, each.remedy)) for each in failures
    ):
        if len(names) == 1:
            say(f"error: run {names[0]} was not {done}: {reason}", "bold red")
        else:
            say(f"error: {len(names)} runs were not {done}: {reason}", "bold red")
            say(f"  {list_some(names, MOST_NAMES)}")
        if remedy:
            say(f"  {remedy}")


def failure_as_json(failure: Failure) -> dict[str, str]:
    """Why something was not done with a run, for a program."""
    return {
        "run": failure.subject,
        "stage": failure.stage,
        "reason": failure.reason,
        "remedy": failure.remedy,
    }


def say_faults(faults: Iterable[tuple[str, str]]) -> None:
    """What is wrong with some runs, by name, on stderr: each fault once."""
    for (fault,), names in _gather((name, (fault,)) for name, fault in faults):
        several = f"each of {len(names)} runs ({list_some(names, MOST_NAMES)})"
        who = several if len(names) > 1 else f"run {names[0]}"
        say(f"error: {who}: {fault}", "bold red")


def _gather(
    said: Iterable[tuple[str, tuple[str, ...]]],
) -> list[tuple[tuple[str, ...], list[str]]]:
    """Names by what is said of them; a run's own folder in it is `*` where it is said of several.

    What is said of one run alone stays as it is.
    """
    found: dict[tuple[str, ...], list[tuple[str, tuple[str, ...]]]] = {}
    for name, texts in said:
        folder = re.compile(rf"(?<=[/\\]){re.escape(name)}(?![\w.-])")
        found.setdefault(tuple(folder.sub("*", text) for text in texts), []).append((name, texts))
    return [
        (texts if len(every) > 1 else every[0][1], [name for name, _ in every])
        for texts, every in found.items()
    ]


def say_finding(finding: Finding) -> None:
    """A finding on stderr: what, the evidence and what to do; a note as `say_note`."""
    if _told.quiet and finding.severity == "note":
        return
    say(f"{finding.severity}: {finding.what}", STYLES[finding.severity])
    say(f"  {finding.evidence}")
    say(f"  {finding.remedy}")
