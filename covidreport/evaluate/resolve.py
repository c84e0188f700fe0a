"""From what a user said, and what the runs say, to the images that are meant."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.dataset import read_dataset, select_split
from covidreport.dataset.index import DataQuery
from covidreport.dataset.manifest import Needed
from covidreport.errors import DatasetError, UsageError
from covidreport.evaluate.options import DEFAULT_TARGET, EvaluateOptions
from covidreport.inference.contract import read_labels
from covidreport.records import Dataset, Run
from covidreport.storage import chosen
from covidreport.storage.chosen import NO_SPLITS, ImageQuery
from covidreport.storage.runs import read_evaluations
from covidreport.text.labels import pair_spellings, propose_label_map


def part_runs(found: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs that can be run, and those that hold metrics and no model.

    The latter were imported, or pulled without their models: nothing of them is changed.
    """
    alone = [run for run in found if _holds_metrics_alone(run)]
    return [run for run in found if run not in alone], alone


def _holds_metrics_alone(run: Run) -> bool:
    models = any(each.model is not None for each in run.members or (run,))
    return not models and not run.faults and bool(read_evaluations(run)[0])


def find_data(options: EvaluateOptions, runs: Sequence[Run]) -> Path:
    """Where the images are: as the options say, else as the run folders name them.

    UsageError where nobody says it, where runs contradict each other, and where nothing is there.
    """
    if options.data is not None:
        if not options.data.exists():
            origin = options.origin_of("data")
            raise UsageError(f"{options.data}: no such file or folder (from {origin})")
        return options.data
    named: dict[Path, str] = {}
    for run in runs:
        source = None if run.faults else attempt(run.name, "read", partial(_named_data, run))
        if isinstance(source, Path):
            named.setdefault(source, run.name)
    there = [path for path in named if os.path.exists(path)]  # noqa: PTH110 - never raises
    if len(there) == 1:
        return there[0]
    if len(named) == 1:
        (path,) = named
        raise UsageError(
            f"{path}: named as its data by run {named[path]} and not there; use --data"
        )
    if named:
        listed = "; ".join(f"{name}: {path}" for path, name in named.items())
        raise UsageError(f"the runs name different data ({listed}); say which with --data")
    raise UsageError(
        "no data is named: use --data, or `covidreport init DATA` to write a covidreport.toml"
    )


def _named_data(run: Run) -> Path | None:
    """Where a run says that its data are."""
    source = run.data_source
    return Path(os.path.realpath(run.folder / source)) if source else None


def choose_data(options: EvaluateOptions, runs: Sequence[Run]) -> DataQuery:
    """Which images are asked for; the labels are those of the models where nobody names them.

    Of several models those that any states and the data have, where the target is among them.
    """
    source = find_data(options, runs)
    marks = options.uncertain or ()
    query = DataQuery(
        source, options.split, options.labels, options.group, options.name, marks, options.manifest
    )
    target = options.target or DEFAULT_TARGET
    return replace(query, labels=options.labels or find_stated_labels(runs, query, target))


class LabelledRuns(Struct, frozen=True):
    """Runs that are evaluated for the same labels."""

    labels: tuple[str, ...] | None
    """None for all that are asked for, whatever they are."""
    runs: tuple[Run, ...]
    lacking: tuple[str, ...] = ()
    """What else is asked for."""


def part_by_labels(
    runs: Sequence[Run], labels: Sequence[str] | None, target: str
) -> tuple[LabelledRuns, ...]:
    """The runs by those of the labels that they have; a run needs no more than the target.

    One that lacks the target, or spells a label otherwise, is left to fail for all of them, and
    says what it has. Read from the files, without loading a model.
    """
    parts: dict[tuple[str, ...] | None, list[Run]] = {}
    for run in runs:
        parts.setdefault(_find_own_labels(run, labels or (), target), []).append(run)
    return tuple(
        LabelledRuns(
            own, tuple(of), () if own is None else tuple(e for e in labels or () if e not in own)
        )
        for own, of in parts.items()
    )


