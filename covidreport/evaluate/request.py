"""What is to be evaluated, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from covidreport.dataset.index import KnownData
from covidreport.evaluate.cut import Cut, Parts
from covidreport.evaluate.disturbances import Disturbances
from covidreport.evaluate.occlusion import Occlusion
from covidreport.evaluate.thresholds import Thresholds
from covidreport.inference.execution import Execution
from covidreport.metrics import digest_units, read_stated
from covidreport.metrics.plan import MetricOptions
from covidreport.records import Dataset, Finding, MetricPlan, ModelLimits, Run, name_evaluation
from covidreport.storage.folder import evaluation_folder
from covidreport.storage.made_here import MadeHere
from covidreport.storage.replaced import NewImages

BATCH = 32
DEVICE_BATCH = 256


def default_batch(execution: Execution) -> int:
    """How many images a model is fed at once where nothing is said: more on a card."""
    return DEVICE_BATCH if execution.provider.accelerator else BATCH


class Cluster(Struct, frozen=True):
    """Where images are scored in place of this process: a cluster of Ray.

    address: of one that is there; None for one that is started here and ended with the work.
    """

    address: str | None = None


class EvaluationRequest(Struct, frozen=True, dict=True):
    """What is to be evaluated, and how.

    dataset: one split of it. digests `(N,)`: of the files' bytes; fingerprint: of the data set
    with them. provider_option is the word of the user (`auto` too), execution what was found to
    work. force: compute what stands again. verify: models are compared by their bytes.
    """

    dataset: Dataset
    split: str
    digests: Sequence[str]
    fingerprint: str
    thresholds: Thresholds
    provider_option: str
    execution: Execution
    batch: int
    jobs: int | None = None
    force: bool = False
    verify: bool = False
    use_cache: bool = True
    warnings: tuple[Finding, ...] = ()
    metrics: MetricPlan | None = None
    """None for what holds where the configuration is silent."""
    occlusion: Occlusion | None = None
    """What is blacked out of every image, between the cache of pixels and the model."""
    disturbances: Disturbances | None = None
    """How every image is changed before it is resized."""
    command: str | None = None
    """The command that asks for it, for the record; two equal evaluations may differ in it."""
    trust_stored: bool = True
    """Whether stored scores may be kept that this machine did not make."""
    made: MadeHere = field(default_factory=MadeHere)
    """What is known to have been made here, and where what is computed now is noted."""

    label_fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Of the data set, of `fingerprint_labels`."""
    limits: ModelLimits = field(default_factory=ModelLimits)
    """What the models may take; a run that takes more has failed."""

    cut: Cut | None = None
    """Which part of the images these are, where the others are evaluated elsewhere."""
    parts: Parts | None = None
    """Where the parts stand that are merged instead of scoring any image."""
    cluster: Cluster | None = None
    """None where images are scored by this process."""

    def place(self, run: Run) -> Path:
        """The folder of what comes out for a run."""
        if self.cut is not None:
            return self.cut.place(run.name, self.name)
        return evaluation_folder(run.folder, self.name)

    @property
    def settings(self) -> dict[str, Any]:
        """What a user can choose and scores depend on."""
        facts = {"batch": self.batch, **self.provider_facts}
        return {name: value for name, value in facts.items() if name != "asked"}

    @cached_property
    def known(self) -> KnownData:
        """What identifies the images, without naming them."""
        data = self.dataset
        return KnownData(
            data.name, self.split, data.labels, len(data), self.n_groups, self.fingerprint,
            units=digest_units(read_stated(data)),
            label_fingerprints=self.label_fingerprints,
        )  # fmt: skip

    @property
    def images(self) -> NewImages:
        """What an evaluation that is written is of."""
        data = self.dataset
        return NewImages(
            data.name, self.split, self.variant, self.fingerprint, data.source, data.labels,
            data.ids, data.truth, self.label_fingerprints,
        )  # fmt: skip

    @property
    def plan(self) -> MetricPlan:
        """Which metrics are computed, and how."""
        return self.metrics or MetricOptions().plan(self.dataset.labels, "")

    @cached_property
    def n_groups(self) -> int | None:
        """How many patients there are, where they are known."""
        return None if self.dataset.groups is None else len(set(self.dataset.groups))

    @property
    def variant(self) -> str | None:
        """What sets the evaluation apart from the usual one on the same images."""
        return join_variants(self.execution, self.altered)

    @property
    def altered(self) -> Occlusion | Disturbances | None:
        """What is hidden or changed of every image; None where all is as it stands."""
        return self.disturbances or self.occlusion

    @property
    def name(self) -> str:
        """The name of the evaluation's folder in every run."""
        return name_evaluation(self.dataset.name, self.split, self.variant)

    @property
    def provider_facts(self) -> dict[str, Any]:
        """How models are run, as an evaluation's provenance keeps it and its key holds it."""
        facts = {"asked": self.provider_option, **self.execution.facts()}
        if self.disturbances is not None:
            return {**facts, "disturbance": self.disturbances.facts()}
        return facts | ({"occlusion": self.occlusion.facts()} if self.occlusion else {})


def join_variants(execution: Execution, altered: Occlusion | Disturbances | None) -> str | None:
    """The variant of an evaluation that is made so; None for the usual one."""
    parts = (execution.variant, altered.variant if altered else None)
    return "-".join(part for part in parts if part is not None) or None
