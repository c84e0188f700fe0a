"""The NVIDIA cards of this machine, as the driver names them, and memory that they read directly.

Everything here asks the driver (NVML) or the CUDA runtime that is loaded; where neither is there,
the answers say so and nothing fails.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pynvml
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Card:
    """A card as the driver sees it; memory in bytes."""

    name: str
    memory_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Driver:
    """NVIDIA's driver: its version, the newest CUDA that it runs as (major, minor), its cards."""

    version: str
    cuda: tuple[int, int]
    cards: tuple[Card, ...]


def has_nvidia_device() -> bool:
    """Whether this machine shows an NVIDIA device to this process (Linux and WSL)."""
    return Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()


def read_driver() -> Driver | None:
    """What NVML says of driver and cards, in the order of CUDA; None where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion())
        cards = []
        for handle in _visible_handles():
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            cards.append(
                Card(_text(pynvml.nvmlDeviceGetName(handle)), int(memory.total), int(memory.free))
            )
        version = _text(pynvml.nvmlSystemGetDriverVersion())
        return Driver(version, (cuda // 1000, cuda % 1000 // 10), tuple(cards))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _visible_handles() -> list[object]:
    """The cards that CUDA shows to this process: CUDA_VISIBLE_DEVICES picks and orders them."""
    every = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(int(pynvml.nvmlDeviceGetCount()))]
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return every
    by_name: dict[str, object] = {str(i): handle for i, handle in enumerate(every)}
    for handle in every:
        by_name[_text(pynvml.nvmlDeviceGetUUID(handle))] = handle
    visible: list[object] = []
    for name in (part.strip() for part in chosen.split(",")):
        if name not in by_name:
            break  # as CUDA does: what follows a name that it does not know is not seen
        visible.append(by_name[name])
    return visible


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def cuda_of_build() -> tuple[int, int] | None:
    """The CUDA that this ONNX Runtime was built for, as (major, minor); None for a CPU build."""
    parts = str(ort.cuda_version or "").split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1])


def missing_library(library: str) -> str | None:
    """Why a shared library of ONNX Runtime's package can't be loaded, in the loader's words.

    None where it can, or where the package has no such file. This is how the name of a CUDA library
    that is missing is learned: ONNX Runtime itself goes on without a word.
    """
    path = Path(ort.capi.__file__).parent / library
    if not path.is_file():
        return None
    with suppress(OSError):  # what the provider's library leans on
        ctypes.CDLL(str(path.with_name("libonnxruntime_providers_shared.so")), ctypes.RTLD_GLOBAL)
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        said = str(error)
        # its own bridge to the runtime is resolved by ONNX Runtime alone
        return None if "undefined symbol: Provider_" in said else said
    return None


def pin_memory(array: NDArray[np.generic], device_id: int = 0) -> Callable[[], None] | None:
    """Lock an array's memory in place so that a card reads it at full speed; gives what unlocks it.

    That has to be called before the array is gone: its addresses may become another's. By
    `cudaHostRegister` of the CUDA runtime that this process has loaded. None where it does not
    work: uploads are slower then, and the same.
    """
    major = (cuda_of_build() or (13, 0))[0]
    try:
        runtime = ctypes.CDLL(f"libcudart.so.{major}")
    except OSError:
        return None
    place = ctypes.c_void_p(array.ctypes.data)
    if runtime.cudaSetDevice(ctypes.c_int(device_id)) != 0:
        return None
    if runtime.cudaHostRegister(place, ctypes.c_size_t(array.nbytes), ctypes.c_uint(0)) != 0:
        return None

    def unpin() -> None:
        runtime.cudaHostUnregister(place)

    return unpin
