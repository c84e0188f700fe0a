"""The records between the preparation of an experiment and its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from covidreport.errors import RunError
from covidreport.records import Epoch

from .batches import BatchFeed, Split
from .device import Device
from .losses import Loss
from .ranks import Ranks
from .settings import FitSettings
from .timing import Timing


class Watcher(Protocol):
    """Whoever wants to know how a run goes on."""

    def on_note(self, words: str) -> None:
        """Something to know before the first epoch."""

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        """A batch was done; both count from 1. Those that train come first, then those of the
        passes that only measure."""

    def on_epoch(self, row: Epoch) -> None:
        """An epoch was measured, and its checkpoint written."""


@dataclass(frozen=True, slots=True)
class Task:
    """One experiment, ready to be fitted."""

    settings: FitSettings
    target: int
    """The column of the label whose missed positives are counted."""
    splits: Mapping[str, Split]
    """By role: `train`, `validation`, and `selection` where a third split chooses the epoch."""
    feed: BatchFeed
    loss: Loss
    device: Device
    ranks: Ranks
    folder: Path
    sample_ids: Sequence[str]
    """The ids of the whole data set, by index."""
    head: Sequence[str] = ()
    """The modules that answer the labels, where they train otherwise than the rest."""
    accept_other: bool = False
    """Whether to go on from a checkpoint of other versions or another number of threads."""
    timing: Timing = field(default_factory=Timing)


@dataclass(slots=True)
class Fitted:
    """What came out: the exported epoch's number, and how the epochs went."""

    epoch: int
    history: list[Epoch]
    none_chosen: str = ""
    """Why the last one is exported where another rule was to choose it."""


class NotFiniteError(RunError):
    """The loss is NaN or infinite; the message names the epoch, the batch and its images."""
