"""Draws the events of long work on stderr: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from covidreport.cli.terminal import clean, err, is_quiet, say, say_finding, say_note
from covidreport.records import (
    EvaluationReplaced,
    Event,
    FindingMade,
    Noted,
    OnEvent,
    ScoresDamaged,
    StageStarted,
    StepsDone,
    WaitingForRun,
)

QUIET_S = 30.0
"""So long nothing is said of a stage's steps where there is no terminal: a log stays short, and
whoever waits for it sees that something is done."""


@contextmanager
def show_events() -> Iterator[OnEvent]:
    """What draws events on stderr, until the work is over."""
    view = EventView(err)
    try:
        yield view.show
    finally:
        view.close()


class EventView:
    """The stage that is under way, and everything that is told meanwhile."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._silent = not console.is_terminal
        hidden = self._silent or is_quiet()
        self._bar = Progress(*columns, console=console, transient=True, disable=hidden)
        self._task: TaskID | None = None
        self._stage = StageStarted("", 0)
        self._done = 0
        self._began = self._said = 0.0

    def show(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case StageStarted():
                self._start(event)
            case StepsDone(steps):
                self._advance(steps)
            case FindingMade(finding):
                say_finding(finding)
            case WaitingForRun(run):
                say_note(f"another process evaluates {run} on these images; waiting for it")
            case ScoresDamaged(run, reason):
                say(f"warning: {run} is evaluated again: {reason}", "yellow")
            case EvaluationReplaced(what):
                say(f"warning: {what}; the evaluation of before is replaced", "yellow")
            case Noted(text, warning=True):
                say(f"warning: {clean(text)}", "yellow")
            case Noted(text):
                say_note(clean(text))  # one line, whatever the name of a run in it holds

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _start(self, stage: StageStarted) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(stage.what, total=stage.total)
        self._bar.start()
        self._stage, self._done = stage, 0
        self._began = self._said = self._clock()

    def _advance(self, steps: int) -> None:
        self._done += steps
        if self._task is not None:
            self._bar.advance(self._task, steps)
        now = self._clock()
        if self._silent and not is_quiet() and now - self._said >= QUIET_S:
            self._said = now
            done = f"{self._done:,} of {self._stage.total:,}"
            say(f"{self._stage.what}: {done} after {now - self._began:.0f} s")
