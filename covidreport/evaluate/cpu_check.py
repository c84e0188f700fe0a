"""What an accelerator answers beside what the CPU answers in fp32, on a sample of the images.

A faster provider or a lower precision may move a score over the threshold. How far the answers lie
apart, and how many decisions differ, is measured for every evaluation that was not made on the CPU.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, to_builtins
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.errors import RunError
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.disturbances import Disturbances
from covidreport.evaluate.occlusion import Altered, occlude_pixels
from covidreport.evaluate.scored import OpenedRun, ScoredRun
from covidreport.inference.batch import prepare_batch
from covidreport.inference.execution import Precision
from covidreport.inference.limits import Limits, find_largest_difference, find_limits
from covidreport.inference.providers import CPU
from covidreport.inference.session import OutOfMemoryError, Session, open_session
from covidreport.metrics import predict_labels
from covidreport.records import Activation, Dataset, DecisionRule, Failure, Finding, PixelSpec, Run
from covidreport.storage.model import measure_model

SAMPLE = 64
LARGE_BYTES = 200 * 10**6
SAMPLE_OF_LARGE = 16
"""Of a model whose files are larger, fewer images: 64 of VGG16 take a core ten seconds."""
TOGETHER = 8
"""So many images are in one call on the CPU, whatever the size of the device's batch."""
FLIPS = 0.01
"""The proportion of decisions that may differ."""
REMEDY = (
    "Evaluate with --precision fp32, and where that differs too with --provider cpu; deploy in the "
    "precision that was evaluated."
)


