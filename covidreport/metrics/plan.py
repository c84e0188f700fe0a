"""Which metrics are computed, as a user chooses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import IntervalKind, MetricPlan, Sampling

DEFAULT_NORMAL = "normal"


class MetricOptions(Struct, frozen=True):
    """What a user said of the metrics and their intervals; silent, they are the usual ones."""

    interval: IntervalKind = "wilson"
    specificities: tuple[float, ...] = MetricPlan().specificities
    sensitivities: tuple[float, ...] = MetricPlan().sensitivities
    prevalence: float | Mapping[str, float] | None = None
    """Of the target, or by label."""
    normal: str | None = None
    sampling: Sampling | None = None
    """How the images were sampled; only of consecutive patients does a report give the prevalence
    an interval."""

    def keep(self, labels: Sequence[str]) -> MetricOptions:
        """These without what is said of other labels: a run may lack some of the data's."""
        prevalence = self.prevalence
        if isinstance(prevalence, Mapping):
            prevalence = {label: prevalence[label] for label in labels if label in prevalence}
        return replace(
            self, prevalence=prevalence, normal=self.normal if self.normal in labels else None
        )

    def plan(self, labels: Sequence[str], target: str) -> MetricPlan:
        """What is to be computed for these labels; UsageError where one is named that is none."""
        prevalence = self.prevalence
        if prevalence is not None and not isinstance(prevalence, Mapping):
            prevalence = {target: prevalence} if target in labels else {}
        strange = [label for label in prevalence or {} if label not in labels]
        if self.normal is not None and self.normal not in labels:
            strange.append(self.normal)
        if strange:
            raise UsageError(
                f"`prevalence` or `normal` in the configuration names "
                f"{', '.join(map(repr, strange))}, which is no label of the data; its labels are "
                f"{', '.join(labels)}"
            )
        return MetricPlan(
            interval=self.interval,
            specificities=self.specificities,
            sensitivities=self.sensitivities,
            prevalence=dict(prevalence or {}),
            normal=self.normal or (DEFAULT_NORMAL if DEFAULT_NORMAL in labels else None),
        )
