"""Runs that were trained once a fold as one: a row is a configuration, never one of its folds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.records import CrossValidated, Evaluation, RecordedFold, Run
from covidreport.storage.evaluation import read_evaluation, read_failure
from covidreport.storage.files import digest_file
from covidreport.storage.folder import SCORES_FILE, evaluation_folder

FOLDS = "folds"
"""The split that evaluations over all folds are filed under; no split of data is called so."""
AGAIN = "run `covidreport evaluate` on the runs of all its folds"


def order_folds(names: Iterable[str]) -> list[str]:
    """Folds in their order: `2` before `10`, numbers before names."""
    return sorted(
        set(names),
        key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name),
    )


def join_folds(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The same runs, those of a configuration's folds as one, where the first of them stood.

    Where folds were trained with several seeds, each seed is one. A configuration that has two runs
    of a fold, or is called as a run is, has that fault; so has one with a fold that can't be used.
    """
    folded: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.fold is not None and run.configuration is not None:
            folded[run.configuration].append(run)
    places = {run.folder: place for place, run in enumerate(runs)}
    in_folds = {run.folder for each in folded.values() for run in each}
    names = {run.name for run in runs if run.folder not in in_folds}
    joined: list[Run] = [run for run in runs if run.folder not in in_folds]
    for configuration, members in folded.items():
        for name, each in _part_seeds(configuration, members):
            joined.append(_join(name, each, names))
            names.add(joined[-1].name)
    places |= {
        run.folder: min(places[each.folder] for each in run.members)
        for run in joined if run.members
    }  # fmt: skip
    return tuple(sorted(joined, key=lambda run: places[run.folder]))


def split_folds(runs: Iterable[Run]) -> list[Run]:
    """The runs themselves, each fold of a configuration one."""
    return [each for run in runs for each in run.members or (run,)]


def _part_seeds(name: str, members: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """The runs of a configuration by seed, where folds have several runs; each with its name."""
    seeds: defaultdict[str, list[Run]] = defaultdict(list)
    for run in members:
        seeds[str(run.seed)].append(run)
    if max(Counter(run.fold for run in members).values()) == 1 or len(seeds) == 1:
        return [(name, list(members))]
    return [(f"{name}, seed {seed}", each) for seed, each in seeds.items()]


def _join(name: str, members: Sequence[Run], taken: set[str]) -> CrossValidated:
    order = order_folds(run.fold or "" for run in members)
    ordered = sorted(members, key=lambda run: (order.index(run.fold or ""), run.name))
    faults = [
        f"fold {run.fold} ({run.name}): {'; '.join(run.faults)}" for run in ordered if run.faults
    ]
    for fold, count in Counter(run.fold for run in ordered).items():
        if count > 1:
            called = " and ".join(run.name for run in ordered if run.fold == fold)
            faults.append(
                f"fold {fold} has {count} runs, {called}; keep one, or state the seed of each"
            )
    if name in taken:
        faults.append(f"a run is called {name} as well; name the configuration otherwise")
        name = f"{name} (cross-validated)"
    first = ordered[0]
    settings = {key: value for key, value in first.settings.items() if key not in ("name", "fold")}
    return CrossValidated(
        name=name, folder=first.folder, model=None, settings=settings, faults=tuple(faults),
        members=tuple(ordered),
    )  # fmt: skip


def describe_fold(run: Run, evaluation: Evaluation) -> RecordedFold:
    """What of a fold's own evaluation decides those over all folds; StoreError without scores."""
    folder = evaluation_folder(run.folder, evaluation.key)
    try:
        scores = digest_file(folder / SCORES_FILE)
    except OSError as error:
        raise StoreError(f"{folder / SCORES_FILE}: can't be read ({error.strerror})") from error
    return RecordedFold(
        fold=run.fold or "",
        run=run.name,
        evaluation=evaluation.key,
        fingerprint=evaluation.fingerprint,
        images=evaluation.n_images,
        model=evaluation.facts.model_sha256,
        scores=scores,
        thresholds=dict(evaluation.thresholds),
        thresholds_from=evaluation.thresholds_from,
    )


def read_fold(run: Run, key: str) -> Evaluation:
    """A fold's own evaluation; StoreError where it can't be read, or the last attempt failed."""
    folder = evaluation_folder(run.folder, key)
    failure = read_failure(folder)
    if failure is not None:
        raise StoreError(f"its last evaluation failed: {failure.explanation}")
    return replace(read_evaluation(folder), run=run.name)


def explain_stale(run: CrossValidated, evaluation: Evaluation) -> str:
    """Why an evaluation over all folds is not of these runs as they are now; empty where it is."""
    there = {each.fold: each for each in run.members}
    for recorded in evaluation.facts.folds:
        member = there.pop(recorded.fold, None)
        if member is None:
            return (
                f"fold {recorded.fold} of {run.name}, {recorded.run}, is not among these runs: "
                "what is said of it is of all its folds"
            )
        try:
            found = describe_fold(member, read_fold(member, recorded.evaluation))
        except StoreError as error:
            return f"fold {recorded.fold} of {run.name}, {recorded.run}: {error}; {AGAIN}"
        if found != recorded:
            return (
                f"fold {recorded.fold} of {run.name}, {recorded.run}, was evaluated again, or "
                f"otherwise, since its folds were put together: {AGAIN}"
            )
    if there:
        left = ", ".join(order_folds(fold or "" for fold in there))
        return f"fold {left} of {run.name} came since its folds were put together: {AGAIN}"
    return ""
