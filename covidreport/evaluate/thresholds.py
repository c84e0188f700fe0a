"""The thresholds that a user asks for, before it is known which labels there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import RankAt
from covidreport.storage.chosen import fold_split

DEFAULT_THRESHOLD = 0.5
TUNED = "tuned"
"""The word for each run's own thresholds."""
TUNING_SPLIT = "tuning"
"""The split to tune on, where it is there and nobody says otherwise."""


class Thresholds(Struct, frozen=True):
    """Operating points: a probability for all labels, and exceptions by label."""

    default: float | None = None
    """None for 0.5, or for what lies beneath."""
    by_label: Mapping[str, float] = field(default_factory=dict)
    origin: str = "default"
    """Where they come from: `default`, `configuration` or `option`."""
    tuned: bool = False
    """Each run has thresholds of its own (thresholds.json); these are for labels without one."""
    rank_at: RankAt | None = None
    """What those have to be tuned for; they are then for all splits but the one they are tuned on.
    None for whatever they were tuned for, and for any split."""

    @property
    def stated(self) -> bool:
        """Whether anybody asked for them."""
        return self.tuned or self.default is not None or bool(self.by_label)

    def of(self, labels: Sequence[str]) -> dict[str, float]:
        """The threshold of each label, for all runs.

        UsageError where one is named that is no label, and where each run is to have its own but
        for a split that they are tuned on.
        """
        if self.tuned and self.rank_at is None:
            raise UsageError(
                "thresholds are to be the tuned ones of each run, and fixed ones are needed here: "
                "give --threshold, such as --threshold 0.5"
            )
        return self.fixed(labels)

    def fixed(self, labels: Sequence[str]) -> dict[str, float]:
        """As `of`, tuned or not: what holds for labels without a tuned threshold."""
        strange = [label for label in self.by_label if label not in labels]
        if strange:
            raise UsageError(
                f"a threshold is set for {', '.join(map(repr, strange))}, which is no label of the "
                f"data; its labels are {', '.join(labels)}"
            )
        default = DEFAULT_THRESHOLD if self.default is None else self.default
        return {label: self.by_label.get(label, default) for label in labels}

    def keep(self, labels: Sequence[str]) -> Thresholds:
        """These without what is said of other labels: a run may lack some of the data's."""
        return replace(self, by_label={k: v for k, v in self.by_label.items() if k in labels})

    def on_split(self, split: str) -> Thresholds | None:
        """What these say of one split; None where that is nothing.

        Where runs are ranked at a target, the split that they are tuned on has the fixed ones: they
        can't be tuned before it is evaluated, and would be exploratory on it.
        """
        if self.rank_at is None or fold_split(split) != fold_split(self.rank_at.split):
            return self
        stated = self.default is not None or self.by_label
        return replace(self, tuned=False, rank_at=None) if stated else None

    def over(self, beneath: Thresholds | None) -> Thresholds:
        """These where they say something, and else those beneath, as options over settings.

        A number for all labels leaves nothing of those beneath; that each run's own are meant
        leaves all of them, for the labels that were not tuned.
        """
        if beneath is None or (self.default is not None and not self.tuned):
            return self
        if self.tuned:
            return replace(beneath, tuned=True, rank_at=self.rank_at)
        by_label = {**beneath.by_label, **self.by_label}
        return replace(self, default=beneath.default, by_label=by_label)

    @classmethod
    def read(cls, by_label: Mapping[str, float], origin: str, *, tuned: bool = False) -> Thresholds:
        """From a threshold by label, with that of all others under the empty name."""
        others = {label: value for label, value in by_label.items() if label}
        return cls(by_label.get(""), others, origin, tuned)


def read_thresholds(options: Sequence[str], kind: str | None = None) -> Thresholds | None:
    """What `--threshold 0.4` and `--threshold covid-19=0.3` say; None where nothing is said.

    kind: of `--thresholds tuned`. A number for all labels takes back what was said before it.
    UsageError for what is no probability, and where both options are given.
    """
    if kind not in (None, TUNED):
        raise UsageError(f"--thresholds {kind}: only {TUNED}; a number goes with --threshold")
    if kind == TUNED and options:
        raise UsageError(
            f"--thresholds {TUNED} takes each run's own thresholds and --threshold sets them: "
            "give one of the two"
        )
    if kind == TUNED:
        return Thresholds(tuned=True)
    by_label: dict[str, float] = {}
    for option in options:
        label, _, number = option.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not 0 < value < 1:
            raise UsageError(
                f"--threshold {option}: give a probability between 0 and 1, such as 0.4, or "
                "LABEL=0.4 for one label"
            )
        by_label = {**by_label, label: value} if label else {"": value}
    return Thresholds.read(by_label, "option") if by_label else None
