"""Scores that are at hand as arrays, evaluated and compared as a file of them would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from msgspec.structs import replace
from numpy.typing import ArrayLike

from covidreport.api.arrays import RowNames, read_groups, read_scores, read_truth, table_scores
from covidreport.compare import Plan, check_baseline
from covidreport.dataset.fingerprint import fingerprint, fingerprint_labels
from covidreport.errors import UsageError
from covidreport.evaluate.thresholds import DEFAULT_THRESHOLD, Thresholds
from covidreport.import_scores import ImportRequest, import_scores
from covidreport.metrics.plan import MetricOptions
from covidreport.records import ARGMAX, Activation, Dataset, Finding
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.notebook import Report
from covidreport.settings.record import DEFAULT_FLOOR
from covidreport.storage.files import MOST_NAME_BYTES, fits_name
from covidreport.storage.runs import discover_runs
from covidreport.text import listed

DATASET = "scores"
SPLIT = "all"
ACTIVATIONS = ("sigmoid", "softmax", "logit")
POSITIVE = "positive"
"""What the target is called where nobody names it."""


def compare_scores(
    y_true: ArrayLike,
    y_score: Mapping[str, ArrayLike],
    *,
    labels: Sequence[object] | None = None,
    target: str | None = None,
    threshold: float | Mapping[str, float] | Literal["argmax"] = DEFAULT_THRESHOLD,
    activation: Activation = "sigmoid",
    groups: ArrayLike | Sequence[object] | None = None,
    specificity_floor: float = DEFAULT_FLOOR,
    plan: Plan | None = None,
    title: str | None = None,
    show_ids: bool = False,
) -> Report:
    """Models ranked by missed positives and compared in pairs, from their scores of the same cases.

    y_true: 0 or 1, `(N,)`; with `labels`, of K classes, the class of each case `(N,)` or 0 or 1 of
    each `(N, K)`. y_score: each model's scores by its name, `(N,)` or `(N, K)`, in the order of the
    cases and labels. All may be whatever `numpy.asarray` reads. target: the label that runs are
    ranked by, `positive` if not named; with `labels` it has to be. threshold: a probability, above
    which a case is called positive, for all labels or by label; `argmax` for the class that a
    softmax scores highest. activation: `sigmoid` or `softmax` for probabilities, `logit` for
    logits. groups: the patient of each case, where one has several. plan: a baseline to compare
    with, or a margin of non-inferiority; else all pairs are compared. show_ids: cases go by the
    names of their rows, not by digests.

    Metrics and comparisons are those of `covidreport import-scores` and of the report on it: exact
    paired tests, corrected for all pairs. Nothing is read from run folders, and no settings.
    Raises UsageError where shapes differ, rows are named otherwise in one array than in another
    (none is aligned by its place), a truth is no class, or one class alone is there; DatasetError
    where a score is not finite or no probability.
    """
    if not y_score:
        raise UsageError("y_score: the scores of one model at least are wanted")
    if activation not in ACTIVATIONS:
        raise UsageError(f"activation={activation!r}: one of {', '.join(ACTIVATIONS)}")
    classes = () if labels is None else tuple(labels)
    target = _choose_target(classes, target)
    dataset = _read_cases(y_true, y_score, classes, target, groups)
    thresholds = _read_thresholds(threshold, dataset.labels, activation)
    plan = plan or Plan()
    choices = ReportChoices(target, specificity_floor)
    no_files = [""] * len(dataset)
    with TemporaryDirectory(prefix="covidreport-") as folder:
        # stored, since what compares runs reads their stored scores, and knows them by their bytes
        for name, values in y_score.items():
            scores = read_scores(_call(name), values, len(dataset), classes)
            table, digest = table_scores(dataset, scores)
            import_scores(
                ImportRequest(
                    file=Path(_call(name)),
                    run=name,
                    output=Path(folder),
                    activation=activation,
                    dataset=dataset,
                    split=SPLIT,
                    fingerprint=fingerprint(dataset, no_files),
                    label_fingerprints=fingerprint_labels(dataset, no_files),
                    thresholds=thresholds,
                    thresholds_from=ARGMAX if threshold == ARGMAX else "option",
                    description="Scores of an array",
                    metrics=MetricOptions().plan(dataset.labels, target),
                    table=table,
                    digest=digest,
                    note=_describe(name, activation),
                )
            )
        runs = discover_runs([Path(folder)])
        check_baseline(plan, runs)
        data = collect_report(runs, choices, title=title, plan=plan, show_ids=show_ids)
    # the folders are gone, and nobody is to look for them
    reported = (replace(e, run=replace(e.run, folder=Path(e.run.name))) for e in data.runs)
    return Report(replace(data, runs=tuple(reported)))


def _choose_target(labels: Sequence[object], target: str | None) -> str:
    names = tuple(map(str, labels))
    if not names:
        return target or POSITIVE
    if len(set(names)) < len(names) or len(names) < 2:
        raise UsageError("labels: two or more are wanted, each once; of one say target= alone")
    if target not in names:
        asked = "" if target is None else f"{target!r} is none of the labels; "
        raise UsageError(f"target: {asked}name the one to rank by, of {listed(names, last='or')}")
    return target


def _read_cases(
    y_true: ArrayLike, y_score: Mapping[Any, ArrayLike], labels: Sequence[object], target: str,
    groups: ArrayLike | Sequence[object] | None,
) -> Dataset:  # fmt: skip
    """The cases that all arrays are of; UsageError where two arrays call their rows otherwise."""
    rows = RowNames().join("y_true", y_true).join("groups", groups)
    for name, values in y_score.items():  # a dict of anything, at run time
        if not isinstance(name, str) or not fits_name(name):
            raise UsageError(
                f"y_score: {name!r} is no name for a run: a text without slashes or a dot before "
                f"it is wanted, of at most {MOST_NAME_BYTES} bytes"
            )
        rows = rows.join(_call(name), values)
    truth = read_truth(y_true, target, labels)
    ids = rows.names or tuple(f"case {i + 1}" for i in range(len(truth)))
    if len(ids) != len(truth):
        raise UsageError(f"{rows.stated_by}: {len(ids)} rows are named, y_true has {len(truth)}")
    return Dataset(
        DATASET,
        Path(),
        Path("y_true"),
        tuple(map(str, labels)) or (target,),
        ids,
        ids,
        truth,
        groups=read_groups(groups, ids),
    )


def _read_thresholds(
    threshold: float | Mapping[str, float] | Literal["argmax"],
    labels: Sequence[str],
    activation: Activation,
) -> dict[str, float]:
    """By label; empty where the highest score decides."""
    if threshold == ARGMAX:
        if activation != "softmax" or len(labels) < 2:
            raise UsageError("threshold='argmax': the labels of a softmax are wanted")
        return {}
    if isinstance(threshold, str):
        raise UsageError(f"threshold={threshold!r}: a probability or 'argmax' is wanted")
    stated = (
        Thresholds(by_label=dict(threshold))
        if isinstance(threshold, Mapping)
        else Thresholds(threshold)
    )
    found = stated.of(labels)
    for each in found.values():
        if not 0 < each < 1:
            raise UsageError(f"threshold={each:g}: a probability between 0 and 1 is wanted")
    return found


def _call(name: str) -> str:
    return f"y_score of {name}"


def _describe(name: str, activation: Activation) -> Finding:
    return Finding(
        "note",
        "scores-from-elsewhere",
        f"The scores of {name} were computed elsewhere",
        f"they were given as an array, as {activation}; no model was run",
        "Keep which model and which pixels they are from.",
        (name,),
    )
