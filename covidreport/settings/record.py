"""What a settings file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.compare import Plan, check_baseline
from covidreport.errors import UsageError
from covidreport.evaluate.options import DEFAULT_TARGET, EvaluateOptions, merge_options
from covidreport.evaluate.thresholds import Thresholds
from covidreport.metrics.plan import MetricOptions
from covidreport.records import (
    GroupReference,
    Ignore,
    Limit,
    MissPolicy,
    PatientRule,
    RankAt,
    Run,
    SiteRank,
    SiteRule,
    Study,
)
from covidreport.report.choices import ReportChoices
from covidreport.settings.values import SITE_RANKS
from covidreport.storage.chosen import ImageQuery, ReadAt, fold_split, keep_thresholds
from covidreport.text.failed import MOST_FAILED

DEFAULT_FLOOR = 0.5


def read_at_thresholds(thresholds: Thresholds | None) -> ReadAt:
    """How stored evaluations are read where a user asks for these: `rank_at` goes for all."""
    if thresholds is None or thresholds.rank_at is None:
        return keep_thresholds
    from covidreport.evaluate.scoring import read_at  # what most commands do not need

    return partial(read_at, thresholds)


class Settings(Struct, frozen=True):
    """What a settings file says; as if it were empty where there is none."""

    origin: Path | None = None
    evaluate: EvaluateOptions = field(default_factory=EvaluateOptions)
    """What lies beneath the options of every command: data, thresholds, target and the rest."""
    study: Study = Study()
    """`[study]`: what the authors state, for the report."""
    beside: tuple[Path, ...] = ()
    """Data sets beside `evaluate.data`: those that follow the first of a list."""
    specificity_floor: float = DEFAULT_FLOOR
    """The specificity below which a run is shown and not ranked, a fraction."""
    baseline: str | None = None
    """The run that the others are compared with, instead of all with each other."""
    margin: float | None = None
    """How much less sensitive a run may be and still be called not inferior, a fraction."""
    policy: MissPolicy | None = None
    """What `gate` and `ci` ask of missed cases; None is the strict one."""
    false_failure_share: float | None = None
    """How often a run as sensitive as the baseline fails at most by the tolerant policy."""
    no_group_loses: tuple[str, ...] = ()
    """Attributes in none of whose groups `gate` and `ci` let a run lose more than noise allows."""
    patient_rule: PatientRule = "any"
    """`[patients] rule`: how many of a patient's images have to be called for him to be."""
    tuning_split: str | None = None
    """`[tune] split`: the split that thresholds are tuned on."""
    site: str | None = None
    """What parts images by site in reports: an attribute, or `dataset`."""
    rank_sites: SiteRank | None = None
    """What runs are ordered by over sites; None is their mean."""
    reference_groups: Mapping[str, str] = field(default_factory=dict)
    """`[groups] reference`: by attribute the value that its other groups are compared with."""
    rank_weighted: bool = False
    """Whether reports answer by the images' sampling weights."""
    hide: frozenset[str] = frozenset()
    """`[report] hide`: names of sections of the report that are left out."""
    limits: tuple[Limit, ...] = ()
    """What `gate` and `ci` ask of a run beside what they ask of every run."""
    ignore: tuple[Ignore, ...] = ()
    """`[audit] ignore`: findings of `audit` that were looked at."""

    def read_data(self, data: Path | None) -> EvaluateOptions:
        """Which data are meant where these are named, None for none, and how they are read."""
        return merge_options(EvaluateOptions(data=data), self.evaluate)

    @property
    def target(self) -> str:
        """The label that runs are ranked by."""
        return self.evaluate.target or DEFAULT_TARGET

    def choose_report(
        self, site: str | None = None, rank_sites: str | None = None,
        reference_groups: Sequence[str] = (), *, rank_weighted: bool = False,
    ) -> ReportChoices:  # fmt: skip
        """What a report is made by, as options say, else as the settings do.

        UsageError for an order over sites that there is not, or a reference group that is none.
        """
        if rank_sites is not None and rank_sites not in SITE_RANKS:
            known = ", ".join(SITE_RANKS)
            raise UsageError(f"--rank-sites {rank_sites}: one of {known} is wanted")
        asked: SiteRank | None = rank_sites
        by = site or self.site
        return ReportChoices(
            self.target,
            self.specificity_floor,
            self.metrics,
            self.study,
            None if by is None else SiteRule(by, asked or self.rank_sites or "pooled"),
            self._choose_references(reference_groups),
            rank_weighted or self.rank_weighted,
        )

    def _choose_references(self, stated: Sequence[str]) -> tuple[GroupReference, ...]:
        """Each attribute's, of options such as `sex=F`, else of the settings."""
        found: dict[str, GroupReference] = {}
        for each in stated:
            name, _, value = (part.strip() for part in each.partition("="))
            if not name or not value:
                raise UsageError(f"--reference-group {each}: ATTRIBUTE=VALUE is wanted: sex=F")
            if name in found:
                raise UsageError(f"--reference-group names two groups of {name}: one is wanted")
            found[name] = GroupReference(name, value, "on the command line")
        settled = {
            name: GroupReference(name, value, "in the settings")
            for name, value in self.reference_groups.items()
        }
        return tuple({**settled, **found}.values())

    @property
    def max_failed_share(self) -> float:
        """What proportion of the images may fail before nothing is said of a run."""
        most = self.evaluate.max_failed_share
        return MOST_FAILED if most is None else most

    @property
    def metrics(self) -> MetricOptions:
        """Which metrics are computed, and how their intervals are made."""
        return self.evaluate.metrics or MetricOptions()

    @property
    def rank_at(self) -> RankAt | None:
        """The target at whose tuned thresholds runs are ranked."""
        return None if self.evaluate.thresholds is None else self.evaluate.thresholds.rank_at

    @property
    def read_at(self) -> ReadAt:
        """At which thresholds stored evaluations are read: their own, where nothing is said."""
        return read_at_thresholds(self.evaluate.thresholds)

    @property
    def folder(self) -> Path:
        """Where the file is; the current folder where there is none."""
        return Path() if self.origin is None else self.origin.parent

    @property
    def data_name(self) -> str | None:
        """What evaluations on the configured data are filed under; None without any."""
        from covidreport.dataset.source import name_source  # what most commands do not need

        data, name = self.evaluate.data, self.evaluate.name
        return None if data is None and name is None else name_source(data, name)

    @property
    def _data_places(self) -> frozenset[str]:
        """Digests of where the configured data may lie, as evaluations have them: a folder's
        manifest may be meant."""
        data = self.evaluate.data
        if data is None:
            return frozenset()
        from covidreport.dataset.source import MANIFESTS  # what most commands do not need
        from covidreport.storage.replaced import digest_source

        return frozenset(map(digest_source, (data, *(data / name for name in MANIFESTS))))

    def plan_comparisons(
        self, runs: Sequence[Run], baseline: str | None = None, margin: float | None = None,
        named: str = "on the command line",
    ) -> Plan:  # fmt: skip
        """Which runs are compared: as options say, else as the settings do.

        named: where the options were given, in words. UsageError where they make no sense; a
        baseline of the settings need not be among the runs at hand.
        """
        if margin is not None and not 0 < margin < 1:
            raise UsageError(f"--margin {margin:g}: give a fraction between 0 and 1, such as 0.05")
        check_baseline(Plan(baseline), runs)
        return Plan(
            self.baseline if baseline is None else baseline,
            self.margin if margin is None else margin,
            named="in the settings" if baseline is None else named,
            specificities=self.metrics.specificities,
            patients=self.patient_rule,
        )

    def query_judged(
        self, dataset: str | None = None, split: str | None = None, variant: str | None = None
    ) -> ImageQuery:
        """The images that options and the settings ask a gate to judge; the baseline says more."""
        split = None if split is None else fold_split(split)
        configured = self.evaluate.split
        return ImageQuery(
            dataset, split, variant, configured, self.data_name, self._data_places,
            at=self.read_at,
        )  # fmt: skip

    def query_stored(
        self, dataset: str | None = None, split: str | None = None, variant: str | None = None
    ) -> ImageQuery:
        """The images that options, the settings and a baseline's file ask for.

        What is judged by a baseline takes them from `query_judged`. Here nothing is, and a
        configured split need not be that of the baseline.
        """
        from covidreport.gate.baseline import find_baseline_file, peek_split

        configured = self.evaluate.split
        query = ImageQuery(
            dataset, split, variant, configured, self.data_name, self._data_places,
            at=self.read_at,
        )  # fmt: skip
        file = find_baseline_file(self.baseline, self.folder)
        if configured is not None or file is None:
            return query
        return replace(query, baseline=peek_split(file))