def _find_own_labels(run: Run, labels: Sequence[str], target: str) -> tuple[str, ...] | None:
    """Which of the labels a run has, where it has the target and lacks others; else None."""
    stated = [
        attempt(each.name, "read", partial(read_labels, each)) for each in run.members or (run,)
    ]
    known = [set(each) for each in stated if isinstance(each, tuple)]
    if len(known) < len(stated) or target not in labels:
        return None
    has = set.intersection(*known)
    own = tuple(label for label in labels if label in has)
    lacking = [label for label in labels if label not in has]
    if not lacking or target not in own or pair_spellings(lacking, has):
        return None
    return own


def narrow_labels(query: DataQuery, target: str) -> DataQuery | None:
    """The query for those of its labels that the data have; None unless the target is one, and
    where the data have all or spell another otherwise."""
    there = _read_labels_there(query)
    own = tuple(label for label in query.labels or () if label in there)
    if target not in own or own == query.labels or pair_spellings(query.labels or (), there):
        return None
    return replace(query, labels=own)


def _read_labels_there(query: DataQuery) -> tuple[str, ...]:
    """The labels that the data have by themselves; none where these can't be told."""
    try:
        return read_query(replace(query, labels=None), lambda _: ()).labels
    except DatasetError:
        return ()


def find_stated_labels(
    runs: Sequence[Run], query: DataQuery, target: str
) -> tuple[str, ...] | None:
    """The labels that models state, as the first of the most common kind orders them; None without
    models.

    Of several sets of labels all that the data have, where the target is among them, and else the
    most common set that they have. A model that states others then fails by name, and does not hold
    up the rest. Read from the files, without loading a model.
    """
    read = [attempt(run.name, "read", partial(read_labels, run)) for run in runs if run.model]
    stated = [labels for labels in read if isinstance(labels, tuple)]
    sets = Counter(frozenset(labels) for labels in stated).most_common()
    ordered = [next(one for one in stated if frozenset(one) == each) for each, _ in sets]
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    there = _read_labels_there(query)
    every = tuple(dict.fromkeys(label for each in ordered for label in each if label in there))
    if target in every:
        return every
    fitting = (labels for labels in ordered if _has_labels(query, labels))
    return next(fitting, ordered[0])


def _has_labels(query: DataQuery, labels: tuple[str, ...]) -> bool:
    try:
        read_query(replace(query, labels=labels), lambda _: ())
    except DatasetError:
        return False
    return True


def read_query(query: DataQuery, needed: Needed | None) -> Dataset:
    """The data set that is asked for, with all its splits; needed: whose files must be there.

    DatasetError where it is refused; for labels that it spells otherwise with what to paste.
    """
    read = partial(
        read_dataset, query.source, group=query.group, name=query.name,
        uncertain=query.uncertain, manifest=query.manifest,
    )  # fmt: skip
    try:
        return read(query.labels, needed=needed)
    except DatasetError as error:
        if query.labels is None:
            raise
        try:
            there = read(None, needed=lambda _: ()).labels
        except DatasetError:
            raise error from None
        pairs = pair_spellings(query.labels, there)
        if not pairs:
            raise
        said = (
            f"its labels are spelt otherwise: where they come from a model, put "
            f'{propose_label_map(pairs)} under "input" in its run.json'
        )
        raise DatasetError(error.where, [*error.faults, said]) from error


def read_split(query: DataQuery) -> tuple[Dataset, str]:
    """The images of one split and its name: where nothing is said `validation`, else the only one.

    Only their files have to be there. UsageError where the split is asked for and the data has
    none, and where it can't be told which of several is meant.
    """
    images = ImageQuery(split=query.split)
    data = read_query(query, lambda there: (chosen.choose_split(images, there),))
    if data.splits is None:
        if query.split not in (None, NO_SPLITS):
            raise UsageError(f"the data has no splits, and split {query.split!r} was asked for")
        return data, NO_SPLITS
    name = chosen.choose_split(images, set(filter(None, data.splits)))
    return select_split(data, name), name


def check_target(options: EvaluateOptions, labels: Sequence[str]) -> str:
    """The target; UsageError where one is named that is no label of the data.

    The usual one need not be among them: then nothing is ranked.
    """
    target = options.target or DEFAULT_TARGET
    if target != DEFAULT_TARGET and target not in labels:
        raise UsageError(
            f"{options.origin_of('target')} is {target!r}, which is no label of the data; "
            f"they are {', '.join(labels)}"
        )
    return target
