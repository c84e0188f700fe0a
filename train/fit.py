"""Fits one experiment, up to its exported model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from covidreport.errors import CovidReportError, RunError
from covidreport.records import Dataset, Epoch, Failure
from covidreport.store import HISTORY_FILE, MODEL_FILE, RUN_FILE, RUN_SCHEMA, read_json, write_run

from .batches import BatchFeed
from .checkpoint import CHECKPOINT_FILE, WEIGHTS_FILE
from .device import describe_device, prepare_device
from .export import CHECKED_BATCHES, Contract, export_model
from .folds import describe_left_out, leave_out
from .images import ImageStore, stack_fitted
from .loop import fit_model
from .losses import make_loss
from .models import PixelModel, find_head, needs_head
from .prepare import make_splits, stored_splits
from .ranks import Ranks
from .run_record import (
    describe_data,
    describe_experiment,
    describe_loaded,
    describe_network,
    describe_splits,
    describe_start,
    describe_versions,
    find_differences,
    find_revision,
)
from .sampling import Indices, weigh_positives
from .settings import Experiment, FitSettings, Study
from .start import start_model
from .task import Task, Watcher
from .timing import Timing
from .weights import Weights
from .writing import remove_parts, write_tensors

Status = Literal["finished", "there already", "failed", "elsewhere"]
"""`elsewhere`: left to another process, which is fitting it."""
Stage = Literal["prepare", "fit", "export"]
"""What an experiment was at when it failed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an experiment can't be fitted, and at which stage that was seen."""

    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be fitted, on what, and where the run folders go."""

    study: Study
    dataset: Dataset
    rows: Mapping[str, Indices]
    """By split, the images as indices in the data set."""
    fingerprints: Mapping[str, str]
    failures: tuple[Failure, ...]
    weights: Mapping[str, Weights]
    """By the experiment's name."""
    store: ImageStore
    out: Path
    device: torch.device
    workers: int
    ranks: Ranks = field(default_factory=Ranks)
    keep_weights: bool = True
    """Whether weights.pt stays beside model.onnx, which holds the same numbers."""
    ignored: tuple[str, ...] = ()
    """Codes of what was found in the data and was not to stop the fit."""
    accept_other: bool = False
    """As `Task`."""
    seen: Mapping[str, bytes | None] = field(default_factory=dict)
    """The run.json of each experiment, by its name, as it stood when this process began."""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    """By name, what was found wrong with an experiment before the first epoch of the first."""


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """How one experiment ended: its history where it was fitted.

    reason: why it failed; of a finished one, why not the epoch is exported that was asked for.
    """

    experiment: Experiment
    folder: Path
    status: Status
    reason: str | None = None
    history: tuple[Epoch, ...] = ()


@contextmanager
def at_stage(stage: Stage) -> Iterator[None]:
    """Note at which stage an error was raised."""
    try:
        yield
    except Exception as error:
        error.add_note(stage)
        raise


def find_stage(error: BaseException) -> Stage:
    """What an experiment was at when this was raised."""
    notes = getattr(error, "__notes__", ())
    return next((stage for stage in get_args(Stage) if stage in notes), "prepare")


def describe_error(error: Exception) -> str:
    """Its message, behind the name of its class where it is none of ours nor the system's."""
    reason = str(error).strip()
    if isinstance(error, (CovidReportError, OSError)):
        return reason
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


class DifferentRunError(RunError):
    """The run folder holds a fit of other settings or other images."""


def fit_experiment(request: Request, experiment: Experiment, watcher: Watcher) -> FitOutcome:
    """Fit one experiment into its run folder, going on from where it was interrupted.

    Raises NotFiniteError, DifferentRunError, or what else stands in its way.
    """
    folder = request.out / experiment.name
    request = keep_fold_out(request, experiment)
    described = describe_experiment(experiment, request.study)
    prints = {name: request.fingerprints[name] for name in stored_splits(experiment.settings)}
    described["started_from"] |= request.weights[experiment.name].describe()
    described["data"] |= describe_data(request.dataset, folder, prints)
    described["network"] = describe_network(experiment.settings, folder)
    if experiment.fold is not None:
        described["data"]["left_out"] = describe_left_out(request.dataset, experiment.fold)
    found = request.ranks.lead(lambda: _find_outcome(request, experiment, described))
    if found is not None:
        return FitOutcome(experiment, folder, *found)
    fault = request.faults.get(experiment.name)
    if fault is not None:
        with at_stage(fault.stage):
            raise RunError(fault.reason)
    model, task = prepare_task(request, experiment, folder)
    record = _open_record(request, experiment, described, model, task)
    if model.loaded is not None:
        watcher.on_note(describe_loaded(request.weights[experiment.name], model.loaded))
    if request.ranks.leads:
        folder.mkdir(parents=True, exist_ok=True)
        remove_parts(folder)
        write_run(folder, record | {"status": "running"})
    request.ranks.open_group()
    with at_stage("fit"):
        fitted = fit_model(model, task, watcher)
    if request.ranks.leads:
        record["exported_epoch"] |= {"epoch": fitted.epoch}
        if fitted.none_chosen:
            record["exported_epoch"] |= {"none_chosen": fitted.none_chosen}
        with at_stage("export"):
            record["export"] = _export(request, experiment, model, task)
        record["timing"] = task.timing.describe()
        write_run(folder, record | {"status": "finished"})
        (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    request.ranks.gather(None)  # nobody starts the next experiment before this one is written
    return FitOutcome(
        experiment, folder, "finished", fitted.none_chosen or None, tuple(fitted.history)
    )


def keep_fold_out(request: Request, experiment: Experiment) -> Request:
    """The request without the images of the experiment's own fold, where it has one."""
    if experiment.fold is None:
        return request
    fold, settings = experiment.fold, experiment.settings
    return replace(request, rows=leave_out(request.dataset, request.rows, fold, settings))


def clear_run(folder: Path) -> None:
    """Remove what a former fit left: its evaluations would else seem to be of the new model."""
    for name in (RUN_FILE, HISTORY_FILE, MODEL_FILE, CHECKPOINT_FILE, WEIGHTS_FILE,
                 "thresholds.json"):  # fmt: skip
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "evaluations", ignore_errors=True)


