"""What is to be evaluated, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from covidreport.config import Thresholds
from covidreport.inference.providers import Provider
from covidreport.records import Dataset, Finding


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be evaluated, and how.

    dataset: one split of it. digests `(N,)`: of the files' bytes; fingerprint: of the data set
    with them. asked_provider is the word of the user (`auto` too), provider the one that was found
    to work. force: compute what stands again. verify: models are compared by their bytes.
    """

    dataset: Dataset
    split: str
    digests: tuple[str, ...]
    fingerprint: str
    thresholds: Thresholds
    asked_provider: str
    provider: Provider
    batch: int
    jobs: int | None = None
    force: bool = False
    verify: bool = False
    use_cache: bool = True
    warnings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """The name of the evaluation's folder in every run."""
        return f"{self.dataset.name}-{self.split}"

    @property
    def provider_facts(self) -> dict[str, Any]:
        """The provider as an evaluation's provenance keeps it."""
        return {
            "asked": self.asked_provider,
            "ran": self.provider.name,
            "options": dict(self.provider.options),
            "precision": "fp32",
        }
