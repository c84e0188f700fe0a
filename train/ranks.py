"""The processes that fit one experiment together, started by `torchrun`; usually there is one.

What they tell each other goes by `gloo`, a group that outlives every failure; gradients go by a
group of their own, which is left, and so wakes those who wait in it, where one of them failed.
"""

from __future__ import annotations

import gc
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from covidreport.errors import RunError

T = TypeVar("T")
PATIENCE = timedelta(days=7)
"""Who reads images or exports keeps the others waiting; of one that died torchrun tells."""


@dataclass(frozen=True, slots=True)
class RankFailure:
    """That one of the processes failed, at what and why."""

    stage: str
    reason: str
    rank: int
    at: float = field(default_factory=time.time)
    """In seconds; the first to fail is the one that made the others fail."""


class PeerError(RunError):
    """Another process failed, which all know of now."""

    def __init__(self, failure: RankFailure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among its peers: `rank` of `size`. Rank 0 writes and speaks."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    backend: str = "gloo"
    _group: list[Any] = field(default_factory=list, compare=False)
    """The group of gradients, or nothing yet."""

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    @property
    def group(self) -> Any:
        """The group of gradients; `open_group` has to come before."""
        return self._group[0]

    def open_group(self) -> None:
        """Wait until all processes are here, and have a group of gradients from then on."""
        self.gather(None)
        if self.size > 1 and not self._group:
            self._group.append(distributed.new_group(backend=self.backend))

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, by rank, in every process.

        Raises PeerError where one of them has failed instead of coming here.
        """
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        failures = [each for each in values if isinstance(each, RankFailure)]
        if failures:
            raise PeerError(min(failures, key=lambda failure: failure.at))
        return values

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value in every process; raises as `gather`."""
        if self.size == 1:
            return value
        self.gather(None)
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def lead(self, work: Callable[[], T]) -> T:
        """What `work` gives in rank 0, which alone does it, in every process."""
        value: T = self.broadcast(work() if self.leads else None)
        return value

    def agree(self, error: Exception, stage: str, reason: str) -> RankFailure:
        """The failure that all processes go on from: this one's, or that of the first to fail.

        To be called once by each process that raised `error`.
        """
        if isinstance(error, PeerError):
            first = error.failure
        else:
            first = RankFailure(stage, reason, self.rank)
            if self.size > 1:
                self._leave(error)
                try:
                    self.gather(first)
                except PeerError as known:
                    first = known.failure
        if self.size > 1:
            self._leave(error)
        return first

    def _leave(self, error: Exception) -> None:
        """Leave the group of gradients: who waits there is told so once nothing holds it here."""
        traceback.clear_frames(error.__traceback__)
        if self._group:
            gc.collect()
            distributed.destroy_process_group(self._group.pop())
        gc.collect()

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes; gradients do not pass."""
        total = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(total, group=self.group)
        return total


@contextmanager
def join_ranks(gpu: bool) -> Iterator[Ranks]:
    """The processes that torchrun started, or this one alone where it did not."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if gpu:
        torch.cuda.set_device(local)
    distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), size, local, "nccl" if gpu else "gloo")
    finally:
        distributed.destroy_process_group()
