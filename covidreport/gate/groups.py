"""No group of the positives loses more than its noise allows: a limit on the missed cases of each.

Groups are made by what the judged run's evaluation states of its images. The baseline's missed
cases are put into the same groups, so any baseline will do that has answers to single images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.gate.evidence import GateSide
from covidreport.gate.odds import OddsModel
from covidreport.gate.paired import PairedRuns
from covidreport.metrics import LatentPair, count_patients
from covidreport.metrics.group_differences import cross_values
from covidreport.metrics.group_noise import (
    choose_allowances,
    find_caught_loss,
    list_tails,
    reckon_sensitivities,
)
from covidreport.metrics.subgroups import FEWEST_CASES
from covidreport.records import Estimate, GateEvidence, GroupBand, GroupNoise, Limit

ALL: Final = "all"
"""The name that stands for every attribute."""
_NO_FURTHER: Final = "both together part the positives no further than one of them: name that one"
ASSUMED_BETWEEN: Final = 0.3
"""The latent correlation of two runs where no runs at hand say it: lower than the gate assumes of
the whole, since with 0.6 up to 0.073 of equal runs that agree so little failed by a group, and with
0.3 up to 0.036 (`benchmarks/group_noise.py`)."""
Cases = NDArray[np.bool_]
"""Which of the positives are a group's, `(P,)`."""


class GroupRule(Struct, frozen=True):
    """What a user asks of groups."""

    names: tuple[str, ...]
    """Attributes, two joined by ` and ` for both crossed, or `all` for every attribute."""
    share: float
    """How often an equal run may fail by any group."""
    margin: float
    """How much less sensitive in one group the worse run of the odds is."""
    origin: str
    """Where it was stated."""


class GroupLimits(Struct, frozen=True, eq=False):
    """What is asked of groups; nothing where nobody asks.

    cases: by the metric of a limit. refused: why a limit can't be asked, likewise.
    """

    limits: tuple[Limit, ...] = ()
    cases: Mapping[str, Cases] = field(default_factory=dict)
    noise: GroupNoise | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def count(self, evidence: GateEvidence, missed: NDArray[np.bool_]) -> GateEvidence:
        """The evidence with the cases of each group that were missed, of the positives `(P,)`."""
        counted = {name: Estimate(int((missed & own).sum())) for name, own in self.cases.items()}
        label = evidence.target
        return replace(
            evidence,
            metrics={**evidence.metrics, label: {**evidence.metrics.get(label, {}), **counted}},
        )


def limit_groups(
    rule: GroupRule, run: GateSide, paired: PairedRuns | None, model: OddsModel | None
) -> GroupLimits:
    """A limit for each group of the named attributes that has `FEWEST_CASES` positives.

    The judged run has no part in what is allowed. A limit that can't be asked is refused, which is
    no pass.
    """
    attributes = _list_attributes(run)
    wanted = dict.fromkeys(each for name in rule.names for each in _name_all(name, attributes))
    found: dict[str, Cases] = {}
    few: dict[str, int] = {}
    refused: dict[str, str] = {}
    for name in wanted:
        why = _explain(name, attributes, paired)
        groups = {} if why else _part(name, attributes, run)
        large = {key: own for key, own in groups.items() if own.sum() >= FEWEST_CASES}
        few |= {key: int(own.sum()) for key, own in groups.items() if key not in large}
        if not large:
            few_in = f"no group of {name} has {FEWEST_CASES} positives"
            refused[f"missed[{name}]"] = why or (few_in if groups else _NO_FURTHER)
        found |= large
    target = run.evidence.target
    asked = [Limit(each, target, group=True, origin=rule.origin) for each in refused]
    if not found or paired is None or model is None:
        return GroupLimits(tuple(asked), refused=refused)
    noise = _reckon(found, paired, model, rule)
    asked += [
        Limit(
            band.metric, target, max_regression=float(band.allowance), group=True,
            origin=rule.origin,
        )
        for band in noise.bands
    ]  # fmt: skip
    return GroupLimits(tuple(asked), found, replace(noise, not_judged=few), refused)


def _list_attributes(run: GateSide) -> Mapping[str, tuple[str, ...]]:
    answers = None if run.stored is None else run.stored.answers
    return {} if answers is None or answers.images is None else answers.images.attributes


def _name_all(name: str, attributes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(attributes) if name == ALL and attributes else (name,)


def _explain(name: str, attributes: Mapping[str, Sequence[str]], paired: PairedRuns | None) -> str:
    """Why groups of an attribute can't be judged; empty where they can."""
    if paired is None:
        return (
            "a group's missed cases take answers to single images, and the run or its baseline "
            "has counts alone: evaluate both with scores, and set the baseline again with "
            "`covidreport baseline set`"
        )
    if not attributes:
        return (
            "these images were evaluated without attributes: state them in the manifest, and "
            "evaluate the run again"
        )
    strange = [each for each in name.split(" and ") if each not in attributes]
    if name not in attributes and strange:
        return (
            f"{strange[0]} is no attribute of these images, whose attributes are "
            f"{', '.join(attributes)}"
        )
    return ""


def _part(name: str, attributes: Mapping[str, tuple[str, ...]], run: GateSide) -> dict[str, Cases]:
    """The groups of an attribute, or of two, that have positives, by the metric of their limit."""
    assert run.stored is not None
    assert run.stored.answers is not None
    positive = run.stored.answers.truth == 1
    values = attributes.get(name)
    if values is None:
        pair = {each: attributes[each] for each in name.split(" and ")}
        values = cross_values(pair, positive).get(name, ())
    column = np.array(values, dtype=object)[positive] if values else np.array([], dtype=object)
    return {f"missed[{name}={each}]": column == each for each in sorted(set(column)) if each}


def _reckon(
    cases: Mapping[str, Cases], paired: PairedRuns, model: OddsModel, rule: GroupRule
) -> GroupNoise:
    """Each group's allowance. Groups of the same cases are one where chances are added up."""
    missed, groups = paired.paired.find_wrong("sensitivity")
    between = model.pair.between if model.reference_runs else ASSUMED_BETWEEN
    sensitivities = reckon_sensitivities(missed[1], tuple(cases.values()), groups)
    pairs = {
        own.tobytes(): LatentPair(
            count_patients(None if groups is None else groups[own], int(own.sum())),
            sensitivity,
            between,
            model.pair.within,
        )
        for own, sensitivity in zip(cases.values(), sensitivities, strict=True)
    }
    allowances = dict(zip(pairs, choose_allowances(tuple(pairs.values()), rule.share), strict=True))
    chances = {key: list_tails(pair)[allowances[key]] for key, pair in pairs.items()}
    bands = []
    for metric, own in cases.items():
        pair, allowance = pairs[own.tobytes()], allowances[own.tobytes()]
        worse = list_tails(pair, rule.margin)[allowance] if rule.margin < pair.sensitivity else None
        bands.append(
            GroupBand(
                metric, pair.images, None if groups is None else sum(pair.patients),
                pair.sensitivity, allowance, chances[own.tobytes()], worse,
                find_caught_loss(pair, allowance),
            )
        )  # fmt: skip
    return GroupNoise(
        tuple(bands), rule.share, min(1.0, sum(chances.values())), rule.margin, between,
        None if groups is None else model.pair.within, model.reference_runs, {},
    )  # fmt: skip
