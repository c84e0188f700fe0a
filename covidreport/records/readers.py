"""Radiologists who read the ranked images, and runs beside them."""

from __future__ import annotations

from msgspec import Struct

from covidreport.records.scores import Estimate


class AgainstReaders(Struct, frozen=True):
    """A run's ROC AUC less the readers' average, and less that of the best reader."""

    run: str
    roc_auc: Estimate
    average: Estimate
    average_p: float | None
    best: Estimate
    best_p: float | None


class ReaderStudy(Struct, frozen=True):
    """The readers of the first ranking, those with the highest ROC AUC first.

    roc_aucs: of each reader. average: over readers, who are taken for a sample of others, as cases
    are; error and freedom: its standard error and degrees of freedom. one_shot_error: the same
    without a model of the variance; None where it is not positive, or patients have several images.
    sensitivity and specificity: the readers' average. runs: in the order of the ranking.
    """

    readers: tuple[str, ...]
    roc_aucs: tuple[Estimate, ...]
    average: Estimate
    error: float | None
    freedom: float | None
    one_shot_error: float | None
    runs: tuple[AgainstReaders, ...]
    sensitivity: Estimate = Estimate(None)
    specificity: Estimate = Estimate(None)
