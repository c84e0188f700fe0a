"""What a run is gated against: figures and wrong cases of a run folder, or of a baseline.json.

baseline.json is small enough to commit. It holds all figures of the run, and of its answers only
which cases of the target it got wrong, by salted digest: what is needed to tell later whether a
change is more than luck. No sample id stands in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from covidreport import __version__
from covidreport.compare.ranking import identify_images, identify_thresholds
from covidreport.errors import GateError, RunError, StoreError
from covidreport.gate.figures import Figures, collect_figures
from covidreport.gate.paired import WrongCases
from covidreport.metrics import ALL_METRICS, COUNTS
from covidreport.records import Counts, Evaluation, GateBaseline, Run, ScoresFrom, Tuning
from covidreport.runs import read_evaluations
from covidreport.storage.codec import Format, decode, encode, read_json, write_lines
from covidreport.storage.evaluation import check_counts
from covidreport.storage.model import identify_model
from covidreport.store import digest_file
from covidreport.text import choose_salt, digest_case
from covidreport.thresholds import TUNING

BASELINE_FILE = "baseline.json"
_REMEDY = "make it again with `covidreport baseline set`"
_SHORTEST_IDENTITY = 16
"""Digits of `identify_run` in files of an earlier version."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run to be gated against, wherever it comes from."""

    evaluation: Evaluation
    """Of a baseline.json: without details, findings and failures."""
    figures: Figures
    target: str
    wrong: WrongCases | None
    """None where only counts are known."""
    kind: Literal["run", "file", "best"] = "run"
    source: str = ""
    folder: Path | None = None
    """Of the run; None for a file."""
    scores_from: ScoresFrom = "as stored"
    """A file states figures, and nothing in it can be computed again."""
    known: Mapping[str, str] = field(default_factory=dict)
    """The runs that were there when the baseline was set, by name, as `identify_run` has them."""

    @property
    def model_sha256(self) -> str | None:
        """Of the model that gave the answers; None where they came from elsewhere."""
        return self.evaluation.facts.model_sha256

    def record(self) -> GateBaseline:
        """What a verdict says of it."""
        return GateBaseline(
            run=self.evaluation.run,
            kind=self.kind,
            source=self.source,
            model_sha256=self.model_sha256,
            covidreport=self.evaluation.facts.covidreport,
            counts=self.evaluation.counts[self.target],
            estimates={
                name: figure
                for name, figure in self.figures[self.target].items()
                if name in ALL_METRICS
            },
            scores_from=self.scores_from,
        )


def identify_run(run: Run) -> str:
    """What changes when a run's answers do: of its model and how that is fed, else of its counts.

    Reads the bytes of all files of the model and loads nothing. A model that is not whole is known
    by its fault and the bytes that are there.
    """
    if run.model is not None:
        facts: dict[str, Any] = {"input": run.described}
        try:
            facts["model"] = identify_model(run.model, verify=True).sha256
        except RunError as error:
            there = digest_file(run.model) if run.model.is_file() else None
            facts |= {"model": there, "fault": str(error)}
    else:
        facts = {each.key: encode(each.counts) for each in read_evaluations(run)[0]}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_known(baseline: Baseline, run: Run) -> bool:
    """Whether a run is as it was when the baseline was set.

    Older files have the first digits alone, which two models could be made to share.
    """
    noted = baseline.known.get(run.name, "")
    return len(noted) >= _SHORTEST_IDENTITY and identify_run(run).startswith(noted)


def salt_check(salt: str) -> str:
    """What tells later whether the salt is the same, without telling the salt."""
    return digest_case("covidreport", salt)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """The cases of the target that the run got wrong, by salted digest."""

    salt: str
    missed: tuple[str, ...]
    false_alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Document:
    """What stands in a baseline.json, in its order."""

    covidreport: str
    evaluated_with: str | None
    run: str
    model_sha256: str | None
    target: str
    dataset: str
    split: str
    variant: str | None
    fingerprint: str | None
    labels: tuple[str, ...]
    n_images: int
    n_groups: int | None
    thresholds: Mapping[str, float]
    thresholds_from: str
    tuning: Mapping[str, Any] | None
    counts: Mapping[str, Counts]
    figures: Figures
    wrong: _Wrong | None
    known: Mapping[str, str]


def _check_document(document: _Document) -> None:
    check_counts(document.counts, document.labels)
    if document.tuning is not None:
        decode(document.tuning, Tuning, "$.tuning")
    if document.target not in document.counts:
        raise StoreError(f"there are no counts of its target {document.target!r}")


BASELINE: Final = Format(
    "covidreport.baseline/1", _Document, "is not a whole baseline", _REMEDY, check=_check_document
)


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline.json; WriteError where it can't be written."""
    evaluation, wrong = baseline.evaluation, baseline.wrong
    document = BASELINE.encode(
        _Document(
            covidreport=__version__,
            evaluated_with=evaluation.facts.covidreport,
            run=evaluation.run,
            model_sha256=baseline.model_sha256,
            target=baseline.target,
            dataset=evaluation.dataset,
            split=evaluation.split,
            variant=evaluation.variant,
            fingerprint=evaluation.fingerprint,
            labels=evaluation.labels,
            n_images=evaluation.n_images,
            n_groups=evaluation.n_groups,
            thresholds=evaluation.thresholds,
            thresholds_from=evaluation.thresholds_from,
            tuning=evaluation.provenance.get(TUNING),
            counts=evaluation.counts,
            figures={
                label: {name: each for name, each in figures.items() if name not in COUNTS}
                for label, figures in baseline.figures.items()
            },
            wrong=None if wrong is None else _Wrong(
                salt_check(choose_salt(evaluation.fingerprint)),
                tuple(sorted(wrong.missed)),
                tuple(sorted(wrong.false_alarms)),
            ),
            known=baseline.known,
        )
    )  # fmt: skip
    for figures in document["figures"].values():
        for name, figure in figures.items():  # of what is None the value alone stands there
            figures[name] = {k: v for k, v in figure.items() if k == "value" or v is not None}
    write_lines(path, document)


