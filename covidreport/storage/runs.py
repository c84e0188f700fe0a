"""Finds run folders and reads what they say of themselves; executes nothing.

A run folder may hold anything: whatever is wrong with it is kept in its run's `faults`, and stands
in the way of no other.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Final

from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.errors import StoreError, UsageError
from covidreport.records import CrossValidated, Evaluation, Failure, Run
from covidreport.storage.address import refuse_address
from covidreport.storage.contract import read_run_file
from covidreport.storage.copied import show_place
from covidreport.storage.evaluation import read_evaluation
from covidreport.storage.files import format_path, open_file, stands
from covidreport.storage.folder import (
    EVALUATION_FILE,
    EVALUATIONS_FOLDER,
    MODEL_FILE,
    RUN_FILE,
)
from covidreport.storage.folds import explain_stale
from covidreport.storage.history import read_epochs
from covidreport.storage.published import Published, read_published
from covidreport.storage.search import (
    MODEL_SUFFIX,
    find_folders,
    is_declared,
    list_models,
    model_beside,
)
from covidreport.storage.wire import read_metadata
from covidreport.storage.words import PREFIX

Tell = Callable[[str], None]
"""Called with what a reader should know of what was found, a sentence each."""
RUNS_FOLDER: Final = Path("runs")
"""Where runs are looked for unless a folder is named."""


def is_run_folder(folder: Path) -> bool:
    """Whether a folder holds a run: a run.json, a model or evaluations, or one ONNX file alone."""
    return folder.is_dir() and find_folders(folder, []) == [folder]


def discover_runs(paths: Sequence[Path] = (), tell: Tell = lambda _: None) -> tuple[Run, ...]:
    """The runs at and below `paths`, by path; a run folder is not searched for others.

    A folder is a run by its run.json, its model.onnx or its evaluations/, or where it holds exactly
    one ONNX file and there is no run below it. A path may be an ONNX file as well: `locate_run`.
    Runs of one name can't be distinguished: each has that fault. Where no path is named, `runs` is
    meant. Raises UsageError where a path does not exist or nothing is found.
    """
    folders: dict[str, Path] = {}
    notes: list[str] = []
    paths = paths or [RUNS_FOLDER]
    for path in paths:
        refuse_address(path)
    for path in paths:
        for folder in find_folders(path, notes) if path.is_dir() else [locate_run(path)]:
            folders.setdefault(os.path.realpath(folder), folder)
    if not folders:
        named = ", ".join(map(show_place, paths))
        raise UsageError(
            f"{named}: no run folders found; a run folder holds {RUN_FILE}, {MODEL_FILE} or "
            f"{EVALUATIONS_FOLDER}/" + "".join(f"\n  {note}" for note in notes)
        )
    runs = _part_namesakes(sorted(map(_read_or_explain, folders.values()), key=_natural))
    for note in (*notes, *(f"{run.name}: {note}" for run in runs for note in run.notes)):
        tell(note)
    return runs


def names_runs(path: Path) -> bool:
    """Whether a path is a place of runs, and no other file: a folder, or an ONNX file."""
    return path.is_dir() or path.suffix == MODEL_SUFFIX


def locate_run(path: Path) -> Path:
    """The run folder of an ONNX file, which need not be there yet: `runs/exp1` of `runs/exp1.onnx`.

    The model of a run folder stands for that run. UsageError for what is no ONNX file, and for one
    in a run folder whose model is another.
    """
    if path.suffix != MODEL_SUFFIX or not stands(path):
        what = "is a file" if stands(path) else "no such folder"
        raise UsageError(
            f"{path}: {what}; give run folders, a folder of them such as runs/, or ONNX files "
            f"(*{MODEL_SUFFIX})"
        )
    if not is_declared(path.parent):
        return path.with_suffix("")
    model = read_run(path.parent).model
    if model is not None and model.name != path.name:
        raise UsageError(
            f"{path}: is in the run folder {path.parent}, whose model is {model.name}; put it "
            f"elsewhere, or name it as `model` in {RUN_FILE}"
        )
    return path.parent


def _part_namesakes(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Give runs of one name their folders as well, since figures stand under names.

    None of them can be used; but one that had another fault takes no name from a sound one.
    """
    named = Counter(run.name for run in runs)
    sound = Counter(run.name for run in runs if not run.faults)
    taken = set(named)
    parted = []
    for run in runs:
        if named[run.name] == 1 or (sound[run.name] == 1 and not run.faults):
            parted.append(run)
            continue
        name = f"{run.name} ({format_path(run.folder)})"
        while name in taken:
            name += "+"
        taken.add(name)
        faults = run.faults
        if sound[run.name] != 1:
            folders = [format_path(each.folder) for each in runs if each.name == run.name]
            count = "two" if len(folders) == 2 else str(len(folders))
            faults = (
                *faults,
                f"{count} runs are called {run.name!r}: {' and '.join(folders)}; rename all but "
                f"one (the folder, or `name` in its {RUN_FILE})",
            )
        parted.append(replace(run, name=name, faults=faults))
    return tuple(parted)


