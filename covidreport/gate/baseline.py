"""What a run is gated against: figures and wrong cases of a run folder, or of a baseline.json.

baseline.json is small enough to commit. It holds all figures of the run, and of its answers only
which cases of the target it got wrong, by salted digest: what is needed to tell later whether a
change is more than luck. No sample id stands in it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from covidreport import __version__
from covidreport.errors import GateError, RunError, StoreError
from covidreport.gate.figures import Figures, collect_figures
from covidreport.gate.paired import WrongCases
from covidreport.metrics import ALL_METRICS, COUNTS
from covidreport.ranking import identify_images, identify_thresholds
from covidreport.records import Counts, Estimate, Evaluation, GateBaseline, Run, ScoresFrom
from covidreport.runs import read_evaluations
from covidreport.storage.model import identify_model
from covidreport.store import digest_file, encode_text, read_json, spell_json, write_atomic
from covidreport.text import choose_salt, digest_case

BASELINE_SCHEMA = "covidreport.baseline/1"
BASELINE_FILE = "baseline.json"
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
        return model_digest(self.evaluation)

    def record(self) -> GateBaseline:
        """What a verdict says of it."""
        return GateBaseline(
            run=self.evaluation.run,
            kind=self.kind,
            source=self.source,
            model_sha256=self.model_sha256,
            covidreport=version_of(self.evaluation),
            counts=self.evaluation.counts[self.target],
            estimates={
                name: figure
                for name, figure in self.figures[self.target].items()
                if name in ALL_METRICS
            },
            scores_from=self.scores_from,
        )


def model_digest(evaluation: Evaluation) -> str | None:
    """The sha256 of the model that was evaluated; None where answers came from elsewhere."""
    digest = (evaluation.provenance.get("model") or {}).get("sha256")
    return None if digest is None else str(digest)


def version_of(evaluation: Evaluation) -> str | None:
    """The covidreport that made an evaluation, where it says so."""
    version = (evaluation.provenance.get("versions") or {}).get("covidreport")
    return None if version is None else str(version)


def identify_run(run: Run) -> str:
    """What changes when a run's answers do: of its model and how that is fed, else of its counts.

    Reads the bytes of all files of the model and loads nothing. A model that is not whole is known
    by its fault and the bytes that are there.
    """
    if run.model is not None:
        facts: dict[str, Any] = {"input": run.settings.get("input")}
        try:
            facts["model"] = identify_model(run.model, verify=True).sha256
        except RunError as error:
            there = digest_file(run.model) if run.model.is_file() else None
            facts |= {"model": there, "fault": str(error)}
    else:
        facts = {
            each.key: {label: dataclasses.asdict(counts) for label, counts in each.counts.items()}
            for each in read_evaluations(run)[0]
        }
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


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline.json; WriteError where it can't be written."""
    evaluation = baseline.evaluation
    wrong = None
    if baseline.wrong is not None:
        wrong = {
            "salt": salt_check(choose_salt(evaluation.fingerprint)),
            "missed": sorted(baseline.wrong.missed),
            "false_alarms": sorted(baseline.wrong.false_alarms),
        }
    document = {
        "schema": BASELINE_SCHEMA,
        "covidreport": __version__,
        "evaluated_with": version_of(evaluation),
        "run": evaluation.run,
        "model_sha256": baseline.model_sha256,
        "target": baseline.target,
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "variant": evaluation.variant,
        "fingerprint": evaluation.fingerprint,
        "labels": evaluation.labels,
        "n_images": evaluation.n_images,
        "n_groups": evaluation.n_groups,
        "thresholds": dict(evaluation.thresholds),
        "thresholds_from": evaluation.thresholds_from,
        "tuning": evaluation.provenance.get("tuning"),
        "counts": {name: dataclasses.asdict(each) for name, each in evaluation.counts.items()},
        "figures": {
            label: {name: _spell_figure(each) for name, each in figures.items()
                    if name not in COUNTS}
            for label, figures in baseline.figures.items()
        },
        "wrong": wrong,
        "known": dict(baseline.known),
    }  # fmt: skip
    write_atomic(path, encode_text(f"{spell_json(document)}\n"))


def _spell_figure(estimate: Estimate) -> dict[str, Any]:
    """Without what is None, except for the value."""
    fields = dataclasses.asdict(estimate)
    return {k: value for k, value in fields.items() if k == "value" or value is not None}


def read_baseline(path: Path, source: str) -> Baseline:
    """The baseline in a file. GateError where it is broken, of another version or another salt."""
    try:
        value = read_json(path, BASELINE_SCHEMA)
        baseline = _parse(value, source)
    except StoreError as error:
        raise GateError(
            "baseline", f"{error}; make it again with `covidreport baseline set`"
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise GateError(
            "baseline",
            f"{path}: is not a whole baseline ({type(error).__name__}: {error}); make it again "
            "with `covidreport baseline set`",
        ) from error
    wrong = value["wrong"]
    if wrong is not None:
        salt = choose_salt(baseline.evaluation.fingerprint)
        if wrong["salt"] != salt_check(salt):
            raise GateError(
                "baseline",
                f"{path}: its cases have another salt than COVIDREPORT_SALT gives here; set the "
                "one that it was made with, or make it again with `covidreport baseline set`",
            )
    return baseline


def _parse(value: Mapping[str, Any], source: str) -> Baseline:
    counts = {label: Counts(**each) for label, each in value["counts"].items()}
    figures = {
        label: {name: Estimate(**each) for name, each in named.items()}
        for label, named in value["figures"].items()
    }
    evaluation = Evaluation(
        run=value["run"],
        dataset=value["dataset"],
        split=value["split"],
        variant=value["variant"],
        fingerprint=value["fingerprint"],
        labels=tuple(value["labels"]),
        n_images=value["n_images"],
        n_groups=value["n_groups"],
        thresholds=value["thresholds"],
        thresholds_from=value["thresholds_from"],
        counts=counts,
        estimates={
            label: {name: each for name, each in named.items() if name in ALL_METRICS}
            for label, named in figures.items()
        },
        provenance={
            "tuning": value["tuning"],
            "model": {"sha256": value["model_sha256"]},
            "versions": {"covidreport": value["evaluated_with"]},
        },
        has_scores=value["wrong"] is not None,
    )
    for label, named in collect_figures(evaluation).items():
        figures[label] = {**named, **figures.get(label, {})}
    target = value["target"]
    if target not in counts:
        raise ValueError(f"there are no counts of its target {target!r}")
    wrong = value["wrong"]
    return Baseline(
        evaluation=evaluation,
        figures=figures,
        target=target,
        wrong=None if wrong is None else WrongCases(
            frozenset(wrong["missed"]), frozenset(wrong["false_alarms"])
        ),
        kind="file",
        source=source,
        known=value["known"],
    )  # fmt: skip


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
        split = read_json(path, BASELINE_SCHEMA).get("split")
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
