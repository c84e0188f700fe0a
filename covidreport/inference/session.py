"""One model, opened by ONNX Runtime on the provider that was asked for, fed with uint8 pixels."""

from __future__ import annotations

import copy
import gc
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import ProviderError, RunError
from covidreport.inference.batch import prepare_batch
from covidreport.inference.contract import read_contract
from covidreport.inference.engines import keep_engines
from covidreport.inference.execution import Execution
from covidreport.inference.graph import describe_graph
from covidreport.inference.half import half_model
from covidreport.inference.memory import allowed_bytes
from covidreport.inference.output import cut_probabilities, keep_type, softmax, take_scores
from covidreport.inference.placement import Placement, read_placement
from covidreport.inference.providers import (
    CPU,
    ORT_ERRORS,
    card_bytes,
    check_provider,
    first_line,
    load_libraries,
)
from covidreport.inference.runtime import ort
from covidreport.inference.signs import NO_SIGNS, Signs, read_signs
from covidreport.inference.watch import run_watched
from covidreport.records import SOFTMAX, InputSpec, ModelLimits
from covidreport.storage.model import ModelIdentity, identify_model
from covidreport.text.sizes import size

MEMORY_MARKS = (
    "out of memory", "failed to allocate", "cuda failure 2:", "bad_alloc", "bfcarena",
    "alloc_failed", "allocation_failed", "available memory of",
)  # fmt: skip
"""What ONNX Runtime says, in small letters, where memory is what is short."""
NO_LIMITS = ModelLimits()
"""What holds where nobody said anything."""

_T = TypeVar("_T")


class OutOfMemoryError(RunError):
    """A model did not fit into the memory that it may take, with its weights or on a batch."""


class TimeLimitError(RunError):
    """A model took longer than it may."""


class Session:
    """A model ready to score. Safe to call from several threads at once.

    spec: the contract; identity: of the model's files; execution: what really runs; placement:
    which provider took which nodes. signs: what the file shows of its graph. static_batch: the
    number of images that every call is padded to, None where the model takes any and the device
    does not care; half of it where memory was short. shares_memory: whether others are loaded
    beside it. options: those of every call, by which they can be ended.
    """

    def __init__(
        self,
        inner: ort.InferenceSession,
        spec: InputSpec,
        identity: ModelIdentity,
        execution: Execution = CPU,
        *,
        placement: Placement | None = None,
        static_batch: int | None = None,
        signs: Signs = NO_SIGNS,
        limits: ModelLimits = NO_LIMITS,
    ) -> None:
        self.inner = inner
        self.limits = limits
        self.spec = spec
        self.identity = identity
        self.execution = execution
        self.placement = placement
        self.static_batch = spec.batch or static_batch
        self.shares_memory = False
        self.memory_bytes: int | None = None
        self.signs = signs
        self.options = ort.RunOptions()

    @property
    def score_type(self) -> np.dtype[Any]:
        """The type in which its scores are kept: float64 where the graph gives doubles."""
        name = self.spec.output_name
        kinds = [node.type for node in self.inner.get_outputs() if node.name == name]
        return np.dtype(np.float64 if kinds == ["tensor(double)"] else np.float32)

    def fed_as(self, described: Mapping[str, Any] | None) -> Session:
        """The same loaded model, fed as another `input` of a run.json says.

        RunError where the model's file contradicts it.
        """
        other = copy.copy(self)
        other.spec = read_contract(describe_graph(self.inner), described)
        other.options = ort.RunOptions()  # it is ended by itself
        return other

    def stop(self) -> None:
        """End every call that is under way, and all that follow: the session is of no more use."""
        self.options.terminate = True

    def run(self, batch: NDArray[Any]) -> NDArray[np.floating]:
        """Scores `(N, K)` of a batch as `prepare_batch` gives it (`(N, C, H, W)` or NHWC).

        A model of a fixed batch is fed in padded pieces. Softmax is applied where the contract
        says that the outputs are its logits. RunError where the model fails or answers in
        another shape than it stated, OutOfMemoryError where that is why and `halve` can't help.
        """
        if self.static_batch is None:
            return self._run_once(batch)
        pieces: list[NDArray[np.floating]] = []
        start = 0
        while start < len(batch):
            size = self.static_batch
            piece = batch[start : start + size]
            known = len(piece)
            if known < size:
                piece = np.concatenate([piece, np.repeat(piece[-1:], size - known, axis=0)])
            try:
                pieces.append(self._run_once(piece)[:known])
            except OutOfMemoryError as error:
                if not self.halve(error):
                    raise
            else:
                start += known
        return np.concatenate(pieces)

    def halve(self, error: OutOfMemoryError) -> bool:
        """Feed an accelerator half as many images at a time from now on, since a call did not fit.

        False where others share the memory, without whom the call may fit, and on the CPU. Raises
        RunError where it can't be fewer.
        """
        size = self.static_batch
        if size is None or self.shares_memory or not self.execution.provider.accelerator:
            return False
        if self.spec.batch is not None:
            raise RunError(
                f"its fixed batch of {self.spec.batch} images does not fit into the device's "
                f"memory: {error}"
            ) from error
        if size == 1:
            raise RunError(f"one image does not fit into the device's memory: {error}") from error
        self.static_batch = size // 2
        return True

    def run_alone(self, batch: NDArray[Any]) -> NDArray[np.floating]:
        """Scores as `run` gives them, of each image by itself: no other image is in its call.

        Where a call takes a fixed number of images, all of them are copies of the one.
        """
        compiled = self.execution.provider.name == "tensorrt"  # for one size alone
        size = (self.static_batch if compiled else self.spec.batch) or 1
        pieces = [self._run_once(np.repeat(image, size, axis=0))[:1] for image in batch[:, None]]
        return np.concatenate(pieces)

    def _run_once(self, batch: NDArray[Any]) -> NDArray[np.floating]:
        feed = {self.spec.input_name: batch}
        (output,) = self.call(
            partial(self.inner.run, [self.spec.output_name], feed, self.options), len(batch)
        )
        return self.read_output(output, len(batch))

    def call(self, work: Callable[[], _T], n: int) -> _T:
        """What the runtime gives for `n` images, under the limits; RunError where it fails.

        OutOfMemoryError and TimeLimitError where that is why: a call that takes too long ends the
        session.
        """
        seconds = self.limits.batch_timeout_s
        try:
            return run_watched(work, self.stop, seconds)
        except TimeoutError as error:
            raise TimeLimitError(
                f"takes longer than {seconds:g} s for {n} {'image' if n == 1 else 'images'} "
                "(batch_timeout_s)",
                "Where the model is only slow, use a smaller --batch-size or a larger "
                "--batch-timeout-s; a loop in its graph may have no end.",
            ) from error
        except ORT_ERRORS as error:
            raise describe_failure(error, self.limits, execution=self.execution) from error

    def read_output(self, output: Any, n: int) -> NDArray[np.floating]:
        """Scores `(N, K)` of what the graph gave; RunError where it is no such thing.

        Of a softmax with outputs that have no name there is one column more, the highest of those:
        they are classes too, which may be the answer.
        """
        scores = take_scores(output, n, self.spec)
        half = scores.dtype == np.float16 or self.signs.half or self.execution.precision == "fp16"
        if self.spec.activation == "softmax-logit":
            scores = softmax(scores)
        else:
            scores = cut_probabilities(keep_type(scores), self.spec.activation, half=half)
        if not self.spec.outputs:
            return scores
        named = scores[:, list(self.spec.columns)]
        if self.spec.activation not in SOFTMAX:
            return named
        return np.column_stack([named, np.delete(scores, self.spec.columns, axis=1).max(axis=1)])


