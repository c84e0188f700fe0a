"""What is to be evaluated, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from covidreport.config import Thresholds
from covidreport.dataset.index import KnownData
from covidreport.inference.execution import Execution
from covidreport.records import Dataset, Finding

BATCH = 32
DEVICE_BATCH = 256


def default_batch(execution: Execution) -> int:
    """How many images a model is fed at once where nothing is said: more on a card."""
    return DEVICE_BATCH if execution.provider.accelerator else BATCH


def name_evaluation(dataset: str, split: str, variant: str | None) -> str:
    """The name of an evaluation's folder."""
    return "-".join(part for part in (dataset, split, variant) if part is not None)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be evaluated, and how.

    dataset: one split of it. digests `(N,)`: of the files' bytes; fingerprint: of the data set
    with them. asked_provider is the word of the user (`auto` too), execution what was found to
    work. force: compute what stands again. verify: models are compared by their bytes.
    """

    dataset: Dataset
    split: str
    digests: Sequence[str]
    fingerprint: str
    thresholds: Thresholds
    asked_provider: str
    execution: Execution
    batch: int
    jobs: int | None = None
    force: bool = False
    verify: bool = False
    use_cache: bool = True
    warnings: tuple[Finding, ...] = ()

    @property
    def known(self) -> KnownData:
        """What identifies the images, without naming them."""
        data = self.dataset
        return KnownData(
            data.name, self.split, data.labels, len(data), self.n_groups, self.fingerprint
        )

    @property
    def n_groups(self) -> int | None:
        """How many patients there are, where they are known."""
        return None if self.dataset.groups is None else len(set(self.dataset.groups))

    @property
    def variant(self) -> str | None:
        """What sets the evaluation apart from the usual one on the same images."""
        return self.execution.variant

    @property
    def name(self) -> str:
        """The name of the evaluation's folder in every run."""
        return name_evaluation(self.dataset.name, self.split, self.variant)

    @property
    def provider_facts(self) -> dict[str, Any]:
        """The provider as an evaluation's provenance keeps it."""
        return {"asked": self.asked_provider, **self.execution.facts()}
