"""What an interrupted run needs to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from covidreport.errors import RunError
from covidreport.records import Epoch

from .writing import write_tensors

CHECKPOINT_FILE = "checkpoint.pt"
WEIGHTS_FILE = "weights.pt"
VERSION = 2


@dataclass(slots=True)
class Best:
    """The best epoch so far by the rule of the experiment, and its weights."""

    epoch: int
    value: tuple[float, ...]
    """What it was chosen by, the smallest first (`train.epoch_metrics.order_by`)."""
    weights: Mapping[str, torch.Tensor]


@dataclass(slots=True)
class Checkpoint:
    """The state after `epoch` epochs. random: one state a process, see `random_state`."""

    epoch: int
    weights: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]
    random: list[dict[str, torch.Tensor]]
    history: list[Epoch] = field(default_factory=list)
    best: Best | None = None
    timing: Mapping[str, Any] = field(default_factory=dict)
    """See `train.timing`."""
    made_with: Mapping[str, str] = field(default_factory=dict)
    """What the bytes of the weights depend on beside the study and the data."""


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's generators, which dropout uses; all else is drawn from the seed."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Put torch's generators back to where `random_state` found them."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write checkpoint.pt, whole or not at all."""
    best = checkpoint.best
    write_tensors(
        folder / CHECKPOINT_FILE,
        {
            "version": VERSION,
            "epoch": checkpoint.epoch,
            "weights": dict(checkpoint.weights),
            "optimizer": dict(checkpoint.optimizer),
            "random": checkpoint.random,
            "history": [[row.epoch, dict(row.values)] for row in checkpoint.history],
            "timing": dict(checkpoint.timing),
            "made_with": dict(checkpoint.made_with),
            "best": best
            and {"epoch": best.epoch, "value": best.value, "weights": dict(best.weights)},
        },
    )


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint of a run folder, or None; RunError where it can't be read.

    It is read without running any code that it may contain.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
        if value["version"] != VERSION:
            raise RunError(f"{path}: is of another version; fit again with --overwrite")
        best = value["best"]
        return Checkpoint(
            epoch=value["epoch"],
            weights=value["weights"],
            optimizer=value["optimizer"],
            random=value["random"],
            history=[Epoch(epoch, values) for epoch, values in value["history"]],
            timing=value.get("timing", {}),  # which the first checkpoints lack
            made_with=value["made_with"],
            best=best and Best(best["epoch"], tuple(best["value"]), best["weights"]),
        )
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError) as error:
        raise RunError(
            f"{path}: can't be read ({str(error).splitlines()[0]}); fit again with --overwrite"
        ) from error
