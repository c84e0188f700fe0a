"""What stands in run folders, as a gate needs it: one evaluation, checked, and its answers."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from covidreport.compare.answers import AlignedAnswers, read_answers
from covidreport.compare.ranking import explain_unranked, rank_sets
from covidreport.errors import GateError, StoreError, UsageError
from covidreport.gate.baseline import Baseline, read_baseline
from covidreport.gate.figures import Figures, collect_figures
from covidreport.gate.paired import find_wrong_cases
from covidreport.metrics import estimate_scores
from covidreport.records import Evaluation, Failure, Run, Scores, ScoresFrom
from covidreport.runs import discover_runs, is_run_folder, read_evaluations, read_run
from covidreport.storage.chosen import (
    USUAL_SPLIT,
    AskedImages,
    choose_images,
    choose_split,
    date_evaluation,
    pick_evaluation,
)
from covidreport.storage.made_here import MadeHere
from covidreport.storage.model import match_model
from covidreport.store import (
    EVALUATIONS_FOLDER,
    FAILURE_FILE,
    SCORES_FILE,
    evaluation_folder,
    read_failure,
)
from covidreport.text import choose_salt, plural


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which evaluation is judged; None where nobody said, and `settle_wanted` decides."""

    target: str
    dataset: str | None = None
    split: str | None = None
    variant: str | None = None
    """`""` is the usual one, neither in another precision nor by another provider."""
    configured: str | None = None
    """The split of the configuration, which holds where `split` is None."""
    named: str | None = None
    """The name of the configuration's data set."""

    def fits(self, evaluation: Evaluation) -> bool:
        """Whether it is such an evaluation."""
        return (
            self.dataset in (None, evaluation.dataset)
            and self.split in (None, evaluation.split)
            and self.variant in (None, evaluation.variant or "")
        )

    @property
    def whole(self) -> bool:
        """Whether it says which images are meant."""
        return self.dataset is not None and self.split is not None

    def describe(self) -> str:
        """Such as `drawn, validation`."""
        parts = (self.dataset or "any data set", self.split or "any split", self.variant)
        return ", ".join(part for part in parts if part)


def settle_wanted(wanted: Wanted, runs: Sequence[Run]) -> Wanted:
    """The same images for all runs: the split, and the configured data set where one has it.

    Of several other data sets each run is judged on its last. Raises UsageError as `choose_split`.
    """
    found = [each for run in runs for each in read_evaluations(run)[0]]
    dataset = wanted.dataset
    if dataset is None and any(each.dataset == wanted.named for each in found):
        dataset = wanted.named
    there = {each.split for each in found if dataset in (None, each.dataset)}
    if any(_failed_on(run, USUAL_SPLIT) for run in runs):
        there.add(USUAL_SPLIT)
    asked = AskedImages(dataset, wanted.split, configured=wanted.configured)
    return replace(wanted, dataset=dataset, split=choose_split(asked, there))


def _failed_on(run: Run, split: str) -> bool:
    """Whether an attempt at an evaluation on a split failed."""
    files = (run.folder / EVALUATIONS_FOLDER).glob(f"*/{FAILURE_FILE}")
    return any(f"-{split}-" in f"{file.parent.name}-" for file in files)


def note_newer(wanted: Wanted, runs: Sequence[Run]) -> str:
    """What was evaluated later than the images that are judged; empty where nothing was."""
    found = [each for run in runs for each in read_evaluations(run)[0]]
    asked = AskedImages(
        wanted.dataset, wanted.split, wanted.variant, wanted.configured, wanted.named
    )
    try:
        return choose_images(found, asked).note
    except UsageError:
        return ""  # there is nothing to judge, as the verdicts say


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose scores may be judged: what this machine made, and what else is stored where allowed."""

    made: MadeHere = field(default_factory=MadeHere)
    stored: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One evaluation of a run that may be judged, with its figures."""

    run: Run
    evaluation: Evaluation
    figures: Figures
    answers: AlignedAnswers | None
    """Of this run alone, for the target; None where only counts are known."""
    scores_from: ScoresFrom = "as stored"
    thresholds_written_here: bool | None = None
    """As `Verdict.thresholds_written_here`."""


def read_evidence(run: Run, wanted: Wanted, trust: Trust | None = None) -> Evidence:
    """The evaluation of a run that is asked for, with its answers.

    wanted: settled, as `settle_wanted` does it. Raises GateError where there is none, where the
    last attempt failed, where the model is no longer the one that was evaluated, where what is
    stored contradicts itself, where thresholds were tuned on the very images, and where stored
    scores are not trusted and were not made here.
    """
    trust = trust or Trust()
    evaluation = _choose(run, wanted)
    _check_model(run, evaluation)
    own = trust.made.has_evaluation(run, evaluation)
    if not (own or trust.stored):
        raise GateError("score", explain_distrust(run))
    if evaluation.origin.exploratory:
        raise GateError(
            "judge",
            f"the thresholds of {run.name} were {evaluation.thresholds_from}: a limit at a "
            "threshold that was tuned on the gated images says nothing; tune on another split "
            "(`covidreport tune --split`) or fix the thresholds beforehand",
        )
    return Evidence(
        run,
        evaluation,
        collect_figures(evaluation),
        _read_answers(run, evaluation, wanted.target),
        "computed here" if own else "as stored",
        trust.made.has_tuned(run, evaluation),
    )


