"""Execution providers: which there are, which work here, and what is missing where one doesn't.

ONNX Runtime goes on with the CPU and only a warning where a GPU was asked for and can't be had;
here the provider that really runs is compared with the one asked for, and a difference is an error.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort

from covidreport.errors import ProviderError, UsageError

# y = Relu(x) for a float vector as an ONNX file: the smallest question to a provider
TRIAL_MODEL = base64.b64decode(
    "CAg6NQoMCgF4EgF5IgRSZWx1EgF0WhAKAXgSCwoJCAESBQoDEgFuYhAKAXkSCwoJCAESBQoDEgFuQgQKABAR"
)

ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    item
    for item in vars(ort.capi.onnxruntime_pybind11_state).values()
    if isinstance(item, type) and issubclass(item, Exception)
)
"""What ONNX Runtime raises; its exceptions share no base class of their own."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, which is what a person needs of ONNX Runtime's."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider: our word for it, ONNX Runtime's, and how to get it."""

    name: str
    ort_name: str
    remedy: str
    options: Mapping[str, str] = field(default_factory=dict)
    helpers: tuple[str, ...] = ()
    """Providers that run the nodes that this one does not take."""

    def request(self) -> str | tuple[str, dict[str, str]]:
        """What `InferenceSession(providers=[…])` takes."""
        return (self.ort_name, dict(self.options)) if self.options else self.ort_name


PROVIDERS = (
    Provider(
        "cuda",
        "CUDAExecutionProvider",
        "install the GPU build and its CUDA libraries with `pip install 'covidreport[gpu]'` (not "
        "beside the package `onnxruntime`), and an NVIDIA driver for CUDA 13",
        # fp32 means fp32: TF32 is on by default, and exhaustive search makes answers vary
        options={"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
        helpers=("CPUExecutionProvider",),
    ),
    Provider("cpu", "CPUExecutionProvider", "reinstall it with `pip install covidreport`"),
)
"""In the order in which `auto` tries them."""


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """What a trial of one provider showed."""

    provider: Provider
    works: bool
    detail: str
    state: Literal["works", "absent", "no device", "broken"]


def provider_named(name: str) -> Provider:
    """The provider called `name`; UsageError lists those there are."""
    for provider in PROVIDERS:
        if provider.name == name:
            return provider
    names = ", ".join(["auto", *(provider.name for provider in PROVIDERS)])
    raise UsageError(f"no provider is called {name!r}; one of {names}")


def check_provider(running: Sequence[str], wanted: Provider) -> None:
    """ProviderError unless the provider that a session really runs on is the one asked for."""
    if not running or running[0] != wanted.ort_name:
        raise ProviderError(
            f"provider {wanted.name} was asked for and {', '.join(running) or 'none'} runs; "
            f"{wanted.remedy}"
        )


def has_nvidia_device() -> bool:
    """Whether this machine shows an NVIDIA device to this process (Linux and WSL)."""
    return Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()


def load_libraries() -> str:
    """Load the CUDA libraries that pip installed and give back what ONNX Runtime says of it."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        ort.preload_dlls()
    return " ".join(said.getvalue().split())


def try_provider(provider: Provider) -> ProviderStatus:
    """Run a model of one node on a provider and compare its answer with the one that is known."""
    if provider.ort_name not in ort.get_available_providers():
        detail = f"not in this build of ONNX Runtime ({ort.__version__}); {provider.remedy}"
        return ProviderStatus(provider, False, detail, "absent")
    if provider.name == "cuda" and not has_nvidia_device():
        detail = f"no NVIDIA device on this machine ({platform.system()})"
        return ProviderStatus(provider, False, detail, "no device")
    said = load_libraries() if provider.name == "cuda" else ""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    question = np.array([-1.0, 0.0, 2.5], np.float32)
    try:
        session = ort.InferenceSession(TRIAL_MODEL, options, providers=[provider.request()])
        check_provider(session.get_providers(), provider)
        (answer,) = session.run(None, {"x": question})
    except ProviderError as error:
        return ProviderStatus(provider, False, f"{error} {said}".strip(), "broken")
    except ORT_ERRORS as error:
        detail = f"{first_line(error)}; {provider.remedy}"
        return ProviderStatus(provider, False, detail, "broken")
    if not np.array_equal(answer, np.maximum(question, 0)):
        return ProviderStatus(provider, False, f"wrong answer {answer.tolist()}", "broken")
    return ProviderStatus(provider, True, describe_device(provider), "works")


def describe_device(provider: Provider) -> str:
    """What a provider runs on, in words."""
    if provider.name == "cpu":
        return f"{os.cpu_count()} cores, {platform.machine()}"
    return "NVIDIA GPU"


def choose_provider(name: str) -> tuple[Provider, str | None]:
    """The provider to run on, and a warning where `auto` had to pass over a GPU that is there.

    Raises ProviderError where the one that was asked for does not work, with the remedy.
    """
    if name != "auto":
        provider = provider_named(name)
        status = try_provider(provider)
        if not status.works:
            raise ProviderError(f"provider {name} does not work here: {status.detail}")
        return provider, None
    warning = None
    for provider in PROVIDERS:
        status = try_provider(provider)
        if status.works:
            return provider, warning
        if provider.name != "cpu" and has_nvidia_device():
            warning = f"an NVIDIA device is here, and provider {provider.name} does not work: " + (
                status.detail
            )
    raise ProviderError(f"no provider works here: {status.detail}")


def describe_runtime() -> dict[str, Any]:
    """The runtime's version and build, for an evaluation's provenance."""
    return {"onnxruntime": ort.__version__, "providers_in_build": ort.get_available_providers()}