class CpuCheck(Struct, frozen=True):
    """One run's comparison: probabilities and decisions of `images` images for each label."""

    images: int
    decisions: int
    largest_difference: float
    flipped: int
    limit: float

    @property
    def within(self) -> bool:
        """Whether the accelerator answers as the CPU does, as far as its precision allows."""
        allowed = FLIPS * self.decisions
        return self.largest_difference <= self.limit and self.flipped <= allowed

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it."""
        facts: dict[str, Any] = to_builtins(self)
        return facts


def pick_sample(dataset: Dataset, n: int = SAMPLE) -> NDArray[np.int64]:
    """Indices of at most `n` images: half of them of the rarest label, the rest spread evenly.

    The same data give the same indices.
    """
    every = np.arange(len(dataset))
    positives = (dataset.truth == 1).sum(axis=0)
    rare = np.flatnonzero(positives)
    chosen = every[:0]
    if len(rare):
        label = rare[np.argmin(positives[rare])]
        chosen = spread(np.flatnonzero(dataset.truth[:, label] == 1), n // 2)
    rest = np.setdiff1d(every, chosen)
    picked: NDArray[np.int64] = np.union1d(chosen, spread(rest, n - len(chosen)))
    return picked


def spread(indices: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """At most `n` of these, evenly spread."""
    if len(indices) <= n:
        return indices
    return indices[np.linspace(0, len(indices) - 1, n).astype(np.int64)]


def compare_answers(
    device: NDArray[np.floating],
    cpu: NDArray[np.floating],
    rule: DecisionRule,
    activation: Activation,
    limits: Limits,
    labels: int | None = None,
) -> CpuCheck:
    """Compare scores `(n, K)` of the same images; rows with NaN are excluded.

    labels: how many of the columns are labels, where one stands behind them (`OpenedRun.take`).
    RunError where they are so far apart that no rounding explains it.
    """
    known = np.isfinite(device).all(axis=1) & np.isfinite(cpu).all(axis=1)
    device, cpu = device[known], cpu[known]
    none = np.zeros(len(device), np.bool_)
    k = device.shape[1] if labels is None else labels
    called = [
        predict_labels(
            scores[:, :k], rule, activation, none, scores[:, k] if scores.shape[1] > k else None
        )
        for scores in (device, cpu)
    ]
    difference = find_largest_difference(device, cpu, activation)
    if difference > limits.failure:
        raise RunError(
            f"answers otherwise on this device than on the CPU: on {len(device)} images "
            f"probabilities differ by up to {difference:.3g}, and beyond {limits.failure:g} that "
            "is no rounding",
            REMEDY,
        )
    return CpuCheck(
        images=len(device),
        decisions=int(called[0].size),
        largest_difference=difference,
        flipped=int((called[0] != called[1]).sum()),
        limit=limits.rounding,
    )


class CpuReference:
    """The answers of the CPU to a sample of the images, and the pixels, decoded once for each kind.

    `score` may be called from several threads, while the device scores; `check` compares in the
    end.
    """

    def __init__(
        self, dataset: Dataset, altered: Altered | None = None,
        digests: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.dataset = dataset
        self._altered = altered
        self._digests = digests
        self._pixels: dict[tuple[PixelSpec, int], NDArray[np.uint8]] = {}
        self._decoding = threading.Lock()
        self._answers: dict[Path, NDArray[np.floating] | Failure] = {}
        self._sessions: dict[Path, Session] = {}
        self._stopped = False

    def score(self, opened: OpenedRun) -> None:
        """Score the run's sample on the CPU in fp32, and keep what it gives."""
        try:
            score = partial(self._score, opened)
            answer = attempt(opened.run.name, "infer", score, through=(OutOfMemoryError,))
        except OutOfMemoryError:
            return  # `check` asks again, when it is alone
        self._answers[opened.run.folder] = answer

    def stop(self) -> None:
        """End what is under way; whatever is asked after it fails."""
        self._stopped = True
        for session in list(self._sessions.values()):
            session.stop()

    def check(self, scored: ScoredRun, rule: DecisionRule) -> CpuCheck:
        """Compare a run's scores with what the CPU gives to the sample.

        RunError where the CPU can't run it, or gives other answers.
        """
        opened = scored.opened
        answer = self._answers.get(opened.run.folder)
        if answer is None:  # beside others it did not fit into memory; alone it may
            answer = attempt(opened.run.name, "infer", partial(self._score, opened))
        if isinstance(answer, Failure):
            raise RunError(f"can't be compared with the CPU: {answer.reason}", answer.remedy)
        session = opened.session
        activation: Activation = (
            "softmax" if session.spec.activation == "softmax-logit" else session.spec.activation
        )
        limits = find_limits(session.execution.precision, half=session.signs.half)
        device = scored.kept.read()[self.indices(opened.run)]
        return compare_answers(device, answer, rule, activation, limits, len(opened.columns))

    def indices(self, run: Run) -> NDArray[np.int64]:
        """Of the images that a run is compared on: how many, its files' size says."""
        large = run.model is not None and measure_model(run.model) > LARGE_BYTES
        return pick_sample(self.dataset, SAMPLE_OF_LARGE if large else SAMPLE)

    def _score(self, opened: OpenedRun) -> NDArray[np.floating]:
        run, spec = opened.run, opened.session.spec
        if run.model is None:
            raise RunError(f"run {run.name} has no model file to run on the CPU")
        pixels = self._decode(spec.pixels, self.indices(run))
        session = open_session(
            run.model, CPU, described=run.described, limits=opened.session.limits
        )
        self._sessions[run.folder] = session
        try:
            if self._stopped:
                session.stop()
            answer = session.run_alone if opened.alone else session.run
            pieces = [
                answer(prepare_batch(pixels[start : start + TOGETHER], spec))
                for start in range(0, len(pixels), TOGETHER)
            ]
        finally:
            del self._sessions[run.folder]
        return opened.take(np.concatenate(pieces))

    def _decode(self, spec: PixelSpec, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pixels uint8 `(n, H, W, C)` of some images; black where an image failed."""
        kind = spec, len(indices)
        with self._decoding:
            if kind not in self._pixels:
                paths = [self.dataset.root / self.dataset.paths[i] for i in indices]
                digests = [self._digests[i] for i in indices] if self._digests else None
                altered = self._altered
                if isinstance(altered, Disturbances):
                    altered = altered.take(indices.tolist())
                changes = altered if isinstance(altered, Disturbances) else None
                chunk = decode_chunk(paths, 0, [spec], digests=digests, changes=changes)
                self._pixels[kind] = occlude_pixels(chunk.pixels[spec], altered)
            return self._pixels[kind]


def findings_of(run: str, check: CpuCheck, precision: Precision) -> tuple[Finding, ...]:
    """A finding where the accelerator answers otherwise than the CPU, beyond what is expected."""
    if check.within:
        return ()
    return (
        Finding(
            "warning",
            "differs-from-cpu",
            f"{run} answers otherwise on this device than on the CPU",
            f"on {check.images} images probabilities differ by up to "
            f"{check.largest_difference:.3g} ({check.limit:g} is expected of {precision}) and "
            f"{check.flipped} of {check.decisions} decisions are different",
            REMEDY,
            (run,),
        ),
    )
