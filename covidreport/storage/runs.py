"""Finds run folders and reads what they say of themselves; executes nothing.

A run folder may hold anything: whatever is wrong with it is kept in its run's `faults`, and stands
in the way of no other.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.errors import StoreError, UsageError
from covidreport.records import CrossValidated, Epoch, Evaluation, Failure, Run
from covidreport.storage.address import refuse_address
from covidreport.storage.contract import PREFIX, read_run_file
from covidreport.storage.evaluation import read_evaluation
from covidreport.storage.files import format_path, open_file, read_text, stands
from covidreport.storage.folder import (
    EVALUATION_FILE,
    EVALUATIONS_FOLDER,
    HISTORY_FILE,
    MODEL_FILE,
    RUN_FILE,
)
from covidreport.storage.folds import explain_stale
from covidreport.storage.published import Published, read_published
from covidreport.storage.wire import read_metadata

MODEL_SUFFIX: Final = ".onnx"
DEEPEST: Final = 32
"""Folders below one that is named; what lies deeper is not searched."""
MOST_HISTORY_BYTES: Final = 64 * 2**20

Tell = Callable[[str], None]
"""Called with what a reader should know of what was found, a sentence each."""
RUNS_FOLDER: Final = Path("runs")
"""Where runs are looked for unless a folder is named."""


def is_run_folder(folder: Path) -> bool:
    """Whether a folder holds a run: a run.json, a model or evaluations, or one ONNX file alone."""
    return folder.is_dir() and _find_folders(folder, []) == [folder]


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
        for folder in _find_folders(path, notes) if path.is_dir() else [locate_run(path)]:
            folders.setdefault(os.path.realpath(folder), folder)
    if not folders:
        named = ", ".join(str(path) for path in paths)
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


class _SearchedFolder(Struct):
    """A folder that was looked into: where it lies, and the ONNX files in it."""

    folder: Path
    parent: _SearchedFolder | None
    depth: int
    models: tuple[str, ...] = ()
    is_run: bool = False
    holds_runs: bool = False

    def take(self) -> None:
        """Call it a run; no folder above it is one for its ONNX file."""
        self.is_run = True
        above = self.parent
        while above is not None and not above.holds_runs:
            above.holds_runs = True
            above = above.parent


def _find_folders(path: Path, notes: list[str]) -> list[Path]:
    """The run folders at and below a folder, in the order of their names; each is seen once."""
    found = _walk(path, notes)
    for each in reversed(found):  # folders below come first
        if not each.is_run and len(each.models) == 1 and not each.holds_runs:
            each.take()
    folders = [each.folder for each in found if each.is_run]
    taken = {_model_beside(folder) for folder in folders}
    for each in found:
        loose = [each.folder / name for name in each.models]
        loose = [] if each.is_run else [model for model in loose if model not in taken]
        if loose:
            notes.append(
                f"{', '.join(map(format_path, loose))}: of no run; name what is to be one, such as "
                f"`covidreport evaluate {format_path(loose[0])}`, or give each a folder of its own"
            )
    return folders


def _walk(path: Path, notes: list[str]) -> list[_SearchedFolder]:
    """Every folder at and below one, not below a run; a folder above comes before those in it."""
    found: list[_SearchedFolder] = []
    seen: set[str] = set()
    waiting = [_SearchedFolder(path, None, 0)]
    while waiting:
        each = waiting.pop()
        real = os.path.realpath(each.folder)
        if real in seen:  # a link to a folder above, or a second way to one
            continue
        seen.add(real)
        found.append(each)
        try:
            if is_declared(each.folder):
                each.take()
                continue
            each.models = _list_models(each.folder)
            below = _list_folders(each.folder)
        except OSError:
            each.take()  # nobody knows what is in it: it is told as a run that can't be read
            continue
        if below and each.depth == DEEPEST:
            notes.append(f"{format_path(each.folder)}: what lies below is too deep to be searched")
            continue
        waiting += [
            _SearchedFolder(each.folder / name, each, each.depth + 1) for name in reversed(below)
        ]
    return found


def is_declared(folder: Path) -> bool:
    """Whether a folder says that it is a run, by whatever stands under those names."""
    return (
        stands(folder / RUN_FILE)
        or stands(folder / MODEL_FILE)
        or os.path.isdir(folder / EVALUATIONS_FOLDER)  # noqa: PTH112 - never raises
    )


def _model_beside(folder: Path) -> Path | None:
    """The ONNX file of a run that lies beside its folder: `runs/exp1.onnx` of `runs/exp1`."""
    named = folder if folder.name not in ("", os.pardir) else folder.resolve()
    model = Path(f"{named}{MODEL_SUFFIX}")
    return model if stands(model) else None


def _list_models(folder: Path) -> tuple[str, ...]:
    """The names of the ONNX files in a folder, links and whatever else is no folder among them."""
    with os.scandir(folder) as entries:
        return tuple(sorted(
            entry.name for entry in entries
            if Path(entry.name).suffix.lower() == MODEL_SUFFIX and not entry.name.startswith(".")
            and not _is_folder(entry)
        ))  # fmt: skip


def _list_folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and _is_folder(e))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


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
        models = _list_models(folder) if stands(folder) or not _model_beside(folder) else ()
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
    history, notes = _read_epochs(folder)
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
    beside = _model_beside(folder)
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
    if format_path(model) != str(model):
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


def _read_epochs(folder: Path) -> tuple[tuple[Epoch, ...], tuple[str, ...]]:
    """The epochs of a run folder, and why there are none where its history can't be read."""
    if not stands(folder / HISTORY_FILE):
        return (), ()
    try:
        return read_history(folder / HISTORY_FILE), ()
    except StoreError as error:
        return (), (str(error),)


def read_history(path: Path) -> tuple[Epoch, ...]:
    """The epochs of a history.csv; an empty cell is None. StoreError names the line at fault."""
    text = read_text(path, MOST_HISTORY_BYTES)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        columns = list(reader.fieldnames or [])
        if "epoch" not in columns:
            raise StoreError(f"{path}: line 1: no column `epoch`")
        return tuple(_read_epoch(path, reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise StoreError(f"{path}: can't be read ({error})") from error


def _read_epoch(path: Path, line: int, row: dict[str, str]) -> Epoch:
    try:
        values = {
            name: float(cell) if cell else None for name, cell in row.items() if name != "epoch"
        }
        epoch = int(row["epoch"])
    except (TypeError, ValueError) as error:
        raise StoreError(f"{path}: line {line}: {error}") from error
    for name, value in values.items():
        if value is not None and not math.isfinite(value):
            values[name] = None
    return Epoch(epoch, values)


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
