"""Where and how a model is run: provider, precision and card, and what ONNX Runtime is told."""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import UsageError

Precision = Literal["fp32", "tf32", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def read_precision(name: str) -> Precision:
    """The precision called `name`; UsageError lists those there are."""
    for precision in PRECISIONS:
        if precision == name:
            return precision
    raise UsageError(f"no precision is called {name!r}; one of {', '.join(PRECISIONS)}")


class Provider(Struct, frozen=True):
    """An execution provider: our word for it, ONNX Runtime's, what it can and how to get it."""

    name: str
    ort_name: str
    remedy: str
    device: Literal["cpu", "cuda"] = "cpu"
    """Where its inputs and outputs lie."""
    accelerator: bool = False
    """Whether it has an order of work and a memory of its own, beside the CPU's cores."""
    precisions: tuple[Precision, ...] = ("fp32",)
    library: str | None = None
    """Its file in ONNX Runtime's package."""
    helpers: tuple[str, ...] = ()
    """Providers that run the nodes that this one does not take."""
    automatic: bool = True
    """Whether `auto` may choose it."""
    verified: bool = True
    """Whether it has ever been run with covidreport."""


class Execution(Struct, frozen=True):
    """A provider, the precision that it computes in, and the card that it runs on.

    fp32 is fp32: TF32, which CUDA switches on by itself, is off unless it is asked for. fp16 is a
    converted graph whose inputs and outputs stay as they are. card: its name; libraries: the
    versions of those that compute there, by name: both decide scores, unlike the card's number.
    """

    provider: Provider
    precision: Precision = "fp32"
    device_id: int = 0
    card: str | None = None
    libraries: tuple[tuple[str, str], ...] = ()
    devices: tuple[int, ...] = ()
    """The cards that runs are shared out over, all of that name; none where `device_id` is all."""

    def on(self, device_id: int) -> Execution:
        """The same on one of its cards."""
        return replace(self, device_id=device_id, devices=())

    def check(self) -> None:
        """UsageError where the provider does not compute in this precision."""
        if self.precision not in self.provider.precisions:
            raise UsageError(
                f"provider {self.provider.name} computes in {', '.join(self.provider.precisions)}, "
                f"not in {self.precision}"
            )

    @property
    def options(self) -> dict[str, str]:
        """What decides the scores, of all that the provider is told; recorded with them."""
        if self.provider.name == "cuda":
            # use_tf32=0 takes every engine with tensor cores away, for fp16 too. A bias is fused in
            # NHWC alone (in NCHW it costs an input of zeros), and never in fp32: where no engine
            # without tensor cores fuses it, ONNX Runtime takes one with them and says nothing.
            # HEURISTIC is cuDNN's mode A; with cuDNN 9 EXHAUSTIVE is its mode B and tunes nothing.
            lower = "0" if self.precision == "fp32" else "1"
            return {
                "use_tf32": lower,
                "prefer_nhwc": lower,
                "fuse_conv_bias": lower,
                "cudnn_conv_algo_search": "HEURISTIC",
            }
        if self.provider.name == "tensorrt":  # which computes in TF32 unless told otherwise
            return {"trt_fp16_enable": str(self.precision == "fp16")}
        return {}

    @property
    def variant(self) -> str | None:
        """What an evaluation's folder is called after, where it is not the usual one."""
        parts = [] if self.provider.automatic else [self.provider.name]
        if self.precision != "fp32":
            parts.append(self.precision)
        return "-".join(parts) or None

    @property
    def converts(self) -> bool:
        """Whether the graph itself is converted to fp16 (TensorRT does so by itself)."""
        return self.precision == "fp16" and self.provider.name == "cuda"

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it."""
        facts: dict[str, Any] = {
            "ran": self.provider.name,
            "options": self.options,
            "precision": self.precision,
        }
        if self.card is not None:
            facts |= {"card": self.card, "libraries": dict(self.libraries)}
        return facts

    def requests(self, extra: dict[str, str] | None = None) -> list[Any]:
        """What `InferenceSession(providers=…)` takes; `extra`: options that change no score."""
        if not self.provider.accelerator:
            return [self.provider.ort_name]
        options = {"device_id": str(self.device_id), **self.options, **(extra or {})}
        requests: list[Any] = [(self.provider.ort_name, options)]
        for helper in self.provider.helpers:
            if helper == "CUDAExecutionProvider":  # runs what TensorRT leaves, as precisely
                cuda = {
                    "device_id": str(self.device_id),
                    "use_tf32": "1",
                    "cudnn_conv_algo_search": "HEURISTIC",
                }
                requests.append((helper, cuda))
            else:
                requests.append(helper)
        return requests
