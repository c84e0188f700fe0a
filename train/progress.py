"""What a fit says while it runs: a bar on stderr, and one line an epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft

from covidreport.records import Epoch

from .settings import Experiment

err = Console(stderr=True, highlight=False)


def say(text: str, style: str | None = None) -> None:
    """A line on stderr, as it is: no markup is read from it."""
    err.print(text, style=style, markup=False, soft_wrap=True)


def describe_epoch(row: Epoch, epochs: int, target: str) -> str:
    """One line of metrics: `epoch 3/10  loss 0.412/0.398  accuracy 81.0 %/79.6 %  …`."""

    def pair(name: str, percent: bool = False) -> str:
        cells = (row.values.get(f"{role}_{name}") for role in ("train", "validation"))
        texts = (
            "–" if cell is None else f"{cell:.1%}" if percent else f"{cell:.4f}" for cell in cells
        )
        return " / ".join(texts)

    found = row.values.get("validation_false_negatives")
    missed = "–" if found is None else f"{found:.0f}"  # nothing can be missed, or nobody counted
    return (
        f"epoch {row.epoch}/{epochs}  loss {pair('loss')}  accuracy {pair('accuracy', True)}  "
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
    """The progress of one experiment; a `train.loop.Watcher`."""

    def __init__(self, experiment: Experiment, target: str, bar: Progress) -> None:
        self._epochs = experiment.settings.epochs
        self._name = experiment.name
        self._target = target
        self._bar = bar
        self._task: TaskID | None = None
        self._first = 1
        self._began = time.monotonic()

    def on_note(self, words: str) -> None:
        """Say it."""
        say(f"{self._name}: {words}")

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        """Move the bar; it covers what this call has to do, so that the time left is right."""
        if self._task is None:
            self._first = epoch
            total = (self._epochs - epoch + 1) * batches
            self._task = self._bar.add_task(self._name, total=total, metrics="")
        self._bar.update(self._task, completed=(epoch - self._first) * batches + batch)

    def on_epoch(self, row: Epoch) -> None:
        """Say the epoch's metrics."""
        done = row.epoch - self._first + 1
        left_s = (time.monotonic() - self._began) / done * (self._epochs - row.epoch)
        line = describe_epoch(row, self._epochs, self._target)
        if self._task is not None:
            self._bar.update(self._task, metrics=line)
        say(f"{self._name}  {line}{describe_time_left(left_s)}")

    def close(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bar.remove_task(self._task)


class Silence:
    """The watcher of the processes that do not lead."""

    def on_note(self, words: str) -> None:
        """Say nothing."""

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        """Say nothing."""

    def on_epoch(self, row: Epoch) -> None:
        """Say nothing."""


@contextmanager
def show_bar(shown: bool) -> Iterator[Progress]:
    """A bar on stderr, which is silent where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("{task.fields[metrics]}"),
    )
    disable = not (shown and err.is_terminal)
    with Progress(*columns, console=err, transient=True, disable=disable) as bar:
        yield bar
