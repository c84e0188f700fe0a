"""The processes that fit one experiment together, started by `torchrun`; usually there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among its peers: `rank` of `size`. Rank 0 writes and speaks."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, by rank, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value in every process."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes; gradients do not pass."""
        total = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(total)
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
    distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Ranks(distributed.get_rank(), size, local)
    finally:
        distributed.destroy_process_group()
