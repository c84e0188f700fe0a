"""What is read of an evaluation's provenance and times; all else in them is shown as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from covidreport.records.kit import CountedGroup, EffectiveImages

_TUNED_ON = "tuned on "
_EXPLORATORY = " (exploratory)"


class RecordedModel(Struct, frozen=True):
    """The model that gave the scores, with all files that it refers to."""

    sha256: str | None = None
    bytes: int | None = None
    file: str | None = None
    parameters: int | None = None
    """As exported; None where the file does not say, or nobody counted."""


class RecordedData(Struct, frozen=True):
    """Where the images lay, and how many more there were."""

    source: str | None = None
    left_out: Mapping[str, int] | None = None
    """As of the data set; None before it was recorded."""
    in_splits: Mapping[str, int] | None = None
    """Likewise."""


class TunedFor(Struct, frozen=True):
    """What one label's threshold was to reach."""

    metric: str | None = None
    value: float | None = None
    method: str | None = None
    confidence: float = 0.95


class Tuning(Struct, frozen=True):
    """On which images thresholds were tuned and for what, the same for all runs tuned alike."""

    dataset: str | None = None
    split: str | None = None
    fingerprint: str | None = None
    targets: Mapping[str, TunedFor] | None = None
    """By label; None where nobody said which labels were tuned: then all were."""


class Promise(Struct, frozen=True):
    """What the tuning images allow to be said of new ones, of this run."""

    images: int | None = None
    patients: int | None = None
    bounds: Mapping[str, float | None] = field(default_factory=dict)
    """By label: what the tuned metric is at least; None where no bound holds."""
    unbounded: str = ""
    """Why none holds."""


class RecordedFold(Struct, frozen=True):
    """One fold of a cross-validated evaluation: whose answers they are, and to which images."""

    fold: str
    run: str
    evaluation: str
    """The name of its own evaluation's folder."""
    fingerprint: str | None
    images: int
    model: str | None
    """Its sha256."""
    scores: str
    """The sha256 of its scores.parquet."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    thresholds_from: str = ""


class RecordedReference(Struct, frozen=True):
    """What gave the reference answers, the largest difference of a probability, and up to where
    that is rounding."""

    source: str
    difference: float
    limit: float


class RecordedAnswer(Struct, frozen=True):
    """The answer to a kit that counts came as: its sha256, that of the kit, as how many independent
    images its rates are known where patients have several, and its counts by attribute."""

    sha256: str
    kit: str
    effective: EffectiveImages | None = None
    groups: Mapping[str, tuple[CountedGroup, ...]] = field(default_factory=dict)


class Provenance(Struct, frozen=True):
    """What an evaluation's metrics depend on, as far as something is decided by it."""

    key: str | None = None
    """Of everything that scores depend on (`evaluation_key`)."""
    model: RecordedModel | None = None
    """None where answers came from elsewhere."""
    data: RecordedData | None = None
    provider: Mapping[str, Any] | None = None
    batch: int | None = None
    decoder: str | None = None
    """Which decoding of ours made the pixels; None before it was recorded."""
    grey_levels: tuple[tuple[int, int], ...] | None = None
    """Mean grey levels, 0 to 255, as files were decoded, and how many images have each; None before
    they were recorded."""
    company: Mapping[str, Any] | Literal["not asked"] | None = "not asked"
    """Whether images scored together change each other's scores, where that was asked."""
    versions: Mapping[str, Any] | None = None
    machine: Mapping[str, Any] | None = None
    device: Mapping[str, Any] | None = None
    cpu_check: Mapping[str, Any] | None = None
    reference: RecordedReference | None = None
    """How far its answers to three drawn pictures lie from those that came with the model."""
    tuning: Tuning | None = None
    promised: Promise | None = None
    command: str | None = None
    answer: RecordedAnswer | None = None
    """None but for counts that came as an answer to a kit."""
    folds: tuple[RecordedFold, ...] = ()
    """What the answers were put together from, where each fold had a model of its own."""

    @property
    def changed(self) -> str | None:
        """Of which set of changed pictures it is, which stand beside those of an evaluation: such
        as `disturb`; None of pictures as they are."""
        found = (self.provider or {}).get("disturbance")
        return None if found is None else str(found["set"])

    @property
    def model_sha256(self) -> str | None:
        """Of the model that was evaluated; None where answers came from elsewhere."""
        return None if self.model is None else self.model.sha256

    @property
    def source(self) -> str | None:
        """Where the images lay, as the command was told."""
        return None if self.data is None else self.data.source

    @property
    def covidreport(self) -> str | None:
        """The version that made the evaluation, where it says so."""
        version = (self.versions or {}).get("covidreport")
        return None if version is None else str(version)


class Called(Struct, frozen=True):
    """A command, and when it was done."""

    command: str | None = None
    finished: str | None = None


class Timing(Struct, frozen=True):
    """When an evaluation was made and by which commands: where two equal ones may differ."""

    finished: str | None = None
    command: str | None = None
    thresholds_set: Called | None = None
    """The command that set its thresholds; None where the one that computed its scores did."""
    thresholds_tuned: Called | None = None
    """The command of `tune` whose thresholds these are."""
    data_place: str | None = None
    """A digest of where its data lay."""
    inference_s: float | None = None
    """In the model, for `images_timed` images, while other models took turns."""
    images_timed: int | None = None
    memory_bytes: int | None = None
    """That its model took at most, by itself on the CPU, with one image."""
    machine: str | None = None
    """What the images were scored on."""


class ThresholdOrigin(Struct, frozen=True):
    """Where an evaluation's thresholds come from."""

    rule: str
    """`default`, `option`, `configuration`, `published`, `call` of a reader, `tuned` where each run
    has its own, or `argmax` where there is none."""
    split: str | None = None
    """The one that they were tuned on; None where they are not tuned."""
    exploratory: bool = False
    """Whether they were tuned on the very images that are reported."""

    @property
    def tuned(self) -> bool:
        """Whether each run has thresholds of its own."""
        return self.split is not None

    @classmethod
    def of_split(cls, split: str, *, exploratory: bool = False) -> ThresholdOrigin:
        """That of thresholds which were tuned on a split."""
        return cls("tuned", split, exploratory)

    @classmethod
    def parse(cls, words: str, split: str | None = None) -> ThresholdOrigin:
        """The origin that `Evaluation.thresholds_from` says.

        split: the tuning split where it is known, since one may itself be called `x (exploratory)`.
        """
        if not words.startswith(_TUNED_ON):
            return cls(words)
        named = words.removeprefix(_TUNED_ON)
        if named == split:
            return cls.of_split(named)
        return cls.of_split(
            named.removesuffix(_EXPLORATORY), exploratory=named.endswith(_EXPLORATORY)
        )

    @classmethod
    def find(cls, words: str, tuning: Tuning | None, split: str) -> ThresholdOrigin:
        """That of the thresholds of an evaluation on `split`, as it says it and was tuned.

        Where nothing says on which images they were tuned, the name of the split decides whether
        it was on its own.
        """
        origin = cls.parse(words, None if tuning is None else tuning.split)
        if tuning is None and origin.split == split:
            return cls.of_split(split, exploratory=True)
        return origin

    def __str__(self) -> str:
        """As `Evaluation.thresholds_from`."""
        if self.split is None:
            return self.rule
        return f"{_TUNED_ON}{self.split}{_EXPLORATORY if self.exploratory else ''}"
