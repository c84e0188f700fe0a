"""Verdicts in the terminal, and from verdicts to an exit code; for `gate` and `ci`."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from covidreport.boundary import raise_stop, stage_of
from covidreport.cli.tables import Cell, Row, print_line, print_styled, print_table
from covidreport.cli.terminal import clean, part_of
from covidreport.errors import NO_ROOM, CovidReportError, UsageError
from covidreport.streams import let_commands_through
from covidreport.text import DASH, fraction
from covidreport.text.columns import Column, wrap

if TYPE_CHECKING:
    from covidreport.api.gating import GatedRuns
    from covidreport.records import Beside, LimitResult, Run, Stage, Verdict

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red", "inconclusive": "yellow",
          "error": "bold red"}  # fmt: skip
WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "error": "NOT JUDGED"}
MANY = 3
"""From more verdicts on, those that pass stand in one table, a row each."""
OVERVIEW = (
    Column("verdict"), Column("run", "name"), Column("missed", "figure"),
    Column("false alarms", "figure", 1), Column("limits kept", "figure", 2),
)  # fmt: skip
LIMITS = (
    Column("limit", "name"), Column("this run", "figure"), Column("baseline", "figure", 1),
    Column("allowed"), Column("verdict"), Column("stated in", "name", 2),
)  # fmt: skip
MOST_SHOWN = 10
"""Of many runs that do not pass, so many are shown in full."""


@contextmanager
def never_exit_one() -> Iterator[None]:
    """End with 3 after an unexpected exception: Python's 1 would say that a limit is not kept."""
    try:
        yield
    except (CovidReportError, typer.Exit, typer.Abort):
        raise
    except Exception as error:
        raise_stop(error)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise  # told without a traceback, and it ends with 3 as well
        traceback.print_exc()
        raise typer.Exit(3) from error


def judge_or_explain(runs: Sequence[Run], target: str, judge: Callable[[], GatedRuns]) -> GatedRuns:
    """What `judge` gives; where it raises, a verdict for each run that says why there is none.

    Wrong usage is raised on: it has no verdict. Anything unexpected becomes one, since Python
    would end with exit code 1, which here says that a model is worse.
    """
    from covidreport.api.gating import GatedRuns
    from covidreport.gate.gating import stamp_time
    from covidreport.gate.judge import refuse_run

    stage: Stage
    try:
        return judge()
    except UsageError:
        raise
    except CovidReportError as error:
        stage, reason = stage_of(error, "read"), str(error)
    except Exception as error:  # noqa: BLE001 - see above; the traceback is shown
        raise_stop(error)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            stage, reason = "write", str(error)
        else:
            traceback.print_exc()
            stage, reason = "unexpected", f"{type(error).__name__}: {error}"
    folders = [(run.name, run.folder_text) for run in runs] or [("", "")]
    now = stamp_time()
    return GatedRuns(
        tuple(refuse_run(name, folder, target, stage, reason, now) for name, folder in folders)
    )


def conclude(
    verdicts: Sequence[Verdict], output_dir: Path | None, *, as_json: bool,
    beside: Beside | None = None, also: Callable[[], Path | None] | None = None,
) -> None:  # fmt: skip
    """Write what the verdicts leave behind, show them, and end with their exit code.

    beside: what must be known besides. also: writes one file more,
    where there is something to write. What can't be written makes it
    a 3: something is missing that a reader counts on. What can't be printed changes nothing.
    """
    from covidreport.cli.terminal import out, print_json, say, say_finding
    from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes
    from covidreport.integrations import render_verdict_json
    from covidreport.records import Beside

    beside = beside or Beside()
    code = EXIT_CODES[combine_outcomes([verdict.outcome for verdict in verdicts])]
    written: list[Path] = []
    faults = _leave_behind(verdicts, beside, output_dir, also, written)
    for notice in beside.notices:
        say_finding(notice)
    if as_json:
        print_json(json.loads(render_verdict_json(verdicts, beside)))
    else:
        show_verdicts(out, verdicts, beside)
    if beside.not_judged:
        say(_describe_not_judged(beside, len(verdicts)))
    for path in written:
        say(f"wrote {path}")
    for what, fault in faults.items():
        say(f"error: {what} could not be written: {fault}", "bold red")
        code = EXIT_CODES["error"]
    raise typer.Exit(code)


