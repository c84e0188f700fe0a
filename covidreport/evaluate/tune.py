"""Thresholds of runs' own, tuned on the stored scores of one split and kept in their folders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from covidreport.boundary import attempt
from covidreport.errors import RunError, StoreError, UsageError
from covidreport.evaluate.thresholds import TUNING_SPLIT
from covidreport.evaluate.tuned import tune_run
from covidreport.inference.contract import read_decision
from covidreport.metrics import Target
from covidreport.records import ARGMAX, Evaluation, Failure, Run, Scores, TunedThresholds
from covidreport.storage.made_here import MadeHere
from covidreport.storage.runs import read_evaluations
from covidreport.store import (
    SCORES_FILE,
    THRESHOLDS_FILE,
    evaluation_folder,
    read_failure,
    read_scores,
    read_thresholds,
    write_thresholds,
)
from covidreport.text.thresholds import format_threshold


class TuneRequest(Struct, frozen=True):
    """What is tuned, and for what; labels: those that are tuned, empty for all.

    split: the one to tune on; None for the one that is called so. dataset: None for the one that
    has the split. command: the one that asks for it, for the record.
    """

    target: Target
    split: str | None = None
    dataset: str | None = None
    labels: tuple[str, ...] = ()
    command: str | None = None


class TunedRun(Struct, frozen=True):
    """A run with its new thresholds, and in words those that they take the place of."""

    run: Run
    thresholds: TunedThresholds
    replaced: str


class TuningFault(Struct, frozen=True):
    """A run, or one label of it, that has no threshold; label: empty for the whole run."""

    run: str
    label: str
    reason: str


class TunedFolders(Struct, frozen=True):
    """What became of all runs on one split."""

    split: str
    done: tuple[TunedRun, ...]
    faults: tuple[TuningFault, ...]
    splits: tuple[str, ...]
    """On which the runs were evaluated, of each evaluation one."""
    passed_over: tuple[str, ...] = ()
    """The runs that have no threshold to be tuned: argmax decides, or a reader."""


def tune_folders(runs: Sequence[Run], request: TuneRequest) -> TunedFolders:
    """Fit thresholds on the stored scores of runs, and write each run's thresholds.json.

    A run's fault stays with that run. Raises UsageError where what is asked for is of no run: a
    split, a data set or a label.
    """
    there = [each for run in runs for each in read_evaluations(run)[0]]
    split = _choose_split(request.split, there)
    _check_query(there, split, request)
    done: list[TunedRun] = []
    faults: list[TuningFault] = []
    passed_over = []
    for run in runs:
        if run.is_reader or read_decision(run) == ARGMAX:
            passed_over.append(run.name)
            continue
        found = attempt(run.name, "score", partial(_tune, run, split, request))
        if isinstance(found, Failure):
            faults.append(TuningFault(run.name, "", found.explanation))
            continue
        tuned, lacking, own = found
        faults += [TuningFault(run.name, label, why) for label, why in lacking]
        if tuned is not None:
            replaced = _describe_replaced(run, tuned)
            write_thresholds(run.folder, tuned)
            if own:
                MadeHere().note_thresholds(run.folder)
            done.append(TunedRun(run, tuned, replaced))
    splits = tuple(each.split for each in there)
    return TunedFolders(split, tuple(done), tuple(faults), splits, tuple(passed_over))


def _choose_split(stated: str | None, there: Sequence[Evaluation]) -> str:
    """The split to tune on; UsageError where nobody said which and none is called tuning."""
    if stated is not None:
        return stated.strip().lower()
    splits = list(dict.fromkeys(each.split for each in there))
    if TUNING_SPLIT in splits or not splits:
        return TUNING_SPLIT
    raise UsageError(
        f"no run was evaluated on a split called {TUNING_SPLIT}; there is: {', '.join(splits)}. "
        "Say which with --split, or as `split` below `[tune]` in covidreport.toml; not the split "
        "that is reported, nor one that a run was trained on"
    )


def _check_query(there: Sequence[Evaluation], split: str, request: TuneRequest) -> None:
    """UsageError where options name what no run has: that is no single run's fault."""
    if not there:
        return  # each run says why
    fitting = [
        each for each in there if each.split == split and request.dataset in (None, each.dataset)
    ]
    if not fitting:
        of = f" of {request.dataset}" if request.dataset else ""
        found = ", ".join(dict.fromkeys(f"{each.dataset} {each.split}" for each in there))
        raise UsageError(
            f"no run was evaluated on the split {split}{of}: run "
            f"`covidreport evaluate --split {split}` first; there is: {found}"
        )
    known = list(dict.fromkeys(label for each in fitting for label in each.labels))
    strange = [label for label in request.labels if label not in known]
    if strange:
        raise UsageError(
            f"--label {strange[0]}: is no label of these runs; their labels are {', '.join(known)}"
        )