def _natural(run: Run) -> tuple[object, ...]:
    """`exp2` before `exp10`: runs of digits compare as numbers."""
    parts: list[tuple[int, int, str]] = []
    digits = ""
    for character in f"{run.folder.as_posix()} ":
        if character.isdecimal() and character.isascii():
            digits += character
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        parts.append((1, 0, character))
    return tuple(parts)


def _read_or_explain(folder: Path) -> Run:
    """The run in a folder; where that can't be read for whatever reason, a run that says why."""
    name = _name_folder(folder)
    run = attempt(name, "read", partial(read_run, folder))
    if isinstance(run, Failure):
        return Run(name, folder, None, faults=(run.explanation,))
    return run


def read_run(folder: Path) -> Run:
    """The run in a folder. A folder without run.json is a run named after the folder.

    Nothing that is wrong with the folder hides the run: it is kept in `faults`, or in `notes` where
    the run can be used all the same.
    """
    try:
        models = list_models(folder) if stands(folder) or not model_beside(folder) else ()
    except OSError as error:
        fault = f"{format_path(folder)}: can't be looked into ({error.strerror})"
        return Run(_name_folder(folder), folder, None, faults=(fault,))
    settings: dict[str, Any] = {}
    faults: list[str] = []
    if stands(folder / RUN_FILE):
        described = read_run_file(folder / RUN_FILE)
        settings, faults = dict(described.settings), list(described.faults)
        if settings.get("fold") is not None and settings.get("configuration") is None:
            faults.append(
                f"{format_path(folder / RUN_FILE)}: states `fold` and no `configuration`, of which "
                "it is a fold; name it alike in the runs of all folds"
            )
    history, notes = read_epochs(folder)
    model = None
    try:
        model = _choose_model(folder, settings.get("model"), models)
    except StoreError as error:
        faults.append(str(error))
    if model is not None and "input" not in settings:
        published = _read_published(model)
        if published is not None:
            settings |= {"input": published.words} if published.words else {}
            notes += published.faults
    others = [name for name in models if model is not None and folder / name != model]
    if others and model is not None:
        notes += (f"{model.name} is run, and not {', '.join(map(format_path, others))} beside it",)
    return Run(
        name=str(settings.get("name") or _name_folder(folder)),
        folder=folder,
        model=model,
        settings=settings,
        history=history,
        faults=tuple(faults),
        notes=notes,
    )


def _read_published(model: Path) -> Published | None:
    """What other tools wrote beside a model; None where its own file states a contract."""
    published = read_published(model.parent)
    try:
        stated = published is not None and f"{PREFIX}contract" in read_metadata(model)
    except (OSError, ValueError):
        stated = False  # opening it says why
    return None if stated else published


