"""Runs whose models are loaded, and what the loop gathers of them and of the images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.evaluate.checkpoint import ScoresCheckpoint, ScoresInMemory
from covidreport.evaluate.company import Company
from covidreport.evaluate.decode import Chunk
from covidreport.evaluate.reference import Replayed
from covidreport.inference.session import Session
from covidreport.metrics import read_stated
from covidreport.records import SOFTMAX, Dataset, Failure, Finding, Measured, Peak, Run, Scores
from covidreport.text.labels import pair_spellings, propose_label_map

NO_SCORE: Final = "the model has no finite score for it"
"""Why a picture that is no radiograph has failed, though it was decoded."""


class OpenedRun(Struct, frozen=True):
    """A run whose model is loaded, and the output column of each label of the data."""

    run: Run
    session: Session
    columns: tuple[int, ...]
    variation: float = 0.0
    """The largest difference between two answers to the same image."""
    company: Company | None = None
    """What it answered to images alone and together; None where it was not asked."""
    replayed: Replayed | None = None
    """How it answers the drawn pictures; None where no reference answers stand beside it."""

    @property
    def alone(self) -> bool:
        """Whether it is fed image by image."""
        return self.company is not None and self.company.alone

    @property
    def keeps_others(self) -> bool:
        """Whether what is kept has a last column, the highest score of all other outputs."""
        return self.session.spec.activation in SOFTMAX

    @property
    def width(self) -> int:
        """How many numbers are kept of each image."""
        return len(self.columns) + self.keeps_others

    def take(self, answers: NDArray[np.floating]) -> NDArray[np.floating]:
        """Of answers `(n, L)` the scores of the data's labels, `(n, K)`; of a softmax with the
        highest of all other outputs behind them, 0 where there is none."""
        scores = answers[:, list(self.columns)]
        if not self.keeps_others:
            return scores
        rest = np.delete(answers, self.columns, axis=1)
        return np.column_stack([scores, rest.max(axis=1, initial=0)])

    def part(
        self, kept: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating] | None]:
        """What `take` gave as scores `(n, K)` and the highest of the others `(n,)`, if kept."""
        k = len(self.columns)
        return kept[:, :k], kept[:, k] if self.keeps_others else None

    def answer(self, batch: NDArray[Any]) -> NDArray[np.floating]:
        """The scores of a batch, as `Session.run` gives them."""
        return self.session.run_alone(batch) if self.alone else self.session.run(batch)


class ScoredRun(Struct):
    """What the loop gathers for one run: scores as `OpenedRun.take` gives them, NaN until they are
    known."""

    opened: OpenedRun
    kept: ScoresCheckpoint | ScoresInMemory
    """Where scores are kept as they come; in a checkpoint, so that a killed evaluation goes on."""
    failure: Failure | None = None
    inference_s: float = 0.0
    n_timed: int = 0
    """How many images that was; those that were scored before a kill are not among them."""
    out_of_memory: bool = False
    """Whether that is why it failed: alone it might have fitted."""
    smallest_batch: int | None = None
    """How many images a call had on the device at last; less than asked where memory ran out."""

    shards: tuple[dict[str, Any], ...] = ()
    """When and where each part was scored, where they were merged."""

    @property
    def checkpoint(self) -> ScoresCheckpoint | None:
        """Where scores are kept, if a kill leaves them there."""
        return self.kept if isinstance(self.kept, ScoresCheckpoint) else None

    def note_short_memory(self) -> None:
        """Say that it ran out of memory; no news where it has failed already, for whatever else."""
        self.out_of_memory |= self.failure is None


class DecodedSet(Struct):
    """What the loop learns of the images.

    reasons `(N,)`: why an image failed, None where it did not. peaks `(N,)`: the largest raw sample
    of each image whose depth decides what is white, None of the others. measured: what each is
    like as its file was decoded, of `list_measured`.
    """

    reasons: list[str | None]
    peaks: list[Peak | None]
    measured: NDArray[np.float32]
    decode_s: float = 0.0
    chains: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """How many DICOM images went through each chain of transforms."""
    findings: tuple[Finding, ...] = ()
    strange: set[int] = field(default_factory=set)
    """Rows that are no radiograph, of which a model need not have a finite score."""

    @classmethod
    def of(cls, n: int) -> DecodedSet:
        """Of so many images of which nothing is known yet."""
        return cls([None] * n, [None] * n, list_measured([None] * n))

    def take(self, chunk: Chunk) -> None:
        """Put what was learnt of a chunk in its place."""
        rows = slice(chunk.start, chunk.stop)
        self.decode_s += chunk.seconds
        self.peaks[rows] = chunk.peaks
        self.measured[rows] = list_measured(chunk.measured)
        self.chains.update(chunk.chains)
        self.reasons[rows] = chunk.reasons
        self.strange.update(
            row for row, strange in enumerate(chunk.strange, chunk.start) if strange
        )


def open_columns(session: Session, labels: Sequence[str]) -> tuple[int, ...]:
    """The model's output column of each label of the data; RunError where it lacks one."""
    known = session.spec.labels
    missing = [label for label in labels if label not in known]
    if missing:
        pairs = pair_spellings(known, labels)
        pasted = f": {propose_label_map(pairs)}" if pairs else ""
        raise RunError(
            f"the model has no output for {', '.join(missing)}; it states {', '.join(known)}. Name "
            f'its labels as the data does with `label_map` under "input" in run.json{pasted}'
        )
    return tuple(known.index(label) for label in labels)


def gather_scores(dataset: Dataset, scored: ScoredRun, decoded: DecodedSet) -> Scores:
    """The record of one run's scores, as scores.parquet keeps it."""
    activation = scored.opened.session.spec.activation
    scores, others = scored.opened.part(scored.kept.read())
    return Scores(
        sample_ids=dataset.ids,
        labels=dataset.labels,
        truth=dataset.truth,
        scores=scores,
        activation="softmax" if activation == "softmax-logit" else activation,
        reasons=tuple(
            NO_SCORE
            if reason is None and row in decoded.strange and np.isnan(scores[row]).any()
            else reason
            for row, reason in enumerate(decoded.reasons)
        ),
        **read_stated(dataset).fields,
        others=others,
        pictures=None if np.isnan(decoded.measured).all() else decoded.measured,
    )


def list_measured(measured: Sequence[Measured | None]) -> NDArray[np.float32]:
    """What pictures are like, `(N, 6)` as `Scores.pictures` has it; NaN where none was decoded."""
    unknown = (np.nan,) * len(Measured._fields)
    rows = [unknown if each is None else each for each in measured]
    return np.array(rows, np.float32).reshape(-1, len(unknown))