def read_bytes(folder: Path) -> bytes | None:
    """run.json as it stands; None where it can't be read."""
    try:
        return (folder / RUN_FILE).read_bytes()
    except OSError:
        return None


def _find_outcome(
    request: Request, experiment: Experiment, described: Mapping[str, Any]
) -> tuple[Status, str | None] | None:
    """How this fit ended before, and why; None where it is still to be done.

    DifferentRunError where the folder holds another fit. What failed before this process began is
    tried again, and not what another one has tried since.
    """
    folder = request.out / experiment.name
    if not (folder / RUN_FILE).is_file():
        return None
    before = read_json(folder / RUN_FILE, RUN_SCHEMA)
    failed = before.get("status") == "failed"
    if not failed or "hyperparameters" in before:  # else it failed before anything was known of it
        differences = find_differences(before, described)
        if differences:
            more = f", and {len(differences) - 3} more" if len(differences) > 3 else ""
            raise DifferentRunError(
                f"{folder} holds another fit ({', '.join(differences[:3])}{more}); choose another "
                "--out, give the experiment another `name`, or replace it with --overwrite"
            )
    if failed and request.seen.get(experiment.name) != read_bytes(folder):
        return "failed", f"{before.get('stage')}: {before.get('reason')}"
    if not is_done(before, folder):
        return None
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)  # of a process that was killed at its end
    remove_parts(folder)
    return "there already", None


def is_done(run: Mapping[str, Any], folder: Path) -> bool:
    """Whether a run.json and its folder are those of a finished fit."""
    return run.get("status") == "finished" and (folder / MODEL_FILE).is_file()


def prepare_task(request: Request, experiment: Experiment, folder: Path) -> tuple[PixelModel, Task]:
    """The model that an experiment starts with, and what its epochs need; nothing is written."""
    timing = Timing()
    settings, study = experiment.settings, request.study
    splits = make_splits(request.dataset, request.rows, study, settings, request.failures)
    device = prepare_device(request.device, settings)
    model = start_model(settings, request.weights[experiment.name], len(study.labels))
    weights = weigh_positives(settings, splits["train"].truth, study.labels)
    positive_weight = None if weights is None else torch.tensor(weights)
    task = Task(
        settings=settings,
        target=study.labels.index(study.target),
        splits=splits,
        feed=BatchFeed(request.store, settings.pixels, request.workers, pinned=device.is_gpu),
        loss=make_loss(settings.loss, settings.gamma, settings.alpha, positive_weight),
        device=device,
        ranks=request.ranks,
        folder=folder,
        sample_ids=request.dataset.ids,
        accept_other=request.accept_other,
        timing=timing,
        head=find_head(settings, len(study.labels)) if needs_head(settings) else (),
    )
    return model, task


def _open_record(
    request: Request,
    experiment: Experiment,
    described: Mapping[str, Any],
    model: PixelModel,
    task: Task,
) -> dict[str, Any]:
    """run.json as it stands before the first epoch."""
    settings = experiment.settings
    data = {**described["data"], "splits": describe_splits(task.splits, request.study)}
    names = set(stored_splits(settings))
    lost = {request.dataset.ids[row] for name in names for row in request.rows[name]}
    data["failures"] = [
        {"sample_id": failure.subject, "reason": failure.reason}
        for failure in request.failures
        if failure.subject in lost
    ]
    weights = request.weights[experiment.name]
    return {
        **described,
        "data": data,
        "started_from": {
            **described["started_from"],
            **describe_start(weights, model, settings),
        },
        **({"ignored_findings": list(request.ignored)} if request.ignored else {}),
        "versions": describe_versions(),
        "threads": torch.get_num_threads(),
        "git_revision": find_revision(),
        "device": describe_device(task.device, request.ranks.size),
    }


def _export(
    request: Request, experiment: Experiment, model: PixelModel, task: Task
) -> dict[str, Any]:
    """Write model.onnx, and weights.pt where it is wanted; the evidence of the export."""
    state = {name: tensor.cpu() for name, tensor in model.network.state_dict().items()}
    if request.keep_weights:
        write_tensors(task.folder / WEIGHTS_FILE, state)
    return export_weights(
        experiment.settings,
        state,
        Contract(experiment.settings.pixels, request.study.labels, experiment.name),
        pick_images(request.store, task.splits["validation"].rows.tolist(), experiment.settings),
        task.folder,
    )


def export_weights(
    settings: FitSettings,
    state: Mapping[str, torch.Tensor],
    contract: Contract,
    images: NDArray[np.uint8],
    folder: Path,
) -> dict[str, Any]:
    """Put weights into a clean model on the CPU and export that; see `export_model`."""
    clean = start_model(settings, Weights("none", ""), len(contract.labels))
    clean.network.load_state_dict(dict(state))
    return export_model(clean, contract, images, folder)


def pick_images(store: ImageStore, rows: Sequence[int], settings: FitSettings) -> NDArray[np.uint8]:
    """Real images for the check of an export, spread over `rows`: uint8 `(N, C, H, W)`."""
    count = min(sum(CHECKED_BATCHES), len(rows))
    indices = np.linspace(0, len(rows) - 1, count).round().astype(int)
    return stack_fitted(store, [rows[index] for index in indices], settings.pixels)
