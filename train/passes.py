"""The passes over a split: one that changes the weights, and ones that only measure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .batches import Batch, BatchFeed, Split, make_batches
from .epoch_metrics import EpochMetrics, mean_loss, measure
from .freezing import keep_frozen_still
from .models import PixelModel, is_inside
from .sampling import Indices, cut_batches, order_epoch, weigh_classes
from .settings import Transforms, find_augmentation
from .task import NotFiniteError, Task, Watcher
from .updates import Updates

PREDICTION_BATCH = 64
TRAINING, SECOND_PASS, VALIDATION = 0, 1, 2
"""Passes of an epoch; each draws its own augmentation."""


class Passes:
    """A model on its device with its optimizer, and the passes that a task makes with them."""

    def __init__(self, model: PixelModel, task: Task) -> None:
        settings, device, ranks = task.settings, task.device, task.ranks
        self.task = task
        self.model = model.to(device.torch)
        # a quarter faster than channels first, on a CPU too
        self.model = self.model.to(memory_format=torch.channels_last)
        if device.is_gpu and ranks.size > 1:
            convert = nn.SyncBatchNorm.convert_sync_batchnorm
            model.network = convert(model.network, ranks.group)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.network: nn.Module = model.network
        self._loss = task.loss.at(device.torch)
        self.updates = Updates(model, settings, device, task.head)
        self._backbone = [
            weight for name, weight in self.network.named_parameters()
            if weight.requires_grad and not is_inside(name, task.head)
        ]  # fmt: skip
        self._still = False
        self._parallel = self._share()
        self._weights = None
        if settings.sampling == "class-balanced":
            self._weights = weigh_classes(task.splits["train"].truth)

    def train(self, epoch: int, watcher: Watcher) -> EpochMetrics:
        """One pass that changes the weights; the metrics are of the answers given on the way.

        Raises NotFiniteError at the first batch whose loss is not finite.
        """
        task, settings = self.task, self.task.settings
        split = task.splits["train"]
        self._hold_still(epoch <= settings.frozen_epochs)
        order = order_epoch(len(split), settings.seed, epoch, self._weights)
        batches = cut_batches(order, settings.batch_size, 2 * task.ranks.size)
        feed = self._feed(settings.augmentation, epoch, TRAINING)
        self._train_mode()
        losses: list[_Fetched] = []
        positions, logits = [], []
        for n, batch in enumerate(make_batches(split, feed, batches, self._rank_of_ranks)):
            self.updates.set_rate(epoch, n + 1, len(batches))
            loss, answers = self._step(batch)
            losses.append(_fetch(loss))
            positions.append(batch.positions)
            logits.append(answers)
            if n:  # one behind, so that a GPU need not wait to be asked
                self._check_finite(losses[n - 1], epoch, n, batches)
            watcher.on_batch(epoch, n + 1, len(batches))
        self._check_finite(losses[-1], epoch, len(batches), batches)
        sizes = [len(batch) for batch in batches]
        mean = float(np.average([loss.read() for loss in losses], weights=sizes))
        seen, answers_of_all = self._gather(positions, logits)
        return measure(answers_of_all, split.truth[seen], split.lost_truth, task.target, mean)

    def count_batches(self, role: str, which: int) -> int:
        """How many batches a pass over a split has."""
        size = self.task.settings.batch_size if which == TRAINING else self._measured_size
        rows = np.arange(len(self.task.splits[role]))
        return len(cut_batches(rows, size, 2 * self.task.ranks.size))

    @property
    def _measured_size(self) -> int:
        settings = self.task.settings
        whole = settings.validation_mode == "evaluation"
        return max(settings.batch_size, PREDICTION_BATCH) if whole else settings.batch_size

    def measure(self, role: str, epoch: int, which: int, watcher: Watcher) -> EpochMetrics:
        """The metrics of a split at the weights of now, by a pass that does not train them.

        Raises NotFiniteError where the split's loss is not finite.
        """
        task, settings = self.task, self.task.settings
        split = task.splits[role]
        name = settings.validation_augmentation
        if role == "train" and name != "none":
            name = settings.augmentation
        batches = cut_batches(np.arange(len(split)), self._measured_size, 2 * task.ranks.size)
        feed = self._feed(name, epoch, which)

        def on_batch(number: int) -> None:
            watcher.on_batch(epoch, number, len(batches))

        seen, logits = self._predict(split, feed, batches, on_batch)
        logits = logits[np.argsort(seen)]
        cuts = np.cumsum([0, *map(len, cut_batches(np.arange(len(split)), settings.batch_size))])
        slices = [slice(start, stop) for start, stop in pairwise(cuts)]
        loss = mean_loss(task.loss, logits, split.truth, slices)
        if not math.isfinite(loss):
            raise NotFiniteError(f"the loss on split {split.name} is {loss} after epoch {epoch}")
        return measure(logits, split.truth, split.lost_truth, task.target, loss)

    def _step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Change the weights once; the loss of the whole batch, and this process's logits."""
        ranks = self.task.ranks
        pixels, truth = self._upload(batch.pixels), self._upload(batch.truth)
        self.updates.optimizer.zero_grad(set_to_none=True)
        with self._precision():
            logits = self._parallel(pixels).float()
        own_sum, own_count = self._loss.sum_and_count(logits, truth)
        count = ranks.total(own_count)
        # the gradients of all processes are averaged: the mean of their means, times their number
        mean = own_sum * ranks.size / count
        mean = mean + (ranks.total(own_sum) / count - mean).detach()
        loss = self._loss.finish(mean)
        self.updates.step(loss)
        return loss.detach(), logits.detach()

    def _check_finite(
        self, fetched: _Fetched, epoch: int, number: int, batches: list[Indices]
    ) -> None:
        loss = fetched.read()
        if math.isfinite(loss):
            return
        rows = self.task.splits["train"].rows[batches[number - 1]]
        ids = ", ".join(self.task.sample_ids[row] for row in rows)
        raise NotFiniteError(
            f"the loss is {loss} in epoch {epoch}, batch {number} of {len(batches)} (images {ids})"
        )

    def _predict(
        self, split: Split, feed: BatchFeed, batches: list[Indices],
        on_batch: Callable[[int], None],
    ) -> tuple[Indices, NDArray[np.float32]]:  # fmt: skip
        training = self.task.settings.validation_mode == "training"
        self.model.eval()
        if training:
            self._train_mode()
        positions, logits = [], []
        with torch.no_grad():
            made = make_batches(split, feed, batches, self._rank_of_ranks)
            for number, batch in enumerate(made, 1):
                if len(batch.positions):
                    with self._precision():
                        logits.append(self.model(self._upload(batch.pixels)).float())
                    positions.append(batch.positions)
                on_batch(number)
        return self._gather(positions, logits)

    def _gather(
        self, positions: list[Indices], logits: list[Tensor]
    ) -> tuple[Indices, NDArray[np.float32]]:
        """What all processes answered: positions `(N,)` and logits float32 `(N, K)`."""
        own = (np.concatenate(positions), torch.cat(logits).cpu().numpy()) if logits else None
        parts = [part for part in self.task.ranks.gather(own) if part is not None]
        return np.concatenate([p for p, _ in parts]), np.concatenate([a for _, a in parts])

    @property
    def _rank_of_ranks(self) -> tuple[int, int]:
        return (self.task.ranks.rank, self.task.ranks.size)

    def _share(self) -> nn.Module:
        """The model, its gradients averaged over all processes where there are several."""
        ranks, device = self.task.ranks, self.task.device
        if ranks.size == 1:
            return self.model
        ids = [device.torch.index] if device.is_gpu else None
        return DistributedDataParallel(self.model, device_ids=ids, process_group=ranks.group)

    def _hold_still(self, still: bool) -> None:
        """Whether the head alone trains from now on."""
        if still != self._still:
            self._still = still
            for weight in self._backbone:
                weight.requires_grad_(not still)
            self._parallel = self._share()  # it looks once at what trains

    def _train_mode(self) -> None:
        """Training mode, but for what is frozen, also for the first epochs."""
        self.model.train()
        keep_frozen_still(self.network, self.task.settings.frozen)
        if self._still:
            modules = dict(self.network.named_modules())
            self.network.eval()
            for name in self.task.head:
                modules[name].train()

    def _feed(self, augmentation: str | Transforms, epoch: int, which: int) -> BatchFeed:
        seed = (self.task.settings.seed, epoch, which)
        kind = find_augmentation(augmentation)
        return dataclasses.replace(self.task.feed, augmentation=kind, seed=seed)

    def _upload(self, values: Tensor) -> Tensor:
        return values.to(self.task.device.torch, non_blocking=True)

    @contextmanager
    def _precision(self) -> Iterator[None]:
        device = self.task.device
        half = torch.float16 if device.float16 else torch.bfloat16
        with torch.autocast(device.torch.type, half, enabled=device.autocast):
            yield


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A number on its way to the CPU, and what says that it is there."""

    value: Tensor
    arrived: torch.Event | None

    def read(self) -> float:
        """The number; waits for its own step, not for those that were begun since."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return self.value.item()


def _fetch(value: Tensor) -> _Fetched:
    """Begin to bring a number to the CPU."""
    if not value.is_cuda:
        return _Fetched(value, None)
    copy, arrived = value.to("cpu", non_blocking=True), torch.Event(value.device)
    arrived.record()
    return _Fetched(copy, arrived)