def _name_folder(folder: Path) -> str:
    return format_path(PurePath(os.path.realpath(folder)).name) or format_path(folder)


def _choose_model(folder: Path, named: str | None, models: Sequence[str]) -> Path | None:
    """The model of a run; None where there is none.

    The one that run.json names, else model.onnx, else the only ONNX file, else the one beside the
    folder. StoreError where it is no readable file, lies outside the folder, or can't be told from
    others.
    """
    beside = model_beside(folder)
    if named is not None:
        model = _locate_model(folder, named)
    elif stands(folder / MODEL_FILE):
        model = folder / MODEL_FILE
    elif len(models) > 1:
        raise StoreError(
            f"{format_path(folder)}: holds {' and '.join(map(format_path, models))}; say which is "
            f"meant with `model` in {RUN_FILE}, or call it {MODEL_FILE}"
        )
    else:
        model = folder / models[0] if models else folder / MODEL_FILE
    if beside is not None and stands(model):
        raise StoreError(
            f"{format_path(model)} and {format_path(beside)} are both the model of this run; "
            "rename or move one"
        )
    if beside is not None and named is None:
        model = beside
    if not stands(model):
        return None
    open_file(model).close()
    if format_path(str(model)) != str(model):
        raise StoreError(
            f"{format_path(model)}: ONNX Runtime opens no file whose path is not UTF-8; rename it"
        )
    return model


def _locate_model(folder: Path, named: str) -> Path:
    """Where `model` of a run.json points; StoreError unless that is in the run folder.

    A run with another run's model would be judged by answers that are not its own. model.onnx
    itself may be a link, as it may where nothing names it.
    """
    parts = PurePath(named).parts
    windows = PureWindowsPath(named)  # a drive or a backslash leads out there
    inside = not (
        windows.anchor or PurePath(named).is_absolute() or ".." in {*parts, *windows.parts}
    )
    model = folder / named
    if inside and named != MODEL_FILE:
        root, real = os.path.realpath(folder), os.path.realpath(model)
        inside = os.path.commonpath([root, real]) == root
    if not inside:
        raise StoreError(
            f"{format_path(folder / RUN_FILE)}: `model` is {named!r}, which is not in the run "
            "folder; copy the model into it (`cp -L`), and give its name alone"
        )
    return model


def read_evaluations(run: Run) -> tuple[tuple[Evaluation, ...], tuple[str, ...]]:
    """The evaluations in a run folder, by key, and what is wrong with those that are broken.

    A run that can't be used has none, and its faults: nobody knows what its figures are of. Those
    of all folds are of a configuration, `CrossValidated`, and of none of its runs.
    """
    if run.faults:
        return (), run.faults
    evaluations, faults = _read_all(run)
    if not isinstance(run, CrossValidated):
        return tuple(each for each in evaluations if not each.facts.folds), faults
    current = []
    for each in evaluations:
        if each.facts.folds:
            stale = explain_stale(run, each)
            current += [] if stale else [each]
            faults += (stale,) if stale else ()
    return tuple(current), faults


def _read_all(run: Run) -> tuple[tuple[Evaluation, ...], tuple[str, ...]]:
    """What stands in a run folder, whatever it is of."""
    folder = run.folder / EVALUATIONS_FOLDER
    evaluations: list[Evaluation] = []
    faults: list[str] = []
    for file in sorted(folder.glob(f"*/{EVALUATION_FILE}")):
        read = attempt(run.name, "read", partial(read_evaluation, file))
        if isinstance(read, Failure):
            faults.append(read.explanation)
        elif file.parent.name != read.key:  # its scores would be looked for elsewhere
            faults.append(
                f"{format_path(file)}: says that it is {read.key}, and its folder is called "
                "otherwise; rename it back, or run `covidreport evaluate` again"
            )
        else:
            # A folder may have been copied or renamed since.
            evaluations.append(replace(read, run=run.name))
    return tuple(evaluations), tuple(faults)