def explain_distrust(run: Run) -> str:
    """Why stored scores of a run are not judged, and what to do."""
    missing = "it holds no model to compute them with" if run.model is None else "nobody saw them"
    return (
        f"the scores of {run.name} were not computed here, and {missing}: what a run folder brings "
        "is a claim. Add the model, or judge the scores as they are stored with --trust-stored"
    )


def _choose(run: Run, wanted: Wanted) -> Evaluation:
    """The evaluation that fits: of several data sets the last, the usual variant if there is one.

    Another precision, or an occlusion, is taken where it is asked for or the only one.
    """
    if run.faults:
        raise GateError("read", "; ".join(run.faults))
    evaluations, faults = read_evaluations(run)
    fitting = [each for each in evaluations if wanted.fits(each)]
    failures = _read_failures(run, wanted, {each.key for each in fitting})
    if faults and not ((fitting or failures) and wanted.whole):
        raise GateError("read", "; ".join(faults))  # a broken one may be the one that is meant
    if not fitting and not failures:
        raise GateError(
            "score",
            f"was not evaluated on {wanted.describe()}: run `covidreport evaluate {run.place}`",
        )
    meant = pick_evaluation(fitting) if fitting else None
    last = max(map(date_evaluation, fitting), default="")
    for when, key, failure in sorted(failures, key=lambda each: each[:2], reverse=True):
        # an evaluation that stands beside a failure is older than it
        if meant is None or when > last or key == meant.key:
            raise GateError(failure.stage, failure.reason)
    assert meant is not None
    return meant


def _read_failures(
    run: Run, wanted: Wanted, fitting: Collection[str]
) -> list[tuple[str, str, Failure]]:
    """The attempts that failed where an evaluation that fits stands, or would: when, and where."""
    found = []
    named = "-".join(part for part in (wanted.dataset, wanted.split, wanted.variant) if part)
    for file in sorted((run.folder / EVALUATIONS_FOLDER).glob(f"*/{FAILURE_FILE}")):
        key = file.parent.name
        if key not in fitting and not (key == named if wanted.whole else named in key):
            continue
        try:
            failure = read_failure(file.parent)
        except StoreError as error:
            failure = Failure(run.name, "read", str(error))
        if failure is not None:
            written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            found.append((written.isoformat(timespec="milliseconds"), key, failure))
    return found


def _check_model(run: Run, evaluation: Evaluation) -> None:
    """Raise GateError unless the model, where there is one, is what was evaluated, by its bytes."""
    if run.model is None:
        return
    match = match_model(run.model, evaluation, verify=True)
    if match.found is None:
        raise GateError("load", match.fault)
    if not match.same:
        recorded = match.recorded
        what = "was not evaluated" if recorded is None else f"was evaluated as {recorded[:12]}"
        raise GateError(
            "judge",
            f"{run.model} has the sha256 {match.found[:12]} and {what}: run `covidreport evaluate "
            f"{run.place}`",
        )


def _read_answers(run: Run, evaluation: Evaluation, target: str) -> AlignedAnswers | None:
    if target not in evaluation.counts:
        raise GateError(
            "judge",
            f"{run.name} was not evaluated for {target}: its labels are "
            f"{', '.join(evaluation.labels)}",
        )
    if not evaluation.has_scores:
        return None
    file = evaluation_folder(run.folder, evaluation.key) / SCORES_FILE
    answers = read_answers([(evaluation, file)], target)
    if answers.left_out:
        raise GateError("score", answers.left_out[0].reason)
    if answers.images is not None:
        _check_figures(evaluation, answers.images)
    return answers


def _check_figures(evaluation: Evaluation, scores: Scores) -> None:
    """Raise GateError where stored scores give another figure than the evaluation states."""
    if set(scores.labels) != set(evaluation.counts):
        raise GateError("score", _contradict("labels"))
    thresholds = [evaluation.thresholds[label] for label in scores.labels]
    counts, estimates = estimate_scores(scores, thresholds)
    for label, each in counts.items():
        if each != evaluation.counts[label]:
            raise GateError("score", _contradict(f"counts of {label}"))
    for label, figures in evaluation.estimates.items():
        for name, figure in estimates.get(label, {}).items():
            stated = figures[name].value if name in figures else figure.value
            if not _is_close(stated, figure.value):
                raise GateError("score", _contradict(f"{label} {name}".lstrip()))


