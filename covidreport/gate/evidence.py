"""One side of a gate: what is judged, or what it is judged against; `baseline.json` is its record.

The file is small enough to commit. It holds all metrics of the run, and of its answers only which
cases of the target it got wrong, by salted digest: what is needed to tell later whether a change is
more than luck. No sample id stands in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from covidreport import __version__
from covidreport.compare.answers import AlignedAnswers
from covidreport.errors import GateError, StoreError
from covidreport.gate.metrics import collect_estimates
from covidreport.gate.paired import digest_salt, find_wrong_cases
from covidreport.metrics import ALL_METRICS, HIGHEST_CORRELATION
from covidreport.records import Estimate, Evaluation, GateBaseline, GateEvidence, ScoresFrom
from covidreport.storage.codec import Document, FileFormat, write_lines
from covidreport.storage.evaluation import check_counts
from covidreport.text import choose_salt

_REMEDY = "make it again with `covidreport baseline set`"


class StoredEvaluation(Struct, frozen=True):
    """What a run folder holds beyond the record of a gate."""

    folder: Path
    """Of the run."""
    evaluation: Evaluation
    answers: AlignedAnswers | None
    """Of this run alone, for the target; None where only counts are known."""
    scores_from: ScoresFrom
    thresholds_written_here: bool | None
    """As `Verdict.thresholds_written_here`."""


class GateSide(Struct, frozen=True):
    """A run that is judged, or that another is judged against, and where it was found."""

    evidence: GateEvidence
    source: str
    """The place as it was given."""
    kind: Literal["run", "file", "best"] = "run"
    stored: StoredEvaluation | None = None
    """None for a file, which states metrics: nothing in it can be computed again."""

    @property
    def scores_from(self) -> ScoresFrom:
        """Whether its scores were computed on this machine."""
        return "as stored" if self.stored is None else self.stored.scores_from

    def describe(self) -> GateBaseline:
        """What a verdict says of it as a baseline."""
        of = self.evidence
        return GateBaseline(
            run=of.run,
            kind=self.kind,
            source=self.source,
            model_sha256=of.model_sha256,
            covidreport=of.evaluated_with,
            counts=of.counts[of.target],
            estimates=list_estimates(of),
            scores_from=self.scores_from,
        )


def list_estimates(evidence: GateEvidence) -> dict[str, Estimate]:
    """The estimates of the target that every report has, by metric."""
    estimates = evidence.metrics.get(evidence.target, {})
    return {name: estimate for name, estimate in estimates.items() if name in ALL_METRICS}


def salt_cases(evidence: GateEvidence) -> str:
    """The salt of the digests in `wrong`: whoever has the same images and truth has it."""
    return choose_salt(evidence.label_fingerprints.get(evidence.target, evidence.fingerprint))


def take_evidence(
    evaluation: Evaluation, target: str, answers: AlignedAnswers | None
) -> GateEvidence:
    """What a gate has to know of an evaluation, which has counts of the target.

    answers: of this run alone, for the target; None where only counts are known.
    """
    facts = evaluation.facts
    salt = choose_salt(evaluation.label_fingerprints.get(target, evaluation.fingerprint))
    return GateEvidence(
        covidreport=__version__,
        evaluated_with=facts.covidreport,
        run=evaluation.run,
        model_sha256=facts.model_sha256,
        target=target,
        dataset=evaluation.dataset,
        split=evaluation.split,
        variant=evaluation.variant,
        fingerprint=evaluation.fingerprint,
        label_fingerprints=evaluation.label_fingerprints,
        labels=evaluation.labels,
        n_images=evaluation.n_images,
        n_groups=evaluation.n_groups,
        thresholds=evaluation.thresholds,
        thresholds_from=evaluation.thresholds_from,
        tuning=evaluation.tuning,
        counts=evaluation.counts,
        metrics=collect_estimates(evaluation),
        wrong=None if answers is None else find_wrong_cases(answers, salt),
        known={},
        machine=evaluation.times.machine,
    )


def _check_evidence(evidence: GateEvidence) -> None:
    check_counts(evidence.counts, evidence.labels)
    if evidence.target not in evidence.counts:
        raise StoreError(f"there are no counts of its target {evidence.target!r}")
    reference = evidence.reference
    for name in ("between", "within"):
        value = None if reference is None else getattr(reference, name)
        if value is not None and not 0 <= value <= HIGHEST_CORRELATION:
            raise StoreError(
                f"`$.reference.{name}` is {value:g}, not from 0 to {HIGHEST_CORRELATION:g}"
            )


BASELINE: Final = FileFormat(
    "covidreport.baseline/1",
    GateEvidence,
    "is not a whole baseline",
    _REMEDY,
    names={"metrics": "figures"},
    check=_check_evidence,
)


def write_baseline(path: Path, evidence: GateEvidence) -> None:
    """Write a baseline.json; WriteError where it can't be written."""
    write_lines(path, encode_baseline(evidence))


def encode_baseline(evidence: GateEvidence) -> Document:
    """The object that stands in a baseline.json."""
    document = BASELINE.encode(evidence)
    for estimates in document["figures"].values():
        for name, estimate in estimates.items():  # of what is None the value alone stands there
            estimates[name] = {k: v for k, v in estimate.items() if k == "value" or v is not None}
    for name in (
        "reference",
        "judged",
        "picked",
        "label_fingerprints",
        "machine",
    ):  # where there is none, the file is as it always was
        if not document[name]:
            del document[name]
    return document


def read_baseline(path: Path, source: str) -> GateSide:
    """The baseline in a file. GateError where it is broken, of another version or another salt."""
    try:
        evidence = BASELINE.read(path)
    except StoreError as error:
        said = str(error).removesuffix(f"; {_REMEDY}")
        raise GateError("baseline", f"{said}; {_REMEDY}") from error
    wrong = evidence.wrong
    if wrong is not None and wrong.salt != digest_salt(salt_cases(evidence)):
        raise GateError(
            "baseline",
            f"{path}: its cases have another salt than COVIDREPORT_SALT gives here; set the "
            f"one that it was made with, or {_REMEDY}",
        )
    return GateSide(evidence, source, "file")
