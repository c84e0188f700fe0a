"""The device that a run is fitted on, and what makes it give the same result twice."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any, Literal

import torch

from covidreport.errors import UsageError
from covidreport.inference.allocator import keep_memory

from .settings import FitSettings


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute, and in what precision."""

    torch: torch.device
    autocast: bool
    """bfloat16 or float16 where it is safe, float32 where it is not; weights stay float32."""
    float16: bool = False
    """float16, whose gradients are scaled; else bfloat16."""

    @property
    def is_gpu(self) -> bool:
        """Whether this is a CUDA device."""
        return self.torch.type == "cuda"


def find_device(name: Literal["auto", "cuda", "cpu"], local_rank: int = 0) -> torch.device:
    """The device that was asked for; UsageError where it is not there, never another instead."""
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        built = f"torch {torch.__version__}, built for CUDA {torch.version.cuda}"
        raise UsageError(
            f"--device cuda: torch finds no GPU that it can use ({built}). Check the driver with "
            "nvidia-smi and that this torch is a CUDA build; or use --device cpu"
        )
    return torch.device("cuda", local_rank) if there and name != "cpu" else torch.device("cpu")


def find_card_fault(device: torch.device) -> str:
    """Why a card can't be used any more by this process; empty where it can, and for a CPU."""
    if device.type != "cuda":
        return ""
    try:
        torch.cuda.empty_cache()
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def prepare_device(device: torch.device, settings: FitSettings) -> Device:
    """Make `device` deterministic and settle the precision of one experiment.

    `auto` is bfloat16 on a card that computes in it; one that only emulates it is slower so.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS
    keep_memory()
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory before it writes it, and filling it takes 3 to 5 % of a step
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    set_float32("ieee")
    autocast = settings.precision in ("bfloat16", "float16")
    if device.type == "cuda":
        torch.cuda.set_device(device)
        if settings.precision == "auto":
            autocast = torch.cuda.is_bf16_supported(including_emulation=False)
    return Device(device, autocast, settings.precision == "float16")


def set_float32(arithmetic: Literal["ieee", "tf32"]) -> None:
    """What convolutions and matrix products of float32 are computed in: float32, or TF32.

    torch has two sets of switches, and refuses to read the older where they disagree; the older
    are set last, since of these False means "as the newer say".
    """
    switches: Any = torch.backends
    switches.fp32_precision = arithmetic
    torch.backends.cudnn.allow_tf32 = arithmetic == "tf32"
    torch.set_float32_matmul_precision("high" if arithmetic == "tf32" else "highest")


def describe_device(device: Device, ranks: int) -> dict[str, Any]:
    """For run.json: what computed, in which precision, with how many threads or processes."""
    half = "float16" if device.float16 else "bfloat16"
    facts: dict[str, Any] = {
        "type": device.torch.type,
        "name": platform.processor() or platform.machine(),
        "precision": f"{half} autocast" if device.autocast else "float32",
        "processes": ranks,
    }
    if device.is_gpu:
        facts["name"] = torch.cuda.get_device_name(device.torch)
        facts["cuda"] = torch.version.cuda
        facts["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    else:
        facts["threads"] = torch.get_num_threads()
    return facts
