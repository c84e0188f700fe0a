"""What `python -m train fit` and `export` do, between the arguments and the loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from covidreport.errors import CovidReportError, RunError, StoreError, UsageError
from covidreport.locks import hold_lock, take_unlocked
from covidreport.store import MODEL_FILE, RUN_FILE, RUN_SCHEMA, read_json, write_run

from . import LOCK_FILE
from .checkpoint import WEIGHTS_FILE
from .conflicts import is_frozen_by_chance
from .data import find_words, read_images
from .device import find_device
from .estimate import describe_estimate, plan_grid
from .export import Contract
from .fit import FitOutcome, Request, export_weights, is_done, pick_images, read_bytes
from .folds import spread_folds, write_folds
from .grid import clear_runs, fit_experiments
from .images import DEFAULT_CACHE_BYTES, ImageStore, count_workers
from .prepare import (
    check_images,
    digest_splits,
    find_all_weights,
    find_split_rows,
    fingerprint_splits,
    refuse_faulty,
    refuse_unlabelled,
    stored_splits,
)
from .progress import (
    Advanced,
    Begun,
    Event,
    FitProgress,
    Left,
    Planned,
    Result,
    Said,
    Silence,
    Tell,
    View,
)
from .ranks import Ranks, join_ranks
from .run_record import pin_network, read_settings
from .settings import Experiment, Study
from .study import find_study, read_study, select_experiments
from .trial import try_networks
from .weights import read_state


@dataclass(frozen=True, slots=True)
class FitOptions:
    """The command line of `fit`."""

    study: str
    data: Path
    out: Path
    experiments: Sequence[str] = ()
    blocks: Sequence[str] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    device: Literal["auto", "cuda", "cpu"] = "auto"
    workers: int | None = None
    cache_bytes: int = DEFAULT_CACHE_BYTES
    overwrite: bool = False
    keep_weights: bool = True
    folds: int | None = None
    ignored: Sequence[str] = ()
    """Codes of findings that do not stop it."""
    threads: int | None = None
    """Of torch, in each process; its own choice where it is None."""
    accept_other: bool = False
    dry_run: bool = False
    """Stop before the first epoch."""
    parallel: int = 1
    """How many processes fit, each an experiment at a time; `train.parallel`."""
    devices: Sequence[int] = ()
    """The cards that they take in turn."""
    card: int = 0
    """The card of this process."""
    speaks: bool = True
    """Whether this process says what is the same for all that fit this grid."""


class Listener:
    """What the process that leads says of a grid while it is fitted."""

    def __init__(self) -> None:
        self._view = View()

    def tell(self, event: Event) -> None:
        """Something goes on."""
        self._view.show(event)

    def close(self) -> None:
        """Nothing goes on any more."""
        self._view.close()

    def on_ready(self) -> None:
        """All is prepared, and the first epoch begins."""

    def on_outcome(self, outcome: FitOutcome) -> None:
        """An experiment ended."""
        for event in describe_outcome(outcome):
            self.tell(event)

    def on_end(self, outcomes: Sequence[FitOutcome], out: Path) -> None:
        """All did."""
        for event in describe_end(outcomes, out):
            self.tell(event)


def run_fit(options: FitOptions, listener: Listener | None = None) -> int:
    """Fit what was asked for; the exit code: 0, or 3 where a run failed."""
    listener = listener or Listener()
    try:
        return _run(options, listener)
    finally:
        listener.close()


def _run(options: FitOptions, listener: Listener) -> int:
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    study = read_study(find_study(options.study), options.overrides)
    experiments: Sequence[Experiment] = select_experiments(
        study, options.experiments, options.blocks
    )
    if not options.data.exists():
        raise UsageError(f"--data {options.data}: no such file or folder")
    with join_ranks(find_device(options.device, options.card).type == "cuda") as ranks:
        tell = listener.tell if ranks.leads and options.speaks else _tell_nobody
        with _alone(options, ranks, tell):
            folds = options.folds or study.folds
            if folds is not None:
                experiments = _spread_folds(options, folds, study, experiments, ranks)
            request = prepare(options, study, experiments, ranks, tell)
            before = [each for each in experiments if _has_failed(options, each)]
            fresh = [each for each in experiments if each not in before]
            tried = experiments if options.dry_run else fresh
            request = _try_networks(options, request, tried, tell)
            if options.dry_run:
                return 3 if request.faults else 0
            if options.overwrite:
                ranks.lead(lambda: clear_runs(options.out, experiments))
            seen = {each.name: read_bytes(options.out / each.name) for each in experiments}
        listener.on_ready()
        outcomes = _fit(replace(request, seen=seen), fresh, listener)
        if before:  # at last: what one of them does to a card would keep the others from it
            with _alone(options, ranks, tell):
                request = _try_networks(options, request, before, tell)
            outcomes += _fit(replace(request, seen=seen), before, listener)
    if ranks.leads:
        listener.on_end(outcomes, options.out)
    return 3 if any(outcome.status == "failed" for outcome in outcomes) else 0


def _tell_nobody(_event: Event) -> None:
    """For processes that another one speaks for."""


def _fit(
    request: Request, experiments: Sequence[Experiment], listener: Listener
) -> list[FitOutcome]:
    def watch(experiment: Experiment) -> FitProgress | Silence:
        if not request.ranks.leads:
            return Silence()
        return FitProgress(experiment, request.study.target, listener.tell)

    outcomes = []
    for outcome in fit_experiments(request, experiments, watch):
        outcomes.append(outcome)
        if request.ranks.leads:
            listener.on_outcome(outcome)
    return outcomes


@contextmanager
def _alone(options: FitOptions, ranks: Ranks, tell: Tell) -> Iterator[None]:
    """Let one process at a time look at data and networks: the next finds it in the cache."""
    waiting = Said("Waiting for another process, which looks at the same data and networks")
    with ExitStack() as held:
        if ranks.leads:
            held.enter_context(hold_lock(options.out / LOCK_FILE, partial(tell, waiting)))
        ranks.gather(None)
        yield
    why = take_unlocked()
    if why is not None:
        tell(
            Said(
                f"note: the file system knows no locks ({why}): start one fit at a time there, two "
                "would do the same work twice"
            )
        )


def _try_networks(
    options: FitOptions, request: Request, experiments: Sequence[Experiment], tell: Tell
) -> Request:
    """The request with what was found wrong; tells what the others will take."""
    pending = [each for each in experiments if _is_pending(options, each)]

    def on_trial(experiment: Experiment) -> None:
        network, size = experiment.settings.architecture, experiment.settings.image_size
        tell(Said(f"Trying {network} at {size} px: one batch, and its export"))

    costs, faults = request.ranks.lead(lambda: try_networks(request, pending, on_trial))
    if costs:
        for line in describe_estimate(request, pending, costs, options.parallel):
            tell(Said(line))
    if options.dry_run:
        for name, fault in faults.items():
            tell(Said(f"error: run {name} would fail: {fault.stage}: {fault.reason}", "bold red"))
    else:
        tell(Planned(plan_grid(request, pending, costs)))
    return replace(request, faults=faults)


def _spread_folds(
    options: FitOptions, folds: int, study: Study, experiments: Sequence[Experiment], ranks: Ranks
) -> Sequence[Experiment]:
    """Each experiment once a fold; the folds are written where the data has none."""
    splits = {each.settings.train_split for each in experiments}
    if len(splits) > 1:
        raise UsageError(
            f"--folds: experiments train on several splits ({', '.join(sorted(splits))}); fit "
            "those of each by themselves"
        )
    if ranks.leads:  # one process writes
        if find_words(options.data)[0] is not None:
            raise UsageError(
                "--folds writes into a manifest, and covidreport.toml reads other tables by "
                f"[manifest]: `covidreport split --folds {folds}` writes a manifest of them"
            )
        write_folds(read_images(options.data, study.labels, study.uncertain), splits.pop(), folds)
    ranks.gather(None)
    dataset = read_images(options.data, study.labels, study.uncertain)
    return spread_folds(experiments, dataset)


def prepare(
    options: FitOptions, study: Study, experiments: Sequence[Experiment], ranks: Ranks,
    tell: Tell = _tell_nobody,
) -> Request:  # fmt: skip
    """Everything that can go wrong before an epoch does so here: device, weights, data, images."""
    device = find_device(options.device, ranks.local_rank or options.card)
    if ranks.leads:
        weights = find_all_weights(study, experiments)  # one process downloads
    ranks.gather(None)
    if not ranks.leads:
        weights = find_all_weights(study, experiments)
    dataset = read_images(options.data, study.labels, study.uncertain)
    workers = options.workers or count_workers()
    names = [name for e in experiments for name in stored_splits(e.settings)]
    rows = find_split_rows(dataset, names)
    refuse_unlabelled(dataset, rows)
    used, digests = digest_splits(dataset, names, tell)
    prints = fingerprint_splits(used, digests, names)
    store = ImageStore(dataset, options.cache_bytes, dict(zip(used.ids, digests, strict=True)))
    pending = [each for each in experiments if _is_pending(options, each)]
    ignored: tuple[str, ...] = ()
    if pending and ranks.leads:
        tell(Begun("Auditing images", len(used)))
        ignored = refuse_faulty(used, digests, study, options.ignored, lambda n: tell(Advanced(n)))
        for code in sorted(set(options.ignored) - set(ignored)):
            tell(Said(f"note: {code} is ignored and was not found"))
    failures = check_images(store, rows, pending, workers, tell)
    for failure in failures:
        words = f"warning: image {failure.subject} can't be read ({failure.reason})"
        tell(Said(words, "yellow"))
    if study.overrides:
        said = ", ".join(f"{key} = {value}" for key, value in study.overrides.items())
        tell(Said(f"In place of the study's settings: {said}"))
    still = [each.name for each in experiments if is_frozen_by_chance(each.settings)]
    if still:
        words = f"warning: frozen layers keep random weights in {', '.join(still)}"
        tell(Said(words, "yellow"))
    return Request(
        study=study, dataset=dataset, rows=rows, fingerprints=prints, failures=failures,
        weights=weights, store=store, out=options.out, device=device, workers=workers,
        ranks=ranks, keep_weights=options.keep_weights,
        ignored=ignored, accept_other=options.accept_other,
    )  # fmt: skip


def _is_pending(options: FitOptions, experiment: Experiment) -> bool:
    return options.overwrite or not _is_there(options.out / experiment.name)


def _has_failed(options: FitOptions, experiment: Experiment) -> bool:
    """Whether it failed the last time that it was tried."""
    try:
        run = read_json(options.out / experiment.name / RUN_FILE, RUN_SCHEMA)
    except StoreError:
        return False
    return not options.overwrite and run.get("status") == "failed"


def _is_there(folder: Path) -> bool:
    """Whether a folder holds a finished run, of whatever settings: its images need not be read."""
    try:
        return is_done(read_json(folder / RUN_FILE, RUN_SCHEMA), folder)
    except StoreError:  # none, or a broken one, which the fit will say
        return False


def describe_outcome(outcome: FitOutcome) -> Iterator[Event]:
    """How an experiment ended; the folder of one that was fitted now is the result."""
    name = outcome.experiment.name
    yield Left(name, ended=outcome.status != "elsewhere")
    if outcome.status == "failed":
        yield Said(f"error: run {name} failed: {outcome.reason}", "bold red")
    elif outcome.status == "there already":
        yield Said(f"{name}: fitted already, in {outcome.folder}")
    elif outcome.status == "elsewhere":
        yield Said(f"{name}: another process is fitting it")
    else:
        if outcome.reason:
            yield Said(f"warning: {name}: {outcome.reason}; the last is exported", "yellow")
        yield Result(str(outcome.folder))


def describe_end(outcomes: Sequence[FitOutcome], out: Path) -> Iterator[Event]:
    """How many failed, or are left to others."""
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        yield Said(f"{failed} of {len(outcomes)} runs failed; the others are in {out}")
    left = sum(outcome.status == "elsewhere" for outcome in outcomes)
    if left:
        yield Said(f"{left} of {len(outcomes)} runs are left to the processes that fit them now")


def run_export(folder: Path, data: Path | None) -> str:
    """Export a fitted run again; a line that says what was written."""
    run = read_json(folder / RUN_FILE, RUN_SCHEMA)
    settings = pin_network(run, read_settings(run, folder / RUN_FILE), folder)
    if not (folder / WEIGHTS_FILE).is_file():
        raise RunError(f"{folder / WEIGHTS_FILE}: is not there; fit the run again")
    labels = tuple(run["data"]["labels"])
    source = data or folder / run["data"]["source"]
    if not source.exists():
        raise CovidReportError(f"{source}: the run's images are not there; use --data")
    dataset = read_images(source, labels, run["data"].get("uncertain", ()))
    split = settings.validation_split
    rows = find_split_rows(dataset, [split])[split]
    store = ImageStore(dataset)
    broken = {f.subject for f in store.check(rows, settings.pixels, count_workers())}
    readable = [int(row) for row in rows if dataset.ids[row] not in broken]
    if not readable:
        raise CovidReportError(f"{source}: no image of split {split} can be read to check with")
    evidence = export_weights(
        settings,
        read_state(folder / WEIGHTS_FILE),
        Contract(settings.pixels, labels, str(run["name"])),
        pick_images(store, readable, settings),
        folder,
    )
    write_run(folder, {**run, "export": evidence})
    return f"{folder / MODEL_FILE}"
