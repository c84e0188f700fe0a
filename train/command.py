"""What `python -m train fit` and `export` do, between the arguments and the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from rich.progress import Progress

from covidreport.errors import CovidReportError, RunError, StoreError, UsageError
from covidreport.store import MODEL_FILE, RUN_FILE, RUN_SCHEMA, read_json, write_run

from .checkpoint import WEIGHTS_FILE
from .conflicts import is_frozen_by_chance
from .data import find_words, read_images
from .device import find_device
from .export import Contract
from .fit import FitOutcome, Request, export_weights, fit_experiments, is_done, pick_images
from .folds import spread_folds, write_folds
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
from .progress import FitProgress, Silence, say, show_bar
from .ranks import Ranks, join_ranks
from .run_record import pin_network, read_settings
from .settings import Experiment, Study
from .study import find_study, read_study, select_experiments
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


def run_fit(options: FitOptions) -> int:
    """Fit what was asked for; the exit code: 0, or 3 where a run failed."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    study = read_study(find_study(options.study), options.overrides)
    experiments: Sequence[Experiment] = select_experiments(
        study, options.experiments, options.blocks
    )
    if not options.data.exists():
        raise UsageError(f"--data {options.data}: no such file or folder")
    with join_ranks(find_device(options.device).type == "cuda") as ranks:
        folds = options.folds or study.folds
        if folds is not None:
            experiments = _spread_folds(options, folds, study, experiments, ranks)
        request = prepare(options, study, experiments, ranks)
        outcomes = []
        with show_bar(ranks.leads) as bar:
            watchers = _Watchers(request, bar)
            for outcome in fit_experiments(request, experiments, watchers.watch):
                outcomes.append(outcome)
                if ranks.leads:
                    _say_outcome(outcome)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed and ranks.leads:
        say(f"{failed} of {len(outcomes)} runs failed; the others are in {options.out}")
    return 3 if failed else 0


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
    options: FitOptions, study: Study, experiments: Sequence[Experiment], ranks: Ranks
) -> Request:
    """Everything that can go wrong before an epoch does so here: device, weights, data, images."""
    device = find_device(options.device, ranks.local_rank)
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
    used, digests = digest_splits(dataset, names)
    prints = fingerprint_splits(used, digests, names)
    store = ImageStore(dataset, options.cache_bytes)
    pending = [e for e in experiments if options.overwrite or not _is_there(options.out / e.name)]
    ignored: tuple[str, ...] = ()
    with show_bar(ranks.leads) as bar:
        if pending and ranks.leads:
            audit = bar.add_task("Auditing images", total=len(used), metrics="")
            ignored = refuse_faulty(
                used, digests, study, options.ignored, lambda n: bar.advance(audit, n)
            )
            for code in sorted(set(options.ignored) - set(ignored)):
                say(f"note: {code} is ignored and was not found")
        task = bar.add_task("Reading images", total=None, metrics="")
        failures = check_images(store, rows, pending, workers, lambda n: bar.advance(task, n))
    if ranks.leads:
        for failure in failures:
            say(f"warning: image {failure.subject} can't be read ({failure.reason})", "yellow")
        if study.overrides:
            said = ", ".join(f"{key} = {value}" for key, value in study.overrides.items())
            say(f"In place of the study's settings: {said}")
        still = [each.name for each in experiments if is_frozen_by_chance(each.settings)]
        if still:
            say(f"warning: frozen layers keep random weights in {', '.join(still)}", "yellow")
    return Request(
        study=study, dataset=dataset, rows=rows, fingerprints=prints, failures=failures,
        weights=weights, store=store, out=options.out, device=device, workers=workers,
        ranks=ranks, overwrite=options.overwrite, keep_weights=options.keep_weights,
        ignored=ignored, accept_other=options.accept_other,
    )  # fmt: skip


def _is_there(folder: Path) -> bool:
    """Whether a folder holds a finished run, of whatever settings: its images need not be read."""
    try:
        return is_done(read_json(folder / RUN_FILE, RUN_SCHEMA), folder)
    except StoreError:  # none, or a broken one, which the fit will say
        return False


class _Watchers:
    """Gives each experiment its progress bar and takes away the one before."""

    def __init__(self, request: Request, bar: Progress) -> None:
        self._request = request
        self._bar = bar
        self._last: FitProgress | None = None

    def watch(self, experiment: Experiment) -> FitProgress | Silence:
        if not self._request.ranks.leads:
            return Silence()
        if self._last is not None:
            self._last.close()
        self._last = FitProgress(experiment, self._request.study.target, self._bar)
        return self._last


def _say_outcome(outcome: FitOutcome) -> None:
    name = outcome.experiment.name
    if outcome.status == "failed":
        say(f"error: run {name} failed: {outcome.reason}", "bold red")
    elif outcome.status == "there already":
        say(f"{name}: fitted already, in {outcome.folder}")
    else:
        if outcome.reason:
            say(f"warning: {name}: {outcome.reason}; the last is exported", "yellow")
        print(outcome.folder)  # noqa: T201  # the result, for whoever reads stdout


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