def read_baseline(path: Path, source: str) -> Baseline:
    """The baseline in a file. GateError where it is broken, of another version or another salt."""
    try:
        document = BASELINE.read(path)
    except StoreError as error:
        said = str(error).removesuffix(f"; {_REMEDY}")
        raise GateError("baseline", f"{said}; {_REMEDY}") from error
    wrong = document.wrong
    if wrong is not None and wrong.salt != salt_check(choose_salt(document.fingerprint)):
        raise GateError(
            "baseline",
            f"{path}: its cases have another salt than COVIDREPORT_SALT gives here; set the "
            f"one that it was made with, or {_REMEDY}",
        )
    evaluation = _evaluation_of(document)
    figures = dict(document.figures)
    for label, named in collect_figures(evaluation).items():
        figures[label] = {**named, **figures.get(label, {})}
    return Baseline(
        evaluation=evaluation,
        figures=figures,
        target=document.target,
        wrong=None if wrong is None else WrongCases(
            frozenset(wrong.missed), frozenset(wrong.false_alarms)
        ),
        kind="file",
        source=source,
        known=document.known,
    )  # fmt: skip


def _evaluation_of(document: _Document) -> Evaluation:
    """What a baseline.json says of the evaluation that it was set from."""
    return Evaluation(
        run=document.run,
        dataset=document.dataset,
        split=document.split,
        variant=document.variant,
        fingerprint=document.fingerprint,
        labels=document.labels,
        n_images=document.n_images,
        n_groups=document.n_groups,
        thresholds=document.thresholds,
        thresholds_from=document.thresholds_from,
        counts=document.counts,
        estimates={
            label: {name: each for name, each in named.items() if name in ALL_METRICS}
            for label, named in document.figures.items()
        },
        provenance={
            TUNING: document.tuning,
            "model": {"sha256": document.model_sha256},
            "versions": {"covidreport": document.evaluated_with},
        },
        has_scores=document.wrong is not None,
    )


def find_baseline_file(named: str | None, folder: Path) -> Path | None:
    """The file of a baseline: the one that the configuration in `folder` names, else baseline.json.

    None where there is none, or where a run or a folder is named.
    """
    places = [BASELINE_FILE] if named is None else [named]
    found = (place / name for name in places for place in (Path(), folder))
    return next((file for file in found if file.is_file()), None)


def peek_split(path: Path) -> str | None:
    """The split that a baseline was set on; None for a file that is none: `gate` says why."""
    try:
        split = read_json(path, BASELINE.schema).get("split")
    except StoreError:
        return None
    return split if isinstance(split, str) else None


def find_differences(run: Evaluation, baseline: Evaluation) -> tuple[str, ...]:
    """Why a run can't be compared with a baseline, a sentence each; empty where it can.

    The same images and truth, split, labels, variant and rule of thresholds are wanted, as in a
    ranking.
    """
    if identify_images(run) == identify_images(baseline):
        return ()
    found: list[str] = []
    if sorted(run.labels) != sorted(baseline.labels):
        found.append(
            f"labels: {', '.join(run.labels)}; the baseline's: {', '.join(baseline.labels)}"
        )
    if run.split != baseline.split:
        found.append(f"split: {run.split}; the baseline's: {baseline.split}")
    if run.variant != baseline.variant:
        found.append(
            f"variant: {run.variant or 'the usual'}; the baseline's: "
            f"{baseline.variant or 'the usual'}"
        )
    found += _data_differences(run, baseline)
    if identify_thresholds(run) != identify_thresholds(baseline):
        found.append(
            f"thresholds: {_spell_thresholds(run)}; the baseline's: {_spell_thresholds(baseline)}"
        )
    return tuple(found)


def _data_differences(run: Evaluation, baseline: Evaluation) -> list[str]:
    if run.fingerprint == baseline.fingerprint is not None:
        return []
    found = []
    if run.n_images != baseline.n_images:
        found.append(f"images: {run.n_images:,}; the baseline's: {baseline.n_images:,}")
    for label in run.labels:
        ours, theirs = run.counts.get(label), baseline.counts.get(label)
        if ours and theirs and _support(ours) != _support(theirs):
            found.append(
                f"{label}: {_describe_support(ours)}; the baseline's: {_describe_support(theirs)}"
            )
    if run.fingerprint != baseline.fingerprint:
        numbers = "" if found else ", though images and positives are as many"
        found.append(
            f"data: {_describe_data(run)}; the baseline's: {_describe_data(baseline)} (ids, truth, "
            f"split or the bytes of files differ{numbers})"
        )
    elif run.dataset != baseline.dataset:
        found.append(f"data set: {run.dataset}; the baseline's: {baseline.dataset}")
    return found


def _support(counts: Counts) -> tuple[int, int, int]:
    return counts.positives, counts.negatives, counts.unknown


def _describe_support(counts: Counts) -> str:
    unknown = f", {counts.unknown:,} unknown" if counts.unknown else ""
    return f"{counts.positives:,} positive, {counts.negatives:,} negative{unknown}"


def _describe_data(evaluation: Evaluation) -> str:
    digest = evaluation.fingerprint
    return "without a fingerprint" if digest is None else f"fingerprint {digest[:12]}"


def _spell_thresholds(evaluation: Evaluation) -> str:
    values = ", ".join(f"{label} {value:g}" for label, value in evaluation.thresholds.items())
    return f"{values} ({evaluation.thresholds_from})"
