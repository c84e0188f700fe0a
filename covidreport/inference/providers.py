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
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import ProviderError, UsageError
from covidreport.inference.cards import (
    TF32_SINCE,
    Card,
    count_by_bus,
    cuda_of_build,
    cudnn_version,
    find_card,
    has_nvidia_device,
    missing_library,
    read_driver,
)
from covidreport.inference.execution import Execution, Precision, Provider
from covidreport.inference.runtime import ort

# y = Conv(x, w, b) as an ONNX file, w = 1 to 9 (3 × 3) and b = 3: the smallest question that needs
# what a classifier needs; cuDNN is loaded when the first convolution is run
TRIAL_MODEL = base64.b64decode(
    "CAgSADqVAQoSCgF4CgF3CgFiEgF5IgRDb252EgF0KjMIAQgBCAMIAxABQgF3SiQAAIA/AAAAQAAAQEAAAIBAAACgQA"
    "AAwEAAAOBAAAAAQQAAEEEqDQgBEAFCAWJKBAAAQEBaGwoBeBIWChQIARIQCgIIAQoCCAEKAggECgIIBGIbCgF5EhYK"
    "FAgBEhAKAggBCgIIAQoCCAIKAggCQgQKABAN"
)
TRIAL_INPUT = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
TRIAL_ANSWER = np.array([[[[306, 351], [486, 531]]]], np.float32)
"""Whole numbers that every precision here holds exactly."""

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
    "install the GPU build and its CUDA libraries with `pip install 'covidreport[gpu]'` (in place "
    "of the package `onnxruntime`: uninstall that first), and an NVIDIA driver for CUDA 13"
)

