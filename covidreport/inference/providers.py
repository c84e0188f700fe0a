"""Execution providers: which there are, which work here, and what is missing where one doesn't.

ONNX Runtime goes on with the CPU and only a warning where a GPU was asked for and can't be had;
here the provider that really runs is compared with the one asked for, and a difference is an error.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib.util
import io
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort

from covidreport.errors import ProviderError, UsageError
from covidreport.inference.cards import (
    cuda_of_build,
    has_nvidia_device,
    missing_library,
    read_driver,
)
from covidreport.inference.execution import (
    TENSORRT_ENVIRONMENT,
    Execution,
    Precision,
    Provider,
)

# y = Relu(x) for a float vector as an ONNX file: the smallest question to a provider
TRIAL_MODEL = base64.b64decode(
    "CAg6NQoMCgF4EgF5IgRSZWx1EgF0WhAKAXgSCwoJCAESBQoDEgFuYhAKAXkSCwoJCAESBQoDEgFuQgQKABAR"
)

ORT_ERRORS: tuple[type[Exception], ...] = (
    *(
        item
        for item in vars(ort.capi.onnxruntime_pybind11_state).values()
        if isinstance(item, type) and issubclass(item, Exception)
    ),
    RuntimeError,
    MemoryError,
    UnicodeDecodeError,
)
"""What ONNX Runtime raises: its exceptions share no base class of their own, what the C++ beneath
it throws is a RuntimeError, a MemoryError where the machine's memory is short, and what can't be
told since a model's bytes are no text, in its names, its metadata or in the runtime's message about
them, is a UnicodeDecodeError."""

GPU_REMEDY = (
    "install the GPU build and its CUDA libraries with `pip install 'covidreport[gpu]'` (not "
    "beside the package `onnxruntime`), and an NVIDIA driver for CUDA 13"
)

PROVIDERS = (
    Provider(
        "tensorrt",
        "TensorrtExecutionProvider",
        f"install TensorRT 10 (`pip install 'tensorrt-cu13>=10.13,<11'`); besides, {GPU_REMEDY}",
        device="cuda",
        accelerator=True,
        precisions=("fp32", "fp16"),
        library="libonnxruntime_providers_tensorrt.so",
        helpers=("CUDAExecutionProvider", "CPUExecutionProvider"),
        automatic=False,
        verified=False,
    ),
    Provider(
        "cuda",
        "CUDAExecutionProvider",
        GPU_REMEDY,
        device="cuda",
        accelerator=True,
        precisions=("fp32", "tf32", "fp16"),
        library="libonnxruntime_providers_cuda.so",
        helpers=("CPUExecutionProvider",),
        verified=False,
    ),
    Provider("cpu", "CPUExecutionProvider", "reinstall it with `pip install covidreport`"),
)
"""In the order in which `auto` tries those that it may choose."""


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """What a trial of one provider showed."""

    provider: Provider
    works: bool
    detail: str
    state: Literal["works", "absent", "no device", "broken"]


MOST_CHARACTERS = 500
"""Of what the runtime says: it may quote a name that is as long as the model."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, which is what a person needs of ONNX Runtime's.

    Where the text itself could not be decoded, what can be read of it; where a file is refused for
    its hard links, which DVC's cache makes, with what to do.
    """
    text = str(error)
    if isinstance(error, UnicodeDecodeError):
        text = f"not UTF-8: {error.object.decode('utf-8', 'replace')}"
    line = next(iter(text.strip().splitlines()), type(error).__name__)
    if len(line) > MOST_CHARACTERS:
        line = f"{line[:MOST_CHARACTERS]} …"
    if "hard link" in text or "hardlink" in text:
        line += "; give the run a file of its own: `cp FILE new && mv new FILE`"
    return line


def provider_named(name: str) -> Provider:
    """The provider called `name`; UsageError lists those there are."""
    for provider in PROVIDERS:
        if provider.name == name:
            return provider
    names = ", ".join(["auto", *(provider.name for provider in PROVIDERS)])
    raise UsageError(f"no provider is called {name!r}; one of {names}")


CPU = Execution(provider_named("cpu"))
"""The CPU in fp32: what every accelerator is compared with."""


def check_provider(running: Sequence[str], wanted: Provider) -> None:
    """ProviderError unless the provider that a session really runs on is the one asked for."""
    if not running or running[0] != wanted.ort_name:
        raise ProviderError(
            f"provider {wanted.name} was asked for and {', '.join(running) or 'none'} runs; "
            f"{wanted.remedy}"
        )


def load_libraries(provider: Provider) -> str:
    """Load the libraries that pip installed for a provider; what ONNX Runtime says of it."""
    if not provider.accelerator:
        return ""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        ort.preload_dlls()
    if provider.name == "tensorrt":
        # it has no option for TF32, which is on by default
        os.environ.update(TENSORRT_ENVIRONMENT)
        _load_tensorrt()
    return " ".join(said.getvalue().split())


def _load_tensorrt() -> None:
    """Load TensorRT's libraries where pip installed them, so that the provider finds them."""
    spec = importlib.util.find_spec("tensorrt_libs")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for library in ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10"):
            with contextlib.suppress(OSError):  # the trial that follows names what is missing
                ctypes.CDLL(str(Path(folder) / library), ctypes.RTLD_GLOBAL)


