"""The NVIDIA cards of this machine, the libraries that run on them, and memory that they read
directly.

The driver (NVML) is asked for names and to explain what does not work; whether a card works is
learned by trying it. Where neither driver nor card is there, the answers say so and nothing fails.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pynvml
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.inference.runtime import ort

DEVICE_FILES = Path("/dev")
"""Where Linux shows cards: one file each, numbered as the driver does; WSL shows one for all."""
TF32_SINCE = (8, 0)
"""The compute capability from which on a card has TF32; before, TF32 is fp32 by another name."""
_ORDER, _BY_BUS = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"


class Card(Struct, frozen=True):
    """A card, or a MIG slice of one, as this process sees it: its compute capability, its memory
    in bytes (0 where only CUDA could be asked)."""

    name: str
    capability: tuple[int, int]
    memory_bytes: int = 0
    free_bytes: int = 0


class Driver(Struct, frozen=True):
    """NVIDIA's driver: its version, the newest CUDA that it runs as (major, minor), its cards."""

    version: str
    cuda: tuple[int, int]
    cards: tuple[Card, ...]


def has_nvidia_device() -> bool:
    """Whether this machine shows an NVIDIA device to this process, by a file or by its driver."""
    if any(DEVICE_FILES.glob("nvidia[0-9]*")) or (DEVICE_FILES / "dxg").exists():
        return True
    driver = read_driver()
    return driver is not None and len(driver.cards) > 0


def read_driver() -> Driver | None:
    """What NVML says of driver and cards, in the order of CUDA; None where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion())
        version = _text(pynvml.nvmlSystemGetDriverVersion())
        return Driver(version, (cuda // 1000, cuda % 1000 // 10), tuple(_visible_cards()))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


class _Seen(Struct, frozen=True):
    """A card or a MIG slice, and all that CUDA_VISIBLE_DEVICES may call it."""

    card: Card
    number: str | None
    names: tuple[str, ...]


def _visible_cards() -> list[Card]:
    """The cards that CUDA shows to this process: CUDA_VISIBLE_DEVICES picks and orders them.

    By numbers, or by the beginnings of names that only one has; what follows a name that CUDA does
    not know is not seen, and nothing is where one is named twice. Where there are MIG slices, whole
    cards are not seen, and a sliced card is its first slice (NVIDIA, MIG User Guide, "Device
    Enumeration").
    """
    every = _list_cards()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        visible = [each for each in every if each.number is not None]
    else:
        visible = []
        for name in (part.strip() for part in chosen.split(",")):
            found = [each for each in every if name == each.number] or [
                each
                for each in every
                if name and any(known.startswith(name) for known in each.names)
            ]
            if len(found) != 1:
                break
            if found[0] in visible:
                return []
            visible += found
    slices = [each for each in visible if any(name.startswith("MIG-") for name in each.names)]
    return [each.card for each in slices or visible]


def _list_cards() -> list[_Seen]:
    """All cards in the order of the bus; of one that is sliced, its slices."""
    every = []
    for number in range(int(pynvml.nvmlDeviceGetCount())):
        handle = pynvml.nvmlDeviceGetHandleByIndex(number)
        uuid = _text(pynvml.nvmlDeviceGetUUID(handle))
        capability = tuple(int(part) for part in pynvml.nvmlDeviceGetCudaComputeCapability(handle))
        slices = _list_slices(handle)
        for index, part in enumerate(slices or [handle]):
            names = [_text(pynvml.nvmlDeviceGetUUID(part))]
            if slices:  # as drivers before 470 call it
                instances = (
                    pynvml.nvmlDeviceGetGpuInstanceId,
                    pynvml.nvmlDeviceGetComputeInstanceId,
                )
                names.append("/".join([f"MIG-{uuid}", *(str(ask(part)) for ask in instances)]))
                names += [uuid] if index == 0 else []
            memory = pynvml.nvmlDeviceGetMemoryInfo(part)
            card = Card(
                _text(pynvml.nvmlDeviceGetName(part)), (capability[0], capability[1]),
                int(memory.total), int(memory.free),
            )  # fmt: skip
            every.append(_Seen(card, str(number) if index == 0 else None, tuple(names)))
    return every


def _list_slices(handle: object) -> list[object]:
    """The MIG slices of a card; none where it is not sliced, or can't be."""
    found: list[object] = []
    with suppress(pynvml.NVMLError):
        if pynvml.nvmlDeviceGetMigMode(handle)[0] == pynvml.NVML_DEVICE_MIG_ENABLE:
            for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with suppress(pynvml.NVMLError_NotFound):
                    found.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
    return found


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def count_by_bus() -> None:
    """Let CUDA count cards in the order of the bus, as NVML and nvidia-smi do, unless it was told.

    Heeded by a process that has not yet opened CUDA.
    """
    os.environ.setdefault(_ORDER, _BY_BUS)


def find_card(device_id: int) -> Card | None:
    """The card that CUDA calls `device_id`, by NVML or else by CUDA itself; None if neither says.

    NVML does not know the order that CUDA guesses by speed: there CUDA is asked if names differ.
    """
    driver = read_driver()
    cards = driver.cards if driver else ()
    by_bus = os.environ.get(_ORDER, _BY_BUS) == _BY_BUS
    if device_id < len(cards) and (by_bus or len({card.name for card in cards}) == 1):
        return cards[device_id]
    return _query_cuda(device_id)


def _query_cuda(device_id: int) -> Card | None:
    """What the CUDA runtime that this process has loaded says of a card; opens no context on it."""
    runtime = _load_runtime()
    if runtime is None:
        return None
    properties = ctypes.create_string_buffer(8192)  # begin with the name; their size is CUDA's
    major, minor = ctypes.c_int(), ctypes.c_int()
    failed = (
        runtime.cudaGetDeviceProperties(properties, device_id),
        runtime.cudaDeviceGetAttribute(ctypes.byref(major), 75, device_id),
        runtime.cudaDeviceGetAttribute(ctypes.byref(minor), 76, device_id),
    )
    if any(failed):
        return None
    return Card(properties.value.decode(), (major.value, minor.value))


def _load_runtime() -> ctypes.CDLL | None:
    major = (cuda_of_build() or (13, 0))[0]
    name = f"cudart64_{major}.dll" if sys.platform == "win32" else f"libcudart.so.{major}"
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def cudnn_version() -> str | None:
    """The version of the cuDNN that ONNX Runtime loads, as 9.26.0; None where there is none.

    Needs neither a card nor a driver, and opens none.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        ort.preload_dlls(cuda=False, msvc=False)
    try:
        library = ctypes.CDLL("cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9")
    except OSError:
        return None
    library.cudnnGetVersion.restype = ctypes.c_size_t
    number = int(library.cudnnGetVersion())
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


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
    address = ctypes.c_void_p(array.ctypes.data)
    if runtime.cudaSetDevice(ctypes.c_int(device_id)) != 0:
        return None
    if runtime.cudaHostRegister(address, ctypes.c_size_t(array.nbytes), ctypes.c_uint(0)) != 0:
        return None

    def unpin() -> None:
        runtime.cudaHostUnregister(address)

    return unpin