PROVIDERS = (
    Provider(
        "tensorrt",
        "TensorrtExecutionProvider",
        f"install TensorRT 10 (`pip install 'tensorrt-cu13>=10.13,<11'`); besides, {GPU_REMEDY}",
        device="cuda",
        accelerator=True,
        precisions=("tf32", "fp16"),
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


class ProviderStatus(Struct, frozen=True):
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
    count_by_bus()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        ort.preload_dlls()
    if provider.name == "tensorrt":
        _load_tensorrt()
    return " ".join(said.getvalue().split())


def _load_tensorrt() -> None:
    """Load TensorRT's libraries where pip installed them, so that the provider finds them."""
    spec = importlib.util.find_spec("tensorrt_libs")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for library in ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10"):
            with contextlib.suppress(OSError):  # the trial that follows names what is missing
                ctypes.CDLL(str(Path(folder) / library), ctypes.RTLD_GLOBAL)


def _tensorrt_version(provider: Provider) -> str:
    """Of the package, or as the library says that the system has."""
    from importlib import metadata

    for package in ("tensorrt-cu13", "tensorrt"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    try:
        library = ctypes.CDLL("nvinfer_10.dll" if os.name == "nt" else "libnvinfer.so.10")
    except OSError as error:
        raise ProviderError(f"TensorRT can't be loaded ({error}); {provider.remedy}") from error
    return str(library.getInferLibVersion())


def _explain_failure(execution: Execution, said: str) -> str:
    """Why a provider did not work: what was `said`, or the reason that the driver knows."""
    provider = execution.provider
    if not provider.accelerator:
        return f"{said}; {provider.remedy}"
    driver, built = read_driver(), cuda_of_build()
    if driver is None:
        return (
            f"the NVIDIA driver does not answer; install it or give this container the GPU ({said})"
        )
    if built is not None and driver.cuda[0] < built[0]:
        return (
            f"NVIDIA driver {driver.version} runs CUDA up to {driver.cuda[0]}.{driver.cuda[1]}, "
            f"this ONNX Runtime is built for CUDA {built[0]}.{built[1]}; install a newer driver"
        )
    if execution.device_id >= len(driver.cards):
        return (
            f"there is no card {execution.device_id}: this process sees {len(driver.cards)} "
            "(cards are counted from 0; CUDA_VISIBLE_DEVICES says which are seen)"
        )
    return f"{said}; {provider.remedy}"


def try_provider(
    provider: Provider, device_id: int = 0, precision: Precision | None = None
) -> ProviderStatus:
    """Run a model of one node on a provider and compare its answer with the one that is known.

    precision: what it is told for this one, else for its first; a card that lacks it is refused.
    """
    if provider.ort_name not in ort.get_available_providers():
        detail = f"not in this build of ONNX Runtime ({ort.__version__}); {provider.remedy}"
        return ProviderStatus(provider, False, detail, "absent")
    if provider.accelerator and not has_nvidia_device():
        detail = f"no NVIDIA device on this machine ({platform.system()})"
        return ProviderStatus(provider, False, detail, "no device")
    execution = Execution(provider, precision or provider.precisions[0], device_id)
    try:
        _run_trial(execution)
        name_device(execution)
        if precision == "tf32":
            _check_tf32(_find_card(device_id))
    except ProviderError as error:
        return ProviderStatus(provider, False, str(error), "broken")
    detail = describe_device(provider, device_id)
    if not provider.verified:
        detail += "; unverified: its authors have never run covidreport on it"
    return ProviderStatus(provider, True, detail, "works")


def _run_trial(execution: Execution) -> None:
    """Run the trial model; ProviderError where that fails or gives another answer."""
    provider = execution.provider
    said = load_libraries(provider)
    missing = missing_library(provider.library) if provider.library else None
    if missing is not None:
        raise ProviderError(_explain_failure(execution, missing))
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            TRIAL_MODEL, options, providers=execution.requests(), enable_fallback=0
        )
        check_provider(session.get_providers(), provider)
        (answer,) = session.run(None, {"x": TRIAL_INPUT})
    except ProviderError as error:
        raise ProviderError(_explain_failure(execution, f"{error} {said}".strip())) from error
    except ORT_ERRORS as error:
        raise ProviderError(_explain_failure(execution, first_line(error))) from error
    if not np.array_equal(answer, TRIAL_ANSWER):
        raise ProviderError(f"wrong answer {answer.tolist()}, {TRIAL_ANSWER.tolist()} is right")


def _find_card(device_id: int) -> Card:
    card = find_card(device_id)
    if card is None:
        raise ProviderError(f"neither the NVIDIA driver nor CUDA says which card {device_id} is")
    return card


def _check_tf32(card: Card) -> None:
    if card.capability < TF32_SINCE:
        has, wanted = (".".join(map(str, pair)) for pair in (card.capability, TF32_SINCE))
        raise ProviderError(
            f"{card.name} has no TF32: its compute capability is {has}, and TF32 begins with "
            f"{wanted}; use --precision fp32 or fp16"
        )


def name_device(execution: Execution) -> Execution:
    """The execution with the card's name and the versions of the libraries that compute on it.

    Without opening CUDA where the driver answers. ProviderError where one of them is not known.
    """
    if not execution.provider.accelerator:
        return execution
    card, cudnn = _find_card(execution.device_id), cudnn_version()
    if cudnn is None:
        raise ProviderError(f"cuDNN can't be loaded; {execution.provider.remedy}")
    libraries = [("cudnn", cudnn)]
    if execution.provider.name == "tensorrt":
        libraries.append(("tensorrt", _tensorrt_version(execution.provider)))
    return replace(execution, card=card.name, libraries=tuple(libraries))


def describe_device(provider: Provider, device_id: int = 0) -> str:
    """What a provider runs on, in words."""
    if not provider.accelerator:
        return f"{_name_processor()}, {os.cpu_count()} cores"
    card, driver = find_card(device_id), read_driver()
    words = [card.name if card else "NVIDIA GPU"]
    if card is not None and card.memory_bytes:
        words.append(f"{card.memory_bytes / 2**30:.0f} GiB")
    if driver is not None:
        words.append(f"driver {driver.version}")
    return ", ".join(words)


def _name_processor() -> str:
    """The processor's name as Linux and others have it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, "") or platform.processor() or platform.machine()


def card_bytes(device_id: int) -> int:
    """The memory of a card; 0 where the driver does not say."""
    card = find_card(device_id)
    return 0 if card is None else card.memory_bytes


def expect_execution(
    name: str, precision: Precision = "fp32", device_id: int = 0
) -> Execution | None:
    """What `choose_execution` gives unless the provider turns out to be broken: nothing is run.

    For stored evaluations that may be kept: what is kept needs no provider. None where it is not
    known without opening CUDA, or where nothing can come of it.
    """
    provider = provider_named(name) if name != "auto" else _first_seen()
    if precision not in provider.precisions:
        return None
    if provider.accelerator and not has_nvidia_device():
        return None
    try:
        return name_device(Execution(provider, precision, device_id))
    except ProviderError:
        return None


def _first_seen() -> Provider:
    """The provider that `auto` tries first, of those that this build has and this machine shows."""
    built = ort.get_available_providers()
    return next(
        provider
        for provider in PROVIDERS
        if provider.automatic
        and provider.ort_name in built
        and (not provider.accelerator or has_nvidia_device())
    )


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
        status = try_provider(provider, device_id, precision)
        if not status.works:
            raise ProviderError(f"provider {name} does not work here: {status.detail}")
        return name_device(execution), None
    warning = None
    for provider in PROVIDERS:
        if not provider.automatic:
            continue
        tried = precision if precision in provider.precisions else None
        status = try_provider(provider, device_id, tried)
        if status.works:
            execution = Execution(provider, precision, device_id)
            try:
                execution.check()
            except UsageError as error:
                raise UsageError(f"{error}{'; ' + warning if warning else ''}") from None
            return name_device(execution), warning
        if provider.accelerator and has_nvidia_device():
            warning = f"an NVIDIA device is here, and provider {provider.name} does not work: " + (
                status.detail
            )
    raise ProviderError(f"no provider works here: {status.detail}")


def describe_runtime() -> dict[str, Any]:
    """The runtime's version and build, for an evaluation's provenance."""
    return {"onnxruntime": ort.__version__, "providers_in_build": ort.get_available_providers()}
