"""What the checks read, and how they walk through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.records import Dataset, Evaluation, ImageSurvey, ReportData, ReportedRun


class DataEvidence(Struct, frozen=True, eq=False):
    """What a data set is audited by.

    digests: sha256 of each file, `(N,)`. survey: None where the images were not decoded. roc_aucs:
    of the runs for the target, by name; empty where there are no runs.
    """

    dataset: Dataset
    target: str
    digests: Sequence[str]
    survey: ImageSurvey | None = None
    roc_aucs: Mapping[str, float] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """The label that matters; all labels where the data does not have it."""
        labels = self.dataset.labels
        return (self.target,) if self.target in labels else labels


def number_texts(cells: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different texts, sorted, and the place of each cell's text among them, int64 `(N,)`."""
    names = sorted(set(cells))
    indices = {name: index for index, name in enumerate(names)}
    return tuple(names), np.fromiter(map(indices.__getitem__, cells), np.int64, len(cells))


def list_evaluations(run: ReportedRun) -> tuple[Evaluation, ...]:
    """All evaluations of a run, variants among them, that on the reported split first."""
    reported = (run.evaluation,) if run.evaluation is not None else ()
    return (*reported, *run.others)


def iterate_reported(data: ReportData) -> Iterator[tuple[ReportedRun, Evaluation]]:
    """The runs that were evaluated on the reported split, each with that evaluation."""
    for run in data.runs:
        if run.evaluation is not None:
            yield run, run.evaluation
