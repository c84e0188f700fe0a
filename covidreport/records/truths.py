"""Several readers' truth of the same images: runs by each, and how far the readers agree."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from covidreport.records.comparison import ExcludedRun
from covidreport.records.scores import Counts, Estimate


class Agreement(Struct, frozen=True):
    """How far two readers or more agree on images that two or more of them read.

    split: images on which they differ. positive_calls: of all `calls`. agreed: the proportion of
    agreeing pairs. kappa: Cohen's of two readers, else that of Fleiss. positive and negative: how
    many of the others say the same where one calls an image positive, or negative. pabak: kappa as
    it would be were both answers as frequent.
    """

    images: int
    split: int
    positive_calls: int
    calls: int
    agreed: Estimate
    kappa: Estimate
    positive: Estimate
    negative: Estimate
    pabak: Estimate


class PairAgreement(Struct, frozen=True):
    """Two of the readers, on the images that both read."""

    first: str
    second: str
    agreement: Agreement


class TruthFigures(Struct, frozen=True):
    """A run's figures against one truth of the images."""

    run: str
    counts: Counts
    sensitivity: Estimate
    specificity: Estimate
    roc_auc: Estimate


class Truth(Struct, frozen=True):
    """What the runs are worth by one truth: that of the data set, of the readers' majority, or of
    one reader.

    images: of which it says something. first: the runs that would be first in the ranking; empty
    where none would have a rank. figures: in the order of the report's first ranking.
    """

    kind: Literal["dataset", "majority", "reader"]
    name: str
    images: int
    positives: int
    first: tuple[str, ...]
    figures: tuple[TruthFigures, ...]


class ReadersTruth(Struct, frozen=True):
    """The truth of the first ranking's images by several readers.

    truths: that of the data set, of the majority, then of each reader. tied: images without a
    majority. compared: how many images have both the data set's truth and a majority, and `same`
    on how many these are equal. excluded: runs whose scores could not be read.
    """

    truths: tuple[Truth, ...]
    tied: int
    compared: int
    same: int
    agreement: Agreement
    pairs: tuple[PairAgreement, ...]
    excluded: tuple[ExcludedRun, ...] = ()

    @property
    def readers(self) -> tuple[Truth, ...]:
        """The readers' own."""
        return tuple(each for each in self.truths if each.kind == "reader")
