"""One model, opened by ONNX Runtime on the provider that was asked for, fed with uint8 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.inference.contract import Graph, Tensor, read_contract
from covidreport.inference.providers import (
    ORT_ERRORS,
    Provider,
    check_provider,
    first_line,
    provider_named,
)
from covidreport.records import InputSpec
from covidreport.store import digest_file


class Session:
    """A model ready to score. Safe to call from several threads at once.

    spec: the contract; digest: sha256 of the file's bytes; provider: the one that really runs.
    """

    def __init__(
        self, inner: ort.InferenceSession, spec: InputSpec, digest: str, provider: Provider
    ) -> None:
        self._inner = inner
        self.spec = spec
        self.digest = digest
        self.provider = provider

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Scores float32 `(N, K)` of a batch as `prepare_batch` gives it (`(N, C, H, W)` or NHWC).

        A model of a fixed batch is fed in padded pieces. Softmax is applied where the contract
        says that the outputs are its logits. RunError where the model fails or answers in
        another shape than it stated.
        """
        size = self.spec.batch
        if size is None or size == len(batch):
            return self._run_once(batch)
        pieces = []
        for start in range(0, len(batch), size):
            piece = batch[start : start + size]
            missing = size - len(piece)
            if missing:
                piece = np.concatenate([piece, np.repeat(piece[-1:], missing, axis=0)])
            pieces.append(self._run_once(piece)[: size - missing])
        return np.concatenate(pieces)

    def _run_once(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        try:
            (output,) = self._inner.run([self.spec.output_name], {self.spec.input_name: batch})
        except ORT_ERRORS as error:
            raise RunError(f"the model fails on a batch: {first_line(error)}") from error
        wanted = (len(batch), len(self.spec.labels))
        if not isinstance(output, np.ndarray) or output.shape != wanted:
            shape = getattr(output, "shape", type(output).__name__)
            raise RunError(
                f"output {self.spec.output_name!r} has shape {shape} for {len(batch)} images, "
                f"expected {wanted}: one column for each of {', '.join(self.spec.labels)}"
            )
        scores = output.astype(np.float32, copy=False)
        return softmax(scores) if self.spec.activation == "softmax-logit" else scores


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


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the last axis, in float64, given back as float32; same shape."""
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    result: NDArray[np.float32] = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    return result


def prepare_batch(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[Any]:
    """Turn uint8 pixels `(N, H, W, C)` into what the model's input takes.

    Layout and dtype as in `spec`; where the input is a float, divided by `divisor`, less `mean`,
    over `std`, in float32.
    """
    batch: NDArray[Any] = pixels
    if spec.dtype != "uint8":
        batch = pixels.astype(np.float32) / np.float32(spec.divisor)
        if spec.mean is not None:
            batch -= np.asarray(spec.mean, np.float32)
        if spec.std is not None:
            batch /= np.asarray(spec.std, np.float32)
        batch = batch.astype(spec.dtype, copy=False)
    if spec.layout == "NCHW":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch)


def describe_graph(inner: ort.InferenceSession) -> Graph:
    """Inputs, outputs and metadata of an opened model; named or unknown dimensions are None."""

    def tensors(nodes: Any) -> tuple[Tensor, ...]:
        return tuple(
            Tensor(
                node.name,
                tuple(side if isinstance(side, int) and side > 0 else None for side in node.shape),
                node.type,
            )
            for node in nodes
        )

    return Graph(
        inputs=tensors(inner.get_inputs()),
        outputs=tensors(inner.get_outputs()),
        metadata=dict(inner.get_modelmeta().custom_metadata_map),
    )


def open_session(
    path: Path,
    provider: str = "cpu",
    threads: int = 1,
    described: Mapping[str, Any] | None = None,
) -> Session:
    """Open a model on a provider, with `threads` threads of its own on the CPU.

    One thread is the default: sessions that share the cores with others are run side by side by
    the caller's pool, and answers do not depend on how work was cut. Raises RunError where the
    file is no model or states no usable contract, ProviderError where the provider does not run.
    """
    wanted = provider_named(provider)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    # several sessions take turns: a thread that spins while it waits takes the core from the next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        inner = ort.InferenceSession(path, options, providers=[wanted.request(), *wanted.helpers])
    except ORT_ERRORS as error:
        raise RunError(f"{path.name} can't be loaded: {first_line(error)}") from error
    check_provider(inner.get_providers(), wanted)
    spec = read_contract(describe_graph(inner), described)
    return Session(inner, spec, digest_file(path), wanted)
