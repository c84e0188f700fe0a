"""What a run gave for each image, and what is counted and estimated from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.records.model import Activation

DecisionRule = Sequence[float] | Literal["argmax"]
"""What makes answers of scores: a threshold (a probability) for each label, or `argmax`."""
LabelRule = float | Literal["argmax"]
"""The same of one label."""


class Scores(Struct, frozen=True, eq=False, dict=True):
    """What one run gave for each image.

    sample_ids `(N,)`; truth int8 `(N, K)`; scores `(N, K)` as the model gave them, float64 where
    they were given as text or doubles, else float32; NaN in the rows of images that failed;
    reasons `(N,)`, None where the image was scored; groups `(N,)` or None. attributes: what
    subgroups are made by, by name, `(N,)` each: few values (ages as bands), empty where not stated.
    single: those that state one value alone, likewise: they describe the images and part none.
    folds: `(N,)`, which fold's model scored the image; None where one model scored all. others:
    `(N,)`, of a softmax the highest score of an output that is no label here, 0 where there is no
    such output; None where that is not known, or scores are no softmax. ages: of `read_ages`,
    int16 `(N,)` in years, -1 where not stated; None where no attribute states them.
    pictures: what decoded pictures are like, float32 `(N, 6)`, the fields of `Measured`, NaN where
    one failed; None in files of an earlier version, and of scores that came from elsewhere.
    readings: the truth of several readers, of `list_readings`, by `NAME:LABEL`. weights: sampling
    weights float64 `(N,)`; None where each image stands for itself alone.
    """

    sample_ids: Sequence[str]
    labels: tuple[str, ...]
    truth: NDArray[np.int8]
    scores: NDArray[np.floating]
    activation: Activation
    reasons: tuple[str | None, ...]
    groups: Sequence[str] | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folds: tuple[str, ...] | None = None
    others: NDArray[np.floating] | None = None
    ages: NDArray[np.int16] | None = None
    pictures: NDArray[np.float32] | None = None
    single: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    readings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weights: NDArray[np.float64] | None = None

    @cached_property
    def failed(self) -> NDArray[np.bool_]:
        """bool `(N,)`: True where the image could not be scored."""
        failed = np.array([reason is not None for reason in self.reasons], dtype=np.bool_)
        failed.flags.writeable = False
        return failed


class Counts(Struct, frozen=True):
    """One label's 2x2 table and what could not be put into it; all seven add up to N."""

    tn: int
    fp: int
    fn: int
    tp: int
    failed_positive: int = 0
    failed_negative: int = 0
    unknown: int = 0

    @property
    def positives(self) -> int:
        """Images that carry the label, scored or not."""
        return self.tp + self.fn + self.failed_positive

    @property
    def negatives(self) -> int:
        """Images that do not carry the label, scored or not."""
        return self.tn + self.fp + self.failed_negative

    @property
    def total(self) -> int:
        """All images, N."""
        return self.positives + self.negatives + self.unknown

    @property
    def missed(self) -> int:
        """Positives that were not found: a positive that could not be scored counts as missed."""
        return self.fn + self.failed_positive

    @property
    def false_alarms(self) -> int:
        """Negatives not cleared: a negative that could not be scored counts as a false alarm."""
        return self.fp + self.failed_negative


class Estimate(Struct, frozen=True):
    """A metric's value with its evidence. `value` is None where it is undefined, and shows as a
    dash."""

    value: int | float | None
    """A whole number for what is counted, which files tell from a fraction."""
    low: float | None = None
    high: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    method: str | None = None
    """How the interval was made, such as `wilson`; None where there is no interval."""
