"""What an accelerator answers beside what the CPU answers in fp32, on a sample of the images.

A faster provider or a lower precision may move a score over the threshold. How far the answers lie
apart, and how many decisions differ, is measured for every evaluation that was not made on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.loop import OpenedRun, ScoredRun, count_jobs
from covidreport.evaluate.occlude import Occlusion, occlude_pixels
from covidreport.images.cache import PixelCache
from covidreport.inference.execution import Precision
from covidreport.inference.limits import Limits, find_largest_gap, find_limits
from covidreport.inference.providers import CPU
from covidreport.inference.session import open_session, prepare_batch
from covidreport.metrics import decide
from covidreport.records import Activation, Dataset, Finding, PixelSpec

SAMPLE = 64
FLIPS = 0.01
"""The share of decisions that may differ."""
REMEDY = (
    "Evaluate with --precision fp32, and where that differs too with --provider cpu; deploy in the "
    "precision that was evaluated."
)


@dataclass(frozen=True, slots=True)
class CpuCheck:
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
        return asdict(self)


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
        chosen = _spread(np.flatnonzero(dataset.truth[:, label] == 1), n // 2)
    rest = np.setdiff1d(every, chosen)
    picked: NDArray[np.int64] = np.union1d(chosen, _spread(rest, n - len(chosen)))
    return picked


def _spread(indices: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """At most `n` of these, evenly."""
    if len(indices) <= n:
        return indices
    return indices[np.linspace(0, len(indices) - 1, n).astype(np.int64)]


def compare_answers(
    device: NDArray[np.float32],
    cpu: NDArray[np.float32],
    thresholds: Sequence[float],
    activation: Activation,
    limits: Limits,
) -> CpuCheck:
    """Compare scores float32 `(n, K)` of the same images; rows with NaN are left out.

    RunError where they are so far apart that no rounding explains it.
    """
    known = np.isfinite(device).all(axis=1) & np.isfinite(cpu).all(axis=1)
    device, cpu = device[known], cpu[known]
    none = np.zeros(len(device), np.bool_)
    called = [decide(scores, thresholds, activation, none) for scores in (device, cpu)]
    gap = find_largest_gap(device, cpu, activation)
    if gap > limits.failure:
        raise RunError(
            f"answers otherwise on this device than on the CPU: on {len(device)} images "
            f"probabilities differ by up to {gap:.3g}, and beyond {limits.failure:g} that is no "
            "rounding",
            REMEDY,
        )
    return CpuCheck(
        images=len(device),
        decisions=int(device.size),
        largest_difference=gap,
        flipped=int((called[0] != called[1]).sum()),
        limit=limits.rounding,
    )


class CpuReference:
    """The sample's pixels, decoded once for each PixelSpec, and the answers of the CPU to them."""

    def __init__(
        self,
        dataset: Dataset,
        caches: Mapping[PixelSpec, PixelCache] | None = None,
        occlusion: Occlusion | None = None,
    ) -> None:
        self.dataset = dataset
        self.indices = pick_sample(dataset)
        self._caches = caches or {}
        self._occlusion = occlusion
        self._pixels: dict[PixelSpec, NDArray[np.uint8]] = {}

    def check(self, scored: ScoredRun, thresholds: Sequence[float]) -> CpuCheck:
        """Score the sample on the CPU in fp32 and compare.

        RunError where the CPU can't run it, or gives other answers.
        """
        opened = scored.opened
        spec = opened.session.spec
        pixels = occlude_pixels(self.pixels(spec.pixels), self._occlusion)
        try:
            scores = _score_on_cpu(opened, prepare_batch(pixels, spec))
        except RunError as error:
            raise RunError(f"can't be compared with the CPU: {error}", error.remedy) from error
        activation: Activation = (
            "softmax" if spec.activation == "softmax-logit" else spec.activation
        )
        session = opened.session
        limits = find_limits(session.execution.precision, half=session.signs.half)
        device = scored.scores[self.indices]
        return compare_answers(device, scores, thresholds, activation, limits)

    def pixels(self, spec: PixelSpec) -> NDArray[np.uint8]:
        """The sample's pixels, uint8 `(n, H, W, C)`; black where an image failed."""
        if spec not in self._pixels:
            cache = self._caches.get(spec)
            if cache is not None:
                self._pixels[spec] = np.array(cache.pixels[self.indices])
            else:
                root: Path = self.dataset.root
                paths = [root / self.dataset.paths[i] for i in self.indices]
                self._pixels[spec] = np.array(decode_chunk(paths, 0, [spec]).pixels[spec])
        return self._pixels[spec]


def _score_on_cpu(opened: OpenedRun, batch: NDArray[Any]) -> NDArray[np.float32]:
    if opened.run.model is None:
        raise RunError(f"run {opened.run.name} has no model file to run on the CPU")
    session = open_session(
        opened.run.model, CPU, threads=count_jobs(), described=opened.run.settings.get("input"),
        limits=opened.session.limits,
    )  # fmt: skip
    answers = session.run_alone(batch) if opened.alone else session.run(batch)
    scores: NDArray[np.float32] = answers[:, list(opened.columns)]
    return scores


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
