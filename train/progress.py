"""What a fit says while it runs: bars in a terminal, elsewhere a line now and then, and an epoch's
figures as a line.

Whoever works tells events, which travel between processes; one process shows them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from covidreport.records import Epoch
from covidreport.text import DASH, decimal, whole
from covidreport.text.columns import HANG, wrap

from . import stopping
from .settings import Experiment

QUIET_S = 30.0
"""So long nothing is said of what goes on where there is no terminal."""
OFTEN_S = 0.1
"""How often an epoch tells how far it is."""
GRID = ""
"""Stands for all runs among the names of bars."""
BESIDE_NAME = 46
"""Columns of a bar's line that are not its name."""


def open_console() -> Console:
    """stderr, without any escape code where NO_COLOR asks for none."""
    if os.environ.get("NO_COLOR"):
        return Console(stderr=True, highlight=False, color_system=None, force_terminal=False)
    return Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Said:
    """A line, as it is: no markup is read from it."""

    text: str
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A line for whoever reads stdout."""

    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A stage before the first epoch begins, and the one before it is over; total: of its steps."""

    what: str
    total: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """So many more steps of the stage are done."""

    steps: int


@dataclass(frozen=True, slots=True)
class Planned:
    """By run that is to be fitted, what an epoch of it takes in any one unit, and its epochs."""

    work: Mapping[str, tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a run is: epochs count from 1; share: of the epoch, a fraction."""

    run: str
    epoch: int
    epochs: int
    share: float


@dataclass(frozen=True, slots=True)
class Left:
    """A run goes on no more; ended: as it is fitted or has failed, else its process has ended."""

    run: str
    ended: bool = True


Event = Said | Result | Begun | Advanced | Planned | Moved | Left
Tell = Callable[[Event], None]


def describe_epoch(row: Epoch, epochs: int, target: str) -> str:
    """One line of metrics: `epoch 3/10  loss 0.4120 / 0.3980  accuracy 0.810 / 0.796  …`."""

    def pair(name: str, places: int) -> str:
        cells = (row.values.get(f"{role}_{name}") for role in ("train", "validation"))
        return " / ".join(decimal(cell, places) for cell in cells)

    found = row.values.get("validation_false_negatives")
    missed = DASH if found is None else whole(round(found))  # None: nothing can be missed
    return (
        f"epoch {row.epoch}/{epochs}  loss {pair('loss', 4)}  accuracy {pair('accuracy', 3)}  "
        f"{target} missed {missed}"
    )


def describe_seconds(seconds: float) -> str:
    """`0.4 s`, `12 s`, `7 min`, `3.2 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 2 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def describe_time_left(seconds: float) -> str:
    """`  12 s left`, `  7 min left`, `  3.2 h left`; nothing where nothing is left."""
    return f"  {describe_seconds(seconds)} left" if seconds > 0 else ""


class FitProgress:
    """The progress of one experiment, told as it comes; a `train.task.Watcher`."""

    def __init__(self, experiment: Experiment, target: str, tell: Tell) -> None:
        self._epochs = experiment.settings.epochs
        self._name = experiment.name
        self._target = target
        self._tell = tell
        self._first = 0
        self._began = time.monotonic()
        self._told = 0.0

    def on_note(self, words: str) -> None:
        """Say it."""
        self._tell(Said(f"{self._name}: {words}"))

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        """Tell how far the epoch is, now and then."""
        self._first = self._first or epoch
        now = time.monotonic()
        if batch in (1, batches) or now - self._told >= OFTEN_S:
            self._told = now
            self._tell(Moved(self._name, epoch, self._epochs, batch / batches))

    def on_epoch(self, row: Epoch) -> None:
        """Say the epoch's metrics."""
        done = row.epoch - (self._first or row.epoch) + 1
        left_s = (time.monotonic() - self._began) / done * (self._epochs - row.epoch)
        line = describe_epoch(row, self._epochs, self._target)
        self._tell(Said(f"{self._name}  {line}{describe_time_left(left_s)}"))


class Silence:
    """The watcher of the processes that do not lead."""

    def on_note(self, words: str) -> None:
        """Say nothing."""

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        """Say nothing."""

    def on_epoch(self, row: Epoch) -> None:
        """Say nothing."""


class Pace:
    """How long something will take that has gone on evenly since it was first seen."""

    def __init__(self, clock: Callable[[], float], share: float) -> None:
        self._clock = clock
        self._began, self._from = clock(), share

    def left_s(self, share: float) -> float | None:
        """Seconds from now, at a share of the whole; None where nothing has been done yet."""
        done = share - self._from
        return (self._clock() - self._began) / done * (1 - share) if done > 0 else None


class Grid:
    """How far a grid is, in the unit of its plan, and how long it will take."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._work: dict[str, tuple[float, int]] = {}
        self._found: dict[str, float] = {}
        """How far each run was when it was first seen: a former call did that."""
        self._done: dict[str, float] = {}
        self._ended: set[str] = set()

    def plan(self, work: Mapping[str, tuple[float, int]]) -> None:
        """Take more runs in."""
        self._work |= work

    def move(self, event: Moved) -> None:
        """Take notice of how far a run is."""
        epoch = self._work.setdefault(event.run, (1.0, event.epochs))[0]
        self._set(event.run, (event.epoch - 1 + event.share) * epoch)
        if self._began is None:
            self._began = self._clock()

    def end(self, run: str) -> None:
        """Take notice of the end of a run, at whichever epoch."""
        if run in self._work:
            epoch, epochs = self._work[run]
            self._set(run, epoch * epochs)
            self._ended.add(run)

    def _set(self, run: str, done: float) -> None:
        self._found.setdefault(run, done)
        self._done[run] = done

    @property
    def _whole(self) -> float:
        return sum(epoch * epochs for epoch, epochs in self._work.values())

    @property
    def share(self) -> float:
        """What is done of the whole, a fraction."""
        return sum(self._done.values()) / self._whole if self._whole else 0.0

    def left_s(self) -> float | None:
        """Seconds from now, at the pace so far; None where nothing has been done yet."""
        done = sum(self._done.values())
        here = done - sum(self._found.values())
        if self._began is None or here <= 0:
            return None
        return (self._clock() - self._began) / here * (self._whole - done)

    @property
    def several(self) -> bool:
        """Whether there is more than one run."""
        return len(self._work) > 1

    def __str__(self) -> str:
        return f"{len(self._ended)} of {len(self._work)} runs"


class View:
    """Shows events on stderr: a bar a run and one for the grid; lines where it is no terminal."""

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or open_console()
        self._clock = clock
        columns = (
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[place]}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}", justify="right"),
        )
        self._silent = not self._console.is_terminal or self._console.is_dumb_terminal
        # stdout stays what it is: redirected, what is for a file would go to the terminal
        self._bars = Progress(
            *columns, console=self._console, transient=True, disable=self._silent,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._paces: dict[tuple[str, int], Pace] = {}
        self._spoke: dict[str, float] = {}
        self._stage, self._steps = Begun("", 0), 0
        self._grid = Grid(clock)

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Said(text, style):
                if self._console.is_terminal or self._console.file.isatty():
                    text = "\n".join(wrap(text, self._console.width, HANG))
                self._console.print(text, style=style, markup=False, soft_wrap=True)
            case Result(text):
                self._bars.stop()
                print(text, flush=True)  # noqa: T201  # the result, for whoever reads stdout
                self._draw_again()
            case Begun():
                self._take_away(self._stage.what)
                self._stage, self._steps = event, 0
                self._spoke[event.what] = self._clock()
                self._draw(event.what, "", 0.0, 0)
            case Advanced(steps):
                self._steps += steps
                stage = self._stage
                place = f"{self._steps:,} of {stage.total:,}"
                self._draw(stage.what, place, self._steps / max(stage.total, 1), 0)
            case Planned(work):
                self._take_away(self._stage.what)
                self._grid.plan(work)
            case Moved():
                self._take_away(self._stage.what)
                self._move(event)
            case Left(run, ended):
                self._leave(run, ended)

    def close(self) -> None:
        """Take the bars away."""
        self._bars.stop()
        stopping.BARS.lines = 0

    def _move(self, event: Moved) -> None:
        self._grid.move(event)
        place = f"epoch {event.epoch}/{event.epochs}"
        self._draw(event.run, place, event.share, event.epoch)
        if self._grid.several:
            self._draw_grid()

    def _leave(self, run: str, ended: bool) -> None:
        self._take_away(run)
        if not ended:
            return
        self._grid.end(run)
        if self._grid.several:
            self._draw_grid()
            if self._silent:
                self.show(Said(f"{self._grid}{describe_time_left(self._grid.left_s() or 0)}"))

    def _draw_grid(self) -> None:
        """The grid's bar, below all others."""
        task = self._tasks.get(GRID)
        if task is not None and list(self._bars.task_ids)[-1] != task:
            self._bars.remove_task(self._tasks.pop(GRID))
        if not self._silent:
            self._set_bar(GRID, str(self._grid), "", self._grid.share, self._grid.left_s())

    def _draw(self, name: str, place: str, share: float, number: int) -> None:
        """The bar of a run or of a stage; without a terminal a line now and then."""
        if (name, number) not in self._paces:
            self._paces[name, number] = Pace(self._clock, share)
        left_s = self._paces[name, number].left_s(share)
        if self._silent:
            self._say_now_and_then(name, place, share, left_s)
        else:
            words = _shorten(name, self._console.width - BESIDE_NAME)
            self._set_bar(name, words, place, share, left_s)

    def _set_bar(
        self, name: str, words: str, place: str, share: float, left_s: float | None
    ) -> None:
        left = describe_time_left(left_s or 0).strip()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(words, total=1.0, place=place, left=left)
        self._bars.update(
            self._tasks[name], description=words, completed=share, place=place, left=left
        )
        self._draw_again()

    def _say_now_and_then(self, name: str, place: str, share: float, left_s: float | None) -> None:
        now = self._clock()
        if now - self._spoke.setdefault(name, now) >= QUIET_S:
            self._spoke[name] = now
            left = describe_time_left(left_s or 0)
            self.show(Said(f"{name}  {place}  {share:.0%}{left}"))

    def _take_away(self, name: str) -> None:
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))
            self._draw_again()

    def _draw_again(self) -> None:
        if self._tasks and not self._silent:
            self._bars.start()
        stopping.BARS.lines = len(self._tasks)


def _shorten(name: str, width: int) -> str:
    """A name without its middle where it is too long: its end tells a seed from another."""
    width = max(width, 12)
    if len(name) <= width:
        return name
    tail = width // 2
    return f"{name[: width - tail - 1]}…{name[-tail:]}"