def _explain_absence(provider: Provider) -> str | None:
    """What is known to be missing for an accelerator before it is tried: driver or library."""
    driver = read_driver()
    built = cuda_of_build()
    if driver is None:
        return "the NVIDIA driver does not answer; install it or give this container the GPU"
    if built is not None and driver.cuda[0] < built[0]:
        return (
            f"NVIDIA driver {driver.version} runs CUDA up to {driver.cuda[0]}.{driver.cuda[1]}, "
            f"this ONNX Runtime is built for CUDA {built[0]}.{built[1]}; install a newer driver"
        )
    said = missing_library(provider.library) if provider.library else None
    return None if said is None else f"{said}; {provider.remedy}"


def try_provider(provider: Provider, device_id: int = 0) -> ProviderStatus:
    """Run a model of one node on a provider and compare its answer with the one that is known."""
    if provider.ort_name not in ort.get_available_providers():
        detail = f"not in this build of ONNX Runtime ({ort.__version__}); {provider.remedy}"
        return ProviderStatus(provider, False, detail, "absent")
    said = ""
    if provider.accelerator:
        if not has_nvidia_device():
            detail = f"no NVIDIA device on this machine ({platform.system()})"
            return ProviderStatus(provider, False, detail, "no device")
        said = load_libraries(provider)
        fault = _explain_absence(provider) or _missing_card(device_id)
        if fault is not None:
            return ProviderStatus(provider, False, fault, "broken")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    question = np.array([-1.0, 0.0, 2.5], np.float32)
    execution = Execution(provider, device_id=device_id)
    try:
        session = ort.InferenceSession(
            TRIAL_MODEL, options, providers=execution.requests(), enable_fallback=0
        )
        check_provider(session.get_providers(), provider)
        (answer,) = session.run(None, {"x": question})
    except ProviderError as error:
        return ProviderStatus(provider, False, f"{error} {said}".strip(), "broken")
    except ORT_ERRORS as error:
        detail = f"{first_line(error)}; {provider.remedy}"
        return ProviderStatus(provider, False, detail, "broken")
    if not np.array_equal(answer, np.maximum(question, 0)):
        return ProviderStatus(provider, False, f"wrong answer {answer.tolist()}", "broken")
    detail = describe_device(provider, device_id)
    if not provider.verified:
        detail += "; unverified: its authors have never run covidreport on it"
    return ProviderStatus(provider, True, detail, "works")


def _missing_card(device_id: int) -> str | None:
    driver = read_driver()
    if driver is None or device_id < len(driver.cards):
        return None
    return (
        f"there is no card {device_id}: this process sees {len(driver.cards)} "
        "(--device-id counts from 0; CUDA_VISIBLE_DEVICES says which are seen)"
    )


def describe_device(provider: Provider, device_id: int = 0) -> str:
    """What a provider runs on, in words."""
    if not provider.accelerator:
        return f"{os.cpu_count()} cores, {platform.machine()}"
    driver = read_driver()
    if driver is None or device_id >= len(driver.cards):
        return "NVIDIA GPU"
    card = driver.cards[device_id]
    return f"{card.name}, {card.memory_bytes / 2**30:.0f} GiB, driver {driver.version}"


def card_bytes(device_id: int) -> int:
    """The memory of a card; 0 where the driver does not say."""
    driver = read_driver()
    if driver is None or device_id >= len(driver.cards):
        return 0
    return driver.cards[device_id].memory_bytes


def choose_execution(
    name: str, precision: Precision = "fp32", device_id: int = 0
) -> tuple[Execution, str | None]:
    """Where and how to run, and a warning where `auto` had to pass over a GPU that is there.

    Raises ProviderError where the provider that was asked for does not work, with the remedy, and
    UsageError where it does not compute in this precision.
    """
    if name != "auto":
        provider = provider_named(name)
        execution = Execution(provider, precision, device_id)
        execution.check()
        status = try_provider(provider, device_id)
        if not status.works:
            raise ProviderError(f"provider {name} does not work here: {status.detail}")
        return execution, None
    warning = None
    for provider in PROVIDERS:
        if not provider.automatic:
            continue
        status = try_provider(provider, device_id)
        if status.works:
            execution = Execution(provider, precision, device_id)
            try:
                execution.check()
            except UsageError as error:
                raise UsageError(f"{error}{'; ' + warning if warning else ''}") from None
            return execution, warning
        if provider.accelerator and has_nvidia_device():
            warning = f"an NVIDIA device is here, and provider {provider.name} does not work: " + (
                status.detail
            )
    raise ProviderError(f"no provider works here: {status.detail}")


def describe_runtime() -> dict[str, Any]:
    """The runtime's version and build, for an evaluation's provenance."""
    return {"onnxruntime": ort.__version__, "providers_in_build": ort.get_available_providers()}