def _tune(
    run: Run, split: str, request: TuneRequest
) -> tuple[TunedThresholds | None, tuple[tuple[str, str], ...], bool]:
    """As `tune_run`, and whether all was made here: the scores, and earlier fits that stay."""
    evaluation, scores = find_scores(run, split, request.dataset)
    labels = request.labels or evaluation.labels
    tuned, faults = tune_run(run, evaluation, scores, labels, request.target, request.command)
    made = MadeHere()
    anew = tuned is not None and not faults and set(tuned.fits) <= set(labels)
    others = anew or not (run.folder / THRESHOLDS_FILE).exists() or made.has_thresholds(run.folder)
    return tuned, faults, others and made.has_evaluation(run, evaluation)


def find_scores(run: Run, split: str, dataset: str | None = None) -> tuple[Evaluation, Scores]:
    """A run's evaluation on a split with its stored scores; dataset: None for the only one.

    RunError where there is none, several, one that failed, or counts alone; StoreError where they
    can't be read.
    """
    evaluation = _find_evaluation(run, split, dataset)
    folder = evaluation_folder(run.folder, evaluation.key)
    failure = read_failure(folder)
    if failure is not None:
        raise RunError(f"its last evaluation of {evaluation.key} failed: {failure.explanation}")
    if not evaluation.has_scores:
        raise RunError(f"{evaluation.key} holds counts and no scores")
    return evaluation, read_scores(folder / SCORES_FILE)


def _find_evaluation(run: Run, split: str, dataset: str | None) -> Evaluation:
    """The run's evaluation on the split: the usual one, or the only variant that there is."""

    evaluations, broken = read_evaluations(run)
    found = [e for e in evaluations if e.split == split and dataset in (None, e.dataset)]
    usual = [e for e in found if e.variant is None] or found
    if len(usual) == 1:
        return usual[0]
    if usual:
        names = ", ".join(e.key for e in usual)
        raise RunError(f"has several evaluations on {split} ({names}): say which with --dataset")
    if broken:
        raise StoreError("; ".join(broken))
    of = f" of {dataset}" if dataset else ""
    there = ", ".join(dict.fromkeys(f"{e.dataset} {e.split}" for e in evaluations)) or "nothing"
    raise RunError(
        f"was not evaluated on the split {split}{of}: run `covidreport evaluate --split {split}` "
        f"first; it was evaluated on {there}"
    )


def _describe_replaced(run: Run, tuned: TunedThresholds) -> str:
    """The thresholds that the new ones take the place of, such as `covid-19 0.28 (sensitivity of
    0.6 on tuning)`; empty where there are none that differ."""

    try:
        earlier = read_thresholds(run.folder)
    except StoreError:
        return "a file that could not be read"
    if earlier is None:
        return ""
    return ", ".join(
        f"{label} {format_threshold(fit.threshold)} ({fit.metric} of {fit.target:g} on "
        f"{earlier.split})"
        for label, fit in earlier.fits.items()
        if (tuned.split, tuned.fits.get(label)) != (earlier.split, fit)
    )