def describe_failure(
    error: Exception, limits: ModelLimits = NO_LIMITS, what: str = "the model fails on a batch",
    execution: Execution = CPU,
) -> RunError:  # fmt: skip
    """What ONNX Runtime's exception means for the run; OutOfMemoryError where memory is short."""
    text = str(error).lower()
    if MEMORY_MARKS[-1] in text:
        most = arena_bytes(execution, limits) / 2**30
        return OutOfMemoryError(
            f"needs more memory than the {most:.3g} GiB that models may "
            f"take together (memory_limit): {_describe_request(text)}",
            "Use a smaller --batch-size, or a larger --memory-limit where the machine has it.",
        )
    said = f"{what}: {first_line(error)}"
    short = isinstance(error, MemoryError) or any(mark in text for mark in MEMORY_MARKS)
    return OutOfMemoryError(said) if short else RunError(said)


def _describe_request(text: str) -> str:
    """What an arena said when it refused: how much was asked for."""
    found = re.search(r"requested bytes of (\d+)", text)
    amount = "more" if found is None else f"{size(int(found.group(1)))} more"
    return f"{amount} was asked for"


def measure_variation(session: Session) -> float:
    """The largest difference between two answers to the very same image; 0 as it should be.

    The image is noise from a fixed seed: what is asked is whether the graph draws at random (such
    as dropout that was left on), which any image shows.
    """
    spec = session.spec.pixels
    shape = (1, spec.height, spec.width, spec.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    batch = prepare_batch(noise, session.spec)
    first, second = session.run(batch), session.run(batch)
    if np.array_equal(first, second, equal_nan=True):
        return 0.0
    return float(np.nanmax(np.abs(first - second), initial=0.0))


def open_session(
    path: Path,
    execution: Execution = CPU,
    threads: int = 1,
    described: Mapping[str, Any] | None = None,
    *,
    static_batch: int | None = None,
    engines: Path | None = None,
    identity: ModelIdentity | None = None,
    limits: ModelLimits = NO_LIMITS,
) -> Session:
    """Open a model, with `threads` threads of its own on the CPU.

    One thread is the default: sessions that share the cores with others are run side by side by
    the caller's pool, and answers do not depend on how work was cut. On an accelerator every call
    has `static_batch` images; `engines` is where TensorRT keeps what it compiled. identity: of the
    file, where it is known already. limits: what it may take, for its opening and for its calls.
    Raises RunError where the file is no model or states no usable contract, ProviderError where the
    provider does not run.
    """
    # Libraries first: what the runtime says of a provider is not which library it lacks.
    said = load_libraries(execution.provider)
    try:
        share_memory(execution, limits)
    except ORT_ERRORS as error:
        reasons = (first_line(error), said, execution.provider.remedy)
        raise ProviderError(
            f"provider {execution.provider.name} does not work: {'; '.join(filter(None, reasons))}"
        ) from error
    if identity is None:
        identity = identify_model(path)
    model: Path | bytes = half_model(path, identity.sha256, limits) if execution.converts else path
    # TensorRT compiles for minutes; what it made is kept by the model's bytes, as `engines` says.
    extra: dict[str, str] = {}
    if execution.provider.name == "tensorrt" and engines is not None:
        extra = keep_engines(engines)
    try:
        inner = _create(model, execution, threads, extra, limits)
    except TimeoutError as error:
        raise TimeLimitError(
            f"{path.name} takes longer than {limits.batch_timeout_s:g} s to be loaded "
            "(batch_timeout_s)",
            "Where it is only large, use a larger --batch-timeout-s.",
        ) from error
    except ORT_ERRORS as error:
        raise describe_failure(error, limits, f"{path.name} can't be loaded", execution) from error
    # ONNX Runtime falls back to the CPU without a word: a GPU that was asked for is an error.
    check_provider(inner.get_providers(), execution.provider)
    try:
        graph = describe_graph(inner)
    except ORT_ERRORS as error:
        raise RunError(
            f"{path.name} can't be described, its names or metadata are damaged: "
            f"{first_line(error)}",
            "Export the model again, or fetch the file again.",
        ) from error
    spec = read_contract(graph, described)
    return Session(
        inner,
        spec,
        identity,
        execution,
        placement=read_placement(inner) if execution.provider.accelerator else None,
        static_batch=static_batch if execution.provider.accelerator else None,
        signs=read_signs(path, spec.output_name),
        limits=limits,
    )


_ARENAS: Mapping[str, tuple[str, str, Mapping[str, int]]] = {
    "cpu": ("Cpu", "CPUExecutionProvider", {}),
    # 1 is kSameAsRequested: no region is twice as large as what is needed of it
    "cuda": ("Cuda", "CUDAExecutionProvider", {"arena_extend_strategy": 1}),
}
"""Of each kind of memory ONNX Runtime's name, the provider that makes its arena, and how."""
_shared: dict[tuple[str, int], float] = {}
"""How large the arena of a memory may be (`ModelLimits.memory`), of each that has one."""


def arena_bytes(execution: Execution, limits: ModelLimits) -> int:
    """What all models together may take of the memory that an execution runs in; 0: no limit."""
    if execution.provider.device == "cpu":
        return allowed_bytes(limits)
    return allowed_bytes(limits, card_bytes(execution.device_id))


def share_memory(execution: Execution = CPU, limits: ModelLimits = NO_LIMITS) -> None:
    """Let all sessions on the CPU, or on one card, take their memory from one arena with a limit.

    An arena of its own keeps what a session's largest batch took, although few sessions run at the
    same moment: eight ResNet18 take a third of the memory this way, at the same speed. Sessions
    that are open stay with the arena that they have.
    """
    device, number = key = _memory_of(execution)
    if _shared.get(key) == limits.memory:
        return
    name, provider, how = _ARENAS[device]
    info = ort.OrtMemoryInfo(
        name, ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, number, ort.OrtMemType.DEFAULT
    )
    arena = ort.OrtArenaCfg({"max_mem": arena_bytes(execution, limits), **how})
    ort.create_and_register_allocator_v2(provider, info, {}, arena)
    _shared[key] = limits.memory


def _memory_of(execution: Execution) -> tuple[str, int]:
    device = execution.provider.device
    return device, 0 if device == "cpu" else execution.device_id


def renew_memory(execution: Execution = CPU, limits: ModelLimits = NO_LIMITS) -> None:
    """Let the sessions that are opened from now on share another arena, in which nothing is.

    What one arena took for others it keeps in pieces: they may be too small for a model that would
    fit by itself. The former arena gives all back with the last of its sessions.
    """
    gc.collect()  # an error in a cycle with its own frames keeps the session that raised it
    _shared.pop(_memory_of(execution), None)
    share_memory(execution, limits)


def _create(
    model: Path | bytes, execution: Execution, threads: int, extra: dict[str, str],
    limits: ModelLimits,
) -> ort.InferenceSession:  # fmt: skip
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    # several sessions take turns: a thread that spins while it waits takes the core from the next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    if execution.provider.accelerator:
        options.enable_mem_pattern = False  # it would take all of a batch's memory once more
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    # without the fallback: it would go on with other providers, and print what it does
    create = partial(
        ort.InferenceSession, model, options, providers=execution.requests(extra), enable_fallback=0
    )
    return run_watched(
        create, partial(options.set_load_cancellation_flag, True), limits.batch_timeout_s
    )