def _contradict(what: str) -> str:
    return (
        f"its stored scores give another {what} than its evaluation states: run `covidreport "
        "evaluate` again"
    )


def _is_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


def read_run_baseline(
    run: Run, wanted: Wanted, source: str, trust: Trust | None = None
) -> Baseline:
    """A run folder as a baseline. GateError, of the stage `baseline`, as `read_evidence`."""
    try:
        evidence = read_evidence(run, settle_wanted(wanted, [run]), trust)
    except GateError as error:
        raise GateError("baseline", f"the baseline {run.name}: {error}") from error
    evaluation, answers = evidence.evaluation, evidence.answers
    salt = choose_salt(evaluation.fingerprint)
    return Baseline(
        evaluation=evaluation,
        figures=evidence.figures,
        target=wanted.target,
        wrong=None if answers is None else find_wrong_cases(answers, salt),
        source=source,
        folder=run.folder,
        scores_from=evidence.scores_from,
    )


def locate_baseline(text: str, runs: Sequence[Run], folder: Path | None = None) -> Path:
    """The place that is meant: a path, one relative to the configuration's folder, or a run's name.

    runs: the gated ones; a name is that of one of them or of a folder beside them. UsageError where
    nothing is there.
    """
    places = [Path(text)]
    if folder is not None:
        places.append(folder / text)
    places += [run.folder for run in runs if run.name == text]
    places += [run.folder.parent / text for run in runs]
    for place in places:
        if place.exists():
            return place
    raise UsageError(
        f"the baseline {text!r} is no run folder, no folder of runs and no file that "
        "`covidreport baseline set` wrote, and no run is called so"
    )


def read_baseline_at(
    place: Path, wanted: Wanted, gated: Sequence[Path], specificity_floor: float,
    trust: Trust | None = None,
) -> Baseline:  # fmt: skip
    """The baseline at a place: a file, a run folder, or the best run of a folder of runs.

    gated: the folders of the runs that are judged; none of them is the best run of a folder. Raises
    GateError where it can't be a baseline: a run that could not be ranked is none.
    """
    if place.is_file():
        baseline = read_baseline(place, str(place))
    elif is_run_folder(place):
        baseline = read_run_baseline(read_run(place), wanted, str(place), trust)
    else:
        baseline = _read_best(place, wanted, gated, specificity_floor, trust or Trust())
    evaluation = baseline.evaluation
    if baseline.target != wanted.target:
        raise GateError(
            "baseline",
            f"the baseline {evaluation.run} was set for {baseline.target}, and {wanted.target} is "
            "judged; make it again with `covidreport baseline set`",
        )
    if evaluation.origin.exploratory:
        raise GateError(
            "baseline",
            f"the thresholds of the baseline {evaluation.run} were {evaluation.thresholds_from}",
        )
    useless = explain_unranked(evaluation, wanted.target, specificity_floor)
    if useless is not None:
        raise GateError(
            "baseline", f"{evaluation.run} is no baseline, since it could not be ranked: {useless}"
        )
    return baseline


def _read_best(
    place: Path, wanted: Wanted, gated: Sequence[Path], specificity_floor: float, trust: Trust
) -> Baseline:
    """The first run of the ranking of a folder's other runs."""
    taken = {folder.resolve() for folder in gated}
    found = discover_runs([place])
    others = [run for run in found if run.folder.resolve() not in taken]
    if not others:
        raise GateError(
            "baseline",
            f"{place}: every run there is judged ({len(found):,}), and none is left to be the "
            "baseline: name a run of another folder, or a file that `covidreport baseline set` "
            "wrote",
        )
    wanted = settle_wanted(wanted, others)
    evaluated: dict[int, Run] = {}
    evaluations: list[Evaluation] = []
    for run in others:
        try:
            evaluation = _choose(run, wanted)
        except GateError:
            continue  # a run without evidence is not the best one; `render` shows why
        if not (trust.stored or trust.made.has_evaluation(run, evaluation)):
            continue
        evaluated[id(evaluation)] = run
        evaluations.append(evaluation)
    for each in rank_sets(evaluations, wanted.target, specificity_floor):
        first = each.ranking.rows[0]
        if first.rank is not None:
            (best,) = (e for e in each.evaluations if e.run == first.run)
            source = f"{place} ({first.run})"
            baseline = read_run_baseline(evaluated[id(best)], wanted, source, trust)
            return replace(baseline, kind="best")
    raise GateError(
        "baseline",
        f"{place}: none of its {plural(len(others), 'run')} that are not judged was evaluated on "
        f"{wanted.describe()} and could be ranked",
    )
