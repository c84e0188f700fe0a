"""evaluation.json, failure.json and thresholds.json of a run folder, which may hold anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.metrics.subgroups import name_worst
from covidreport.records import (
    Counts,
    Evaluation,
    Failure,
    Provenance,
    ScoreMetrics,
    Subgroups,
    Timing,
    TunedThresholds,
)
from covidreport.storage.codec import (
    Document,
    FileFormat,
    decode,
    read_json,
    write_json,
    write_lines,
)
from covidreport.storage.exploratory import drop_bounds, drop_intervals
from covidreport.storage.files import digest_file, format_path
from covidreport.storage.folder import (
    EVALUATION_FILE,
    FAILURE_FILE,
    SCORES_FILE,
    THRESHOLDS_FILE,
    evaluation_folder,
)

SCORE_METRICS_SCHEMA: Final = "covidreport.details/1"
"""Score metrics have a version of their own: a file without them, or with those of another one, is
a whole evaluation all the same, whose score metrics show as dashes."""
_LARGEST: Final = 2**53
"""Up to here every whole number is a float, as which rates are computed."""


def check_counts(counts: Mapping[str, Counts], labels: Sequence[str]) -> None:
    """StoreError unless they are of these labels, and numbers of images."""
    for each in counts.values():
        for name in Counts.__struct_fields__:
            count = getattr(each, name)
            if not 0 <= count <= _LARGEST:
                bound = ">= 0" if count < 0 else f"<= {_LARGEST}"
                raise StoreError(f"Expected `int` {bound} - at `$.counts[...].{name}`")
    if set(counts) != set(labels):
        raise StoreError("Counts of other labels than `$.labels` - at `$.counts`")


def _check_evaluation(evaluation: Evaluation) -> None:
    """StoreError for what no type says, and for what is read of the parts that are free."""
    check_counts(evaluation.counts, evaluation.labels)
    decode(evaluation.provenance, Provenance, "$.provenance")
    decode(evaluation.timing, Timing, "$.timing")


EVALUATION: Final = FileFormat(
    "covidreport.evaluation/1",
    Evaluation,
    "is not a whole evaluation",
    "run `covidreport evaluate` again",
    names={"score_metrics": "details"},
    check=_check_evaluation,
)
FAILURE: Final = FileFormat(
    "covidreport.failure/1",
    Failure,
    "is not a whole failure",
    "run `covidreport evaluate` again",
)
THRESHOLDS: Final = FileFormat(
    "covidreport.thresholds/2",
    TunedThresholds,
    "does not hold whole thresholds",
    "run `covidreport tune` again",
    # version 1 has a bound in every case, where none holds as well: `drop_bounds` drops those
    {"covidreport.thresholds/1": lambda value: {**value, "schema": "covidreport.thresholds/2"}},
)


def write_evaluation(run_folder: Path, evaluation: Evaluation) -> Path:
    """Write evaluation.json under the run's evaluations/ and give its path.

    The sha256 of the scores that stand there goes into it: `check_scores` compares them.
    """
    path = evaluation_folder(run_folder, evaluation.key) / EVALUATION_FILE
    scores = path.with_name(SCORES_FILE)
    digest = digest_file(scores) if evaluation.has_scores and scores.is_file() else None
    write_lines(path, encode_evaluation(evaluation, digest))
    return path


def encode_evaluation(evaluation: Evaluation, scores_sha256: str | None = None) -> Document:
    """The object that stands in evaluation.json; scores_sha256: of the scores beside it."""
    document = EVALUATION.encode(evaluation)
    if not evaluation.label_fingerprints:  # where there are none, the file is as it always was
        del document["label_fingerprints"]
    if document["details"] is not None:
        document["details"] = {"schema": SCORE_METRICS_SCHEMA, **document["details"]}
    head = {} if scores_sha256 is None else {"scores_sha256": scores_sha256}
    return {"schema": document["schema"], **head, **document}


def read_evaluation(path: Path) -> Evaluation:
    """The evaluation in a file or in its folder; StoreError where it can't be one."""
    file = path / EVALUATION_FILE if path.is_dir() else path
    return mend_evaluation(decode_evaluation(read_json(file), format_path(file)))


def decode_evaluation(document: Document, source: str) -> Evaluation:
    """What stands in an evaluation.json, as it stands; StoreError that names `source`."""
    score_metrics: Any = document.get("details")
    if isinstance(score_metrics, dict) and score_metrics.get("schema") != SCORE_METRICS_SCHEMA:
        document = {**document, "details": None}
    return EVALUATION.decode(document, source)


def mend_evaluation(evaluation: Evaluation) -> Evaluation:
    """The evaluation without what earlier versions said too much: intervals that do not hold, and
    one name for the worst of subgroups that are all equal."""
    score_metrics = evaluation.score_metrics
    if score_metrics is not None:
        evaluation = replace(evaluation, score_metrics=_name_worst(score_metrics))
    return drop_intervals(_drop_prevalence_intervals(evaluation))


def _drop_prevalence_intervals(evaluation: Evaluation) -> Evaluation:
    """How often a label occurs in a collection is a choice of whoever collected it."""
    estimates = {
        label: {
            key: replace(one, low=None, high=None, method=None) if key == "prevalence" else one
            for key, one in found.items()
        }
        for label, found in evaluation.estimates.items()
    }
    return replace(evaluation, estimates=estimates)


def _name_worst(score_metrics: ScoreMetrics) -> ScoreMetrics:
    subgroups = {
        name: {label: _name_worst_of(each) for label, each in by_label.items()}
        for name, by_label in score_metrics.subgroups.items()
    }
    return replace(score_metrics, subgroups=subgroups)


def _name_worst_of(found: Subgroups) -> Subgroups:
    return replace(
        found,
        worst_sensitivity=name_worst(found.groups, "sensitivity"),
        worst_specificity=name_worst(found.groups, "specificity"),
    )


def write_failure(run_folder: Path, key: str, failure: Failure) -> Path:
    """Record that the last attempt at an evaluation failed; it hides an older evaluation.json."""
    return note_failure(evaluation_folder(run_folder, key), failure)


def note_failure(folder: Path, failure: Failure) -> Path:
    """Write why the last attempt at what belongs into `folder` failed."""
    path = folder / FAILURE_FILE
    write_json(path, FAILURE.encode(failure))
    return path


def read_failure(folder: Path) -> Failure | None:
    """Why the last attempt at the evaluation in `folder` failed; None where it did not."""
    file = folder / FAILURE_FILE
    return FAILURE.read(file) if file.is_file() else None


def clear_failure(folder: Path) -> None:
    """Forget an earlier failure, once the evaluation in `folder` stands."""
    (folder / FAILURE_FILE).unlink(missing_ok=True)


def write_thresholds(run_folder: Path, tuned: TunedThresholds) -> Path:
    """Write thresholds.json into the run folder and give its path."""
    path = run_folder / THRESHOLDS_FILE
    write_json(path, THRESHOLDS.encode(tuned))
    return path


def read_thresholds(run_folder: Path) -> TunedThresholds | None:
    """The tuned thresholds of a run; None where it has none, StoreError where they are broken."""
    file = run_folder / THRESHOLDS_FILE
    # files of an earlier version may have a bound that does not hold
    return drop_bounds(THRESHOLDS.read(file)) if file.is_file() else None
