"""A kit of runs for data that can't move, and the answer that comes back: counts alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from covidreport.records.finding import Severity
from covidreport.records.scores import Counts

Withheld = Literal["counts", "curves", "groups"]
"""What a sender may leave out of an answer; with the counts go curves and groups, which add up to
them."""


class SealedMember(Struct, frozen=True):
    """One file of a kit."""

    sha256: str
    bytes: int


class SealedRun(Struct, frozen=True):
    """A run as it was sealed.

    folder: in the kit. contract: all that its model is fed with, as its file and its run.json come
    to; input: what run.json says of it. threshold: of the target, a probability. tuning: where that
    was tuned and for what, None where it was not.
    """

    run: str
    folder: str
    model_sha256: str
    contract: Mapping[str, Any]
    contract_sha256: str
    input: Mapping[str, Any] | None
    threshold: float
    thresholds_from: str
    tuning: Mapping[str, Any] | None = None


class Kit(Struct, frozen=True):
    """kit.json of a kit: what is asked, of which runs, and the digest of every other file.

    attributes: by which the answer's counts are asked for. fewest: no group and no bin of an answer
    is of fewer images.
    """

    target: str
    attributes: tuple[str, ...]
    fewest: int
    runs: tuple[SealedRun, ...]
    members: Mapping[str, SealedMember]
    versions: Mapping[str, str] = field(default_factory=dict)


class ScoreBins(Struct, frozen=True):
    """How many images of a class score above `edges[i]` and up to `edges[i + 1]`, a probability.

    The first bin holds a score of 0, too. edges: one more than counts, rising from 0 to 1.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class AnsweredCurve(Struct, frozen=True):
    """The scores of both classes, binned each by itself."""

    positives: ScoreBins
    negatives: ScoreBins


class CountedGroup(Struct, frozen=True):
    """A run's answers to the images of a value of an attribute: failed images are wrong answers.

    value: empty where it is not stated; None for all the values that are too few by themselves.
    """

    value: str | None
    tp: int
    fn: int
    fp: int
    tn: int


class FoundCode(Struct, frozen=True, order=True):
    """A finding without its words, which may name images."""

    severity: Severity
    code: str


class EffectiveImages(Struct, frozen=True):
    """As how many independent images the rates are known, where patients have several."""

    positives: int
    negatives: int


class AnsweredRun(Struct, frozen=True):
    """What one run did there; counts are None where they are withheld, and where it failed.

    groups: by attribute; empty where nothing can be told without telling of a few. failed: at which
    stage there came no evaluation about; empty where it did.
    """

    run: str
    model_sha256: str
    contract_sha256: str
    threshold: float
    counts: Counts | None = None
    effective: EffectiveImages | None = None
    curve: AnsweredCurve | None = None
    groups: Mapping[str, tuple[CountedGroup, ...]] = field(default_factory=dict)
    findings: tuple[FoundCode, ...] = ()
    failed: str = ""


class Answer(Struct, frozen=True):
    """answer.json: what a sealed kit found where the images are. No score, no id, no path."""

    kit: str
    """The sha256 of the kit's kit.json."""
    target: str
    attributes: tuple[str, ...]
    fewest: int
    withheld: tuple[Withheld, ...]
    runs: tuple[AnsweredRun, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