def _leave_behind(
    verdicts: Sequence[Verdict], beside: Beside, output_dir: Path | None,
    also: Callable[[], Path | None] | None, written: list[Path],
) -> dict[str, Exception]:  # fmt: skip
    """Write the files of `conclude`, before anything is printed; what could not be, and why.

    Each part by itself: a report that fails takes no verdict with it.
    """
    from covidreport.integrations.write import post_channels, write_outputs

    def write() -> None:
        if output_dir is not None:
            written.extend(write_outputs(output_dir, verdicts, beside))

    def add() -> None:
        more = None if also is None else also()
        if more is not None:
            written.append(more)

    def post() -> None:
        with let_commands_through():
            post_channels(verdicts, os.environ, beside)

    faults: dict[str, Exception] = {}
    parts = {"the verdict": write, "the report": add, "what the pipeline is told": post}
    for what, leave in parts.items():
        try:
            leave()
        except Exception as error:  # noqa: BLE001 - a verdict that nobody can read is none
            raise_stop(error)
            if not isinstance(error, CovidReportError | OSError):
                traceback.print_exc()
            faults[what] = error
    return faults


def _describe_not_judged(beside: Beside, judged: int) -> str:
    """How many runs needed no verdict, which, and why."""
    from covidreport.gate.wording import describe_skipped

    skipped = len(beside.not_judged)
    which = part_of(skipped, skipped + judged, "is", "are")
    they = "it was" if skipped == 1 else "they were"
    return (
        f"{which} the baseline, or as {they} when it was set: {they} not judged "
        f"({describe_skipped(beside.not_judged)})"
    )


def show_verdicts(console: Console, verdicts: Sequence[Verdict], beside: Beside) -> None:
    """Print every verdict with its limits; of many runs a table, and those that do not pass."""
    from covidreport.gate.outcomes import needs_explanation
    from covidreport.gate.wording import describe_origins, describe_skipped, list_odds

    if not verdicts:
        why = describe_skipped(beside.not_judged)
        print_line(console, f"No run had to be judged{f': {why}' if why else ''}.")
    odds = list_odds(verdicts)
    if len(verdicts) <= MANY:
        for verdict in verdicts:
            _show_verdict(console, verdict)
        for line in odds:
            print_line(console, line)
        return
    print_table(console, OVERVIEW, [_sum_up(verdict) for verdict in verdicts])
    for line in (describe_origins(verdicts), *odds):
        print_line(console, line)
    rest = [verdict for verdict in verdicts if needs_explanation(verdict)]
    for verdict in rest[:MOST_SHOWN]:
        console.print()
        _show_verdict(console, verdict)
    if len(rest) > MOST_SHOWN:
        more = f"{len(rest) - MOST_SHOWN:,} more did not pass, or with a warning"
        console.print()
        print_line(console, f"{more}; verdict.json has them all.")


def _sum_up(verdict: Verdict) -> Row:
    """A verdict as a row of the overview."""
    counts = verdict.counts
    passed = sum(result.outcome == "pass" for result in verdict.results)
    figures = (DASH,) * 3 if counts is None else (
        fraction(counts.missed, counts.positives),
        fraction(counts.false_alarms, counts.negatives),
        fraction(passed, len(verdict.results)),
    )  # fmt: skip
    outcome = (WORDS[verdict.outcome], STYLES[verdict.outcome])
    return Row((outcome, verdict.run, *figures))


def _show_verdict(console: Console, verdict: Verdict) -> None:
    from covidreport.gate.wording import describe_cases, describe_paired

    style = STYLES[verdict.outcome]
    word = WORDS[verdict.outcome]
    for line in wrap(f"{word}  {clean(verdict.sentence)}", console.width, len(word) + 2):
        print_styled(console, [(line[: len(word)], style), (line[len(word) :], "")])
    if verdict.results:
        with_baseline = verdict.baseline is not None
        columns = [each for each in LIMITS if with_baseline or each.title != "baseline"]
        rows = [_sum_up_limit(result, with_baseline) for result in verdict.results]
        print_table(console, columns, rows)
    for result in verdict.results:
        if result.outcome != "pass":
            print_line(console, result.sentence, STYLES[result.outcome])
    paired = describe_paired(verdict)
    for line in (*([paired] if paired else []), *describe_cases(verdict)):
        print_line(console, line)
    grave = [each for each in verdict.findings if each.severity != "note"]
    for finding in grave:
        print_line(console, f"{finding.severity}: {finding.what}", "yellow")


def _sum_up_limit(result: LimitResult, with_baseline: bool) -> Row:
    """A limit as a row of a verdict's table."""
    from covidreport.gate.limit_wording import describe_bound, format_number

    limit = result.limit
    bound = result.allowed_min if result.allowed_min is not None else result.allowed_max
    cells: list[Cell] = [limit.name, format_number(limit, result.value, bound)]
    if with_baseline:
        cells.append(format_number(limit, result.baseline))
    cells += [describe_bound(result), (result.outcome, STYLES[result.outcome])]
    origin = "built in" if limit.origin == "default" else limit.origin
    return Row((*cells, (origin, "dim")))
