"""Before the first epoch of a grid: each different network loads its weights, trains a batch,
exports and passes the check of its export, so that none is found wanting after a night.

What was measured of it is cached, and adds up to what the grid will take.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from covidreport.store import MODEL_FILE, read_cached, write_cached

from .checkpoint import random_state, restore_random_state
from .device import find_card_fault
from .export import Contract
from .fit import (
    Fault,
    Request,
    at_stage,
    describe_error,
    export_weights,
    find_stage,
    keep_fold_out,
    pick_images,
    prepare_task,
)
from .models import PixelModel
from .passes import SECOND_PASS, Passes
from .progress import Silence
from .ranks import Ranks
from .run_record import describe_circumstances, describe_network, describe_versions
from .settings import Experiment, describe_settings
from .task import Task

FOLDER = ".trial"
"""Beside the run folders: where exports are tried. What a kill leaves there is removed."""
KIND = "trials"
METHOD = 1
LONG_S = 2.0
"""A first batch that takes less is done again: it includes what is only done once."""
_NO_MATTER = frozenset({
    "seed", "epochs", "learning_rate", "momentum", "weight_decay", "schedule", "train_split",
    "validation_split", "train_labels", "validation_labels", "sampling", "exported_epoch",
    "train_figures", "weights", "warmup_epochs", "backbone_rate", "frozen_epochs", "patience",
    "checkpoint_epochs", "loss", "gamma", "alpha", "positive_weight", "clip_norm",
})  # fmt: skip
"""Settings that a network trains one batch with, or exports, all the same."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one network takes, as it was measured."""

    train_s: float
    """A batch that trains."""
    predict_s: float
    """The same batch, only answered."""
    export_s: float
    memory_bytes: int | None
    """The most that the card, or without one the process, had in use; None where nobody knows."""
    weights_bytes: int
    optimizer_bytes: int
    model_bytes: int


Say = Callable[[Experiment], None]


def try_networks(
    request: Request, experiments: Sequence[Experiment], say: Say
) -> tuple[dict[str, Cost], dict[str, Fault]]:
    """By experiment, what its network takes, or why it can't be fitted; each network once.

    say: called before one is tried. Stops at an error that leaves the card unusable.
    """
    costs: dict[str, Cost] = {}
    faults: dict[str, Fault] = {}
    tried: dict[str, Cost | Fault] = {}
    for experiment in experiments:
        facts = _find_facts(request, experiment)
        key = repr(facts)
        if key not in tried:
            tried[key] = _try_or_recall(request, experiment, facts, say)
        found = tried[key]
        if isinstance(found, Cost):
            costs[experiment.name] = found
        else:
            faults[experiment.name] = found
            if find_card_fault(request.device):
                break
    return costs, faults


def _find_facts(request: Request, experiment: Experiment) -> dict[str, Any]:
    """All that decides whether a network can be fitted, and what it takes."""
    settings = describe_settings(experiment.settings)
    card = torch.cuda.get_device_name(request.device) if request.device.type == "cuda" else "cpu"
    return {
        "method": METHOD,
        "settings": {key: settings[key] for key in sorted(settings.keys() - _NO_MATTER)},
        "network": describe_network(experiment.settings, request.out),
        "weights": request.weights[experiment.name].describe(),
        "labels": len(request.study.labels),
        "device": card,
        "circumstances": {**describe_circumstances(), **describe_versions()},
    }


def _try_or_recall(
    request: Request, experiment: Experiment, facts: dict[str, Any], say: Say
) -> Cost | Fault:
    found = read_cached(KIND, facts, Cost)
    if found is not None:
        return found
    say(experiment)
    try:
        with _keep_random(request.device), _trial_folder(request.out) as folder:
            cost = _try_network(request, experiment, folder)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is this network's failure
        return Fault(find_stage(error), describe_error(error))
    write_cached(KIND, facts, cost)
    return cost


def _try_network(request: Request, experiment: Experiment, folder: Path) -> Cost:
    """Train, export and check a copy of the network that the fit will start with."""
    request = keep_fold_out(replace(request, ranks=Ranks()), experiment)
    device = request.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    model, whole = prepare_task(request, experiment, folder)
    with at_stage("fit"):
        task = _keep_a_batch(whole)
        passes = Passes(model, task)
        train_s = _time(lambda: passes.train(1, Silence()), device)
        predict_s = _time(lambda: passes.measure("train", 1, SECOND_PASS, Silence()), device)
        optimizer = sum(
            value.numel() * value.element_size()
            for state in passes.updates.optimizer.state.values()
            for value in state.values()
            if isinstance(value, torch.Tensor)
        )
        memory = _read_peak(device)
    with at_stage("export"):
        began = time.perf_counter()
        _export(request, experiment, model, whole)
        export_s = time.perf_counter() - began
    weights = sum(t.numel() * t.element_size() for t in model.network.state_dict().values())
    size = (folder / MODEL_FILE).stat().st_size
    return Cost(train_s, predict_s, export_s, memory, weights, optimizer, size)


def _keep_a_batch(task: Task) -> Task:
    """The task cut down to one batch, at a rate of 0: two passes over it are the same."""
    settings = replace(
        task.settings, learning_rate=0.0, sampling="shuffled", frozen_epochs=0, warmup_epochs=0.0
    )
    train = task.splits["train"]
    n = min(len(train), settings.batch_size)
    cut = replace(train, rows=train.rows[:n], truth=train.truth[:n])
    return replace(task, settings=settings, splits={**task.splits, "train": cut})


def _time(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that it takes the second time, or the first where that is long enough."""
    for _ in range(2):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        took = time.perf_counter() - began
        if took > LONG_S:
            break
    return took


def _read_peak(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _export(request: Request, experiment: Experiment, model: PixelModel, task: Task) -> None:
    settings = experiment.settings
    export_weights(
        settings,
        {name: tensor.cpu() for name, tensor in model.network.state_dict().items()},
        Contract(settings.pixels, request.study.labels, experiment.name),
        pick_images(request.store, task.splits["validation"].rows.tolist(), settings),
        task.folder,
    )


@contextmanager
def _keep_random(device: torch.device) -> Iterator[None]:
    """Leave torch's generators as they are found."""
    state = random_state(device)
    try:
        yield
    finally:
        with suppress(RuntimeError):  # of a card that is dead, which is said elsewhere
            restore_random_state(state, device)


@contextmanager
def _trial_folder(out: Path) -> Iterator[Path]:
    folder = out / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
