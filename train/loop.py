"""Epochs: the passes of each, its metrics, its checkpoint, and which epoch is exported."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch

from covidreport.errors import RunError
from covidreport.records import Epoch
from covidreport.store import write_history

from .checkpoint import (
    Best,
    Checkpoint,
    random_state,
    read_checkpoint,
    restore_random_state,
    write_checkpoint,
)
from .epoch_metrics import EpochMetrics, may_be_chosen, order_by
from .models import PixelModel
from .passes import SECOND_PASS, TRAINING, VALIDATION, Passes
from .progress import Silence
from .run_record import describe_circumstances
from .task import Fitted, Task, Watcher


def fit_model(model: PixelModel, task: Task, watcher: Watcher) -> Fitted:
    """Fit `model` in place, from the folder's checkpoint on; leaves the exported weights in it.

    Raises NotFiniteError where a loss is not finite, RunError where the checkpoint can't be read.
    """
    return _Fitting(model, task, watcher).run()


class _WholeEpoch(Silence):
    """Counts the batches of all passes of an epoch as one, for whoever watches."""

    def __init__(self, watcher: Watcher, batches: list[int]) -> None:
        self._watcher = watcher
        self._batches = batches
        self._ended = 0

    def on_batch(self, epoch: int, batch: int, _batches: int) -> None:
        before = sum(self._batches[: self._ended])
        self._watcher.on_batch(epoch, before + batch, sum(self._batches))

    def end_pass(self) -> None:
        """The next batch is of the next pass."""
        self._ended += 1


class _Fitting:
    """The state of one fit between its epochs."""

    def __init__(self, model: PixelModel, task: Task, watcher: Watcher) -> None:
        self.task = task
        self.watcher = watcher
        self.passes = Passes(model, task)
        self.history: list[Epoch] = []
        self.best: Best | None = None
        torch.manual_seed(task.settings.seed + 1 + task.ranks.rank)  # dropout differs by process

    def run(self) -> Fitted:
        """All epochs that are not done yet, then the weights of the exported one."""
        done = self._resume()
        while not self._is_over(done):
            began = time.perf_counter()
            done += 1
            row = self._run_epoch(done)
            self.history.append(row)
            self.task.timing.epoch_s.append(time.perf_counter() - began)
            self._write(done)
            self.watcher.on_epoch(row)
        last, rule = self.history[-1].epoch, self.task.settings.exported_epoch
        if self.best is not None:
            self.passes.network.load_state_dict(self.best.weights)
            return Fitted(self.best.epoch, self.history)
        if rule.rule == "last":
            return Fitted(last, self.history)
        why = (
            f"no epoch could be chosen by {rule.metric} of {rule.split}: after each the model "
            "calls all but every image alike, or clears less than half of the negatives"
        )
        return Fitted(last, self.history, why)

    def _run_epoch(self, epoch: int) -> Epoch:
        plan = [("train", TRAINING)]
        if self.task.settings.train_figures == "second-pass":
            plan.append(("train", SECOND_PASS))
        others = (role for role in self.task.splits if role != "train")
        plan += [(role, VALIDATION + n) for n, role in enumerate(others)]
        whole = _WholeEpoch(self.watcher, [self.passes.count_batches(*each) for each in plan])
        metrics: dict[str, EpochMetrics] = {}
        for role, which in plan:
            if which == TRAINING:
                metrics[role] = self.passes.train(epoch, whole)
            else:
                metrics[role] = self.passes.measure(role, epoch, which, whole)
            whole.end_pass()
        values: dict[str, float | None] = {}
        for role, found in metrics.items():
            values |= {f"{role}_loss": found.loss, f"{role}_accuracy": found.accuracy}
        for role, found in metrics.items():
            values[f"{role}_false_negatives"] = found.false_negatives
            if role != "train":
                values[f"{role}_false_positives"] = found.false_positives
                values[f"{role}_roc_auc"] = found.roc_auc
                values[f"{role}_average_precision"] = found.average_precision
        values["learning_rate"] = self.passes.updates.rate
        self._keep_best(epoch, metrics)
        self.passes.updates.end_epoch(self._find_falling(metrics))
        return Epoch(epoch, values)

    def _resume(self) -> int:
        """Go back to the folder's checkpoint; how many epochs it has behind it, 0 without one."""
        task, passes = self.task, self.passes
        found = task.ranks.broadcast(read_checkpoint(task.folder) if task.ranks.leads else None)
        if found is None:
            return 0
        assert isinstance(found, Checkpoint)
        if len(found.random) != task.ranks.size:
            raise RunError(
                f"this run was begun by {len(found.random)} processes, and here are "
                f"{task.ranks.size}; use as many, or --overwrite"
            )
        _refuse_others(found, accept=task.accept_other)
        passes.network.load_state_dict(found.weights)
        passes.updates.load_state_dict(found.optimizer)
        restore_random_state(found.random[task.ranks.rank], task.device.torch)
        self.history, self.best = list(found.history), found.best
        task.timing.go_on(found.timing)
        if task.ranks.leads:
            write_history(task.folder, self.history)
        return found.epoch

    def _write(self, epoch: int) -> None:
        """Write an epoch's history and, where it is its turn, its checkpoint, in this order."""
        task, passes, settings = self.task, self.passes, self.task.settings
        if task.ranks.leads:
            write_history(task.folder, self.history)
        if epoch % settings.checkpoint_epochs and not self._is_over(epoch):
            return
        states = task.ranks.gather(random_state(task.device.torch))
        if not task.ranks.leads:
            return
        write_checkpoint(
            task.folder,
            Checkpoint(
                epoch,
                passes.network.state_dict(),
                passes.updates.state_dict(),
                states,
                self.history,
                self.best,
                task.timing.describe(),
                describe_circumstances(),
            ),
        )

    def _find_falling(self, metrics: Mapping[str, EpochMetrics]) -> float:
        """The figure that is to fall: of the rule of `exported_epoch`, or the validation loss."""
        rule = self.task.settings.exported_epoch
        if rule.rule == "last":
            return metrics["validation"].loss
        role = next(r for r, split in self.task.splits.items() if split.name == rule.split)
        return order_by(metrics[role], rule)[0]

    def _is_over(self, done: int) -> bool:
        """Whether all epochs are done, or nobody waits for a better one any more."""
        patience = self.task.settings.patience
        if done >= self.task.settings.epochs:
            return True
        return patience is not None and done - (self.best.epoch if self.best else 0) >= patience

    def _keep_best(self, epoch: int, metrics: Mapping[str, EpochMetrics]) -> None:
        rule = self.task.settings.exported_epoch
        if rule.rule == "last":
            return
        role = next(r for r, split in self.task.splits.items() if split.name == rule.split)
        value = order_by(metrics[role], rule)
        if not may_be_chosen(metrics[role], rule):
            return
        if self.best is None or value < self.best.value:
            state = self.passes.network.state_dict()
            weights = {name: tensor.detach().clone() for name, tensor in state.items()}
            self.best = Best(epoch, value, weights)


def _refuse_others(found: Checkpoint, *, accept: bool) -> None:
    """Raise RunError where the epochs to come would be computed otherwise than those behind."""
    now = describe_circumstances()
    others = [
        f"{name} was {before}, is now {now.get(name, 'absent')}"
        for name, before in found.made_with.items()
        if now.get(name) != before
    ]
    if others and not accept:
        raise RunError(
            f"this run was begun otherwise ({', '.join(others)}), and its weights would be those "
            "of neither; go on as it was begun (--threads), with --accept-other, or begin again "
            "with --overwrite"
        )
