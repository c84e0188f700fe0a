"""Reads a study file: TOML with shared `[defaults]` and one `[[experiment]]` an entry.

Everything that is wrong with a study is listed at once, before anything starts: unknown keys,
values, combinations, names that two entries share, and (by `train.start`) layers that are not
there.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from covidreport.errors import CovidReportError, StoreError, UsageError
from covidreport.storage.files import read_text

from .fields import (
    ENTRY_FIELDS,
    REQUIRED,
    SETTING_FIELDS,
    Check,
    check_labels,
    check_marks,
    check_number,
    check_text,
    split_convention,
)
from .settings import AS_GIVEN, AS_RUN, AUGMENTATIONS, Experiment, FitSettings, Study, name_run

STUDIES_FOLDER = Path(__file__).parent / "studies"
TOP_FIELDS: Mapping[str, Check] = {
    "name": check_text,
    "description": check_text,
    "labels": check_labels,
    "uncertain": check_marks,
    "target": check_text,
    "name_suffix": check_text,
}
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class StudyError(CovidReportError):
    """A study file is refused; `faults` holds everything that is wrong with it."""

    def __init__(self, path: Path, faults: Sequence[str]) -> None:
        self.path = path
        self.faults = tuple(faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {fault}" for fault in faults)]))


def find_study(name: str) -> Path:
    """The study file at a path, or the one that comes with `train` under this name."""
    path = Path(name)
    if path.is_file():
        return path
    shipped = STUDIES_FOLDER / f"{name}.toml"
    if shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in STUDIES_FOLDER.glob("*.toml")))
    raise UsageError(f"{name}: no such study file, and no study of this name (there are {names})")


def read_study(
    path: Path, overrides: Mapping[str, Any] | None = None, *, check_models: bool = True
) -> Study:
    """The study in a file, its settings replaced by `overrides` in every experiment.

    check_models: also build each model's outline and look up the layers that it freezes (loads
    torch). Raises StudyError with every fault; UsageError where the file can't be read.
    """
    overrides = dict(overrides or {})
    table = _load(path)
    faults: list[str] = []
    top = {key: value for key, value in table.items() if key not in ("defaults", "experiment")}
    facts = _check_keys(top, TOP_FIELDS, "", faults, also=("defaults", "experiment"))
    defaults = _check_keys(_table(table, "defaults", faults), SETTING_FIELDS, "[defaults]", faults)
    given = _check_keys(overrides, SETTING_FIELDS, "the command line", faults)
    entries = table.get("experiment")
    if not isinstance(entries, list) or not entries:
        faults.append("no [[experiment]]: a study has at least one")
        entries = []
    experiments = [
        experiment
        for number, entry in enumerate(entries, 1)
        if (experiment := _read_entry(entry, number, (facts, defaults, given), faults))
    ]
    labels = facts.get("labels", ("covid-19", "normal", "pneumonia"))
    study = Study(
        path=path,
        name=facts.get("name", path.stem),
        description=facts.get("description", ""),
        labels=labels,
        target=facts.get("target", labels[0]),
        experiments=tuple(experiments),
        overrides=overrides,
        uncertain=facts.get("uncertain", ()),
    )
    faults += _find_clashes(study)
    if check_models:
        from .networks import look_first_in
        from .start import find_model_faults

        look_first_in(path.parent)
        faults += find_model_faults(experiments, len(labels))
    if faults:
        raise StudyError(path, faults)
    return study


def select_experiments(
    study: Study, numbers: Sequence[str] = (), blocks: Sequence[str] = ()
) -> tuple[Experiment, ...]:
    """The experiments with one of these numbers or names, or of one of these blocks.

    All of them where nothing is asked for, or `all` is. UsageError names what is not there.
    """
    if "all" in numbers or "all" in blocks or not (numbers or blocks):
        return study.experiments
    known = {e.number for e in study.experiments} | {e.name for e in study.experiments}
    _refuse_strangers(numbers, known, "experiment", study)
    _refuse_strangers(blocks, {e.block for e in study.experiments if e.block}, "block", study)
    return tuple(
        e
        for e in study.experiments
        if e.number in numbers or e.name in numbers or (e.block is not None and e.block in blocks)
    )


def _refuse_strangers(names: Sequence[str], known: set[str], kind: str, study: Study) -> None:
    strangers = [name for name in names if name not in known]
    if strangers:
        numbers = ", ".join(e.number for e in study.experiments)
        blocks = ", ".join(dict.fromkeys(e.block for e in study.experiments if e.block)) or "none"
        there = (
            f"its experiments are {numbers}" if kind == "experiment" else f"its blocks: {blocks}"
        )
        raise UsageError(f"{study.path}: no {kind} {', '.join(strangers)}; {there}")


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not valid TOML ({error})") from error
    except StoreError as error:
        raise UsageError(str(error)) from error


def _table(table: Mapping[str, Any], key: str, faults: list[str]) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        faults.append(f"`{key}` is {value!r}; a table [{key}] is wanted")
        return {}
    return value


def _check_keys(
    table: Mapping[str, Any],
    checks: Mapping[str, Check],
    where: str,
    faults: list[str],
    also: Iterable[str] = (),
) -> dict[str, Any]:
    """The values that pass; a fault for each that does not and for each key that nobody knows."""
    start = f"{where}: " if where else ""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in checks:
            near = difflib.get_close_matches(key, [*checks, *also], n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            faults.append(f"{start}unknown key `{key}`{hint}")
            continue
        try:
            values[key] = checks[key](value)
        except ValueError as error:
            faults.append(f"{start}`{key}` is {value!r}; {error}")
    return values


def _read_entry(
    entry: object,
    number: int,
    shared: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]],
    faults: list[str],
) -> Experiment | None:
    """The experiment of one entry, or None and its faults."""
    facts, defaults, given = shared
    if not isinstance(entry, Mapping):
        faults.append(f"entry {number} of `experiment` is {entry!r}; write [[experiment]]")
        return None
    before = len(faults)
    where = f"experiment {entry['number']}" if "number" in entry else f"[[experiment]] no. {number}"
    checks = {"number": check_number, **ENTRY_FIELDS, **SETTING_FIELDS}
    own = _check_keys(entry, checks, where, faults)
    if "number" not in entry:
        faults.append(f"{where}: `number` is missing")
    stated = {k: v for k, v in own.items() if k in SETTING_FIELDS}
    values = {**defaults, **stated, **given}
    missing = [key for key in REQUIRED if key not in values and key not in entry]
    faults += [f"{where}: `{key}` is missing, here and in [defaults]" for key in missing]
    if len(faults) > before or any(key not in values for key in REQUIRED):
        return None
    settings = FitSettings(**values)
    faults += [f"{where}: {fault}" for fault in _find_conflicts(settings, {**stated, **given})]
    if "weights" not in given and is_frozen_by_chance(settings):
        faults.append(
            f'{where}: `frozen` keeps random weights: with weights = "none" those layers would '
            "never learn anything; name weights, or freeze nothing"
        )
    faults += [f"{where}: {fault}" for fault in _find_strange_labels(settings, facts)]
    settings = _drop_meaningless(settings)
    name = own.get("name") or name_run(own["number"], settings, facts.get("name_suffix", ""))
    if not SAFE_NAME.fullmatch(name):
        faults.append(f"{where}: {name!r} can't name a folder; letters, digits, . _ and - can")
    return Experiment(own["number"], name, settings, own.get("block"), own.get("description", ""))


def _find_conflicts(settings: FitSettings, stated: Mapping[str, Any]) -> list[str]:
    """Settings that don't go together; what a default says is only dropped, never a fault."""
    faults = []
    if settings.loss != "bce" and settings.gamma is None:
        faults.append(f"`gamma` is missing: {settings.loss} needs it")
    if settings.loss == AS_RUN and settings.alpha is None:
        faults.append(f"`alpha` is missing: {settings.loss} needs it")
    if settings.loss == AS_RUN and settings.positive_weight is not None:
        faults.append(f"`positive_weight` has no meaning for {settings.loss}")
    if settings.loss == "bce":
        faults += [f"`{key}` has no meaning for bce" for key in ("gamma", "alpha") if key in stated]
    if settings.optimizer == "adam" and "momentum" in stated:
        faults.append("`momentum` has no meaning for adam")
    for key in ("augmentation", "validation_augmentation"):
        if getattr(settings, key) not in AUGMENTATIONS:
            faults.append(
                f"`{key}` is {getattr(settings, key)!r}; one of {', '.join(AUGMENTATIONS)} "
                "is wanted"
            )
    if (settings.mean is None) != (settings.std is None):
        faults.append("`mean` and `std` go together: state both or neither")
    elif settings.mean and settings.std and len(settings.mean) != len(settings.std):
        faults.append("`mean` and `std` have different numbers of values")
    if settings.allow_ineffective_freeze and not settings.frozen:
        faults.append("`allow_ineffective_freeze` is true and nothing is frozen")
    balancing = {
        '`positive_weight = "balanced"`': settings.positive_weight == "balanced",
        '`sampling = "class-balanced"`': settings.sampling == "class-balanced",
        # with 0.5 both answers weigh the same
        f"`alpha = {settings.alpha}`": settings.loss != "bce" and settings.alpha not in (None, 0.5),
    }
    several = [words for words, there in balancing.items() if there]
    if len(several) > 1:
        faults.append(
            f"{' and '.join(several)} each make up for how rare positives are: keep one of them"
        )
    return faults


def is_frozen_by_chance(settings: FitSettings) -> bool:
    """Whether layers are frozen that nobody has trained."""
    still = bool(settings.frozen) and not settings.allow_ineffective_freeze
    return settings.weights == "none" and still


def _find_strange_labels(settings: FitSettings, facts: Mapping[str, Any]) -> list[str]:
    """Labels of a convention that the study does not have."""
    labels = facts.get("labels", ("covid-19", "normal", "pneumonia"))
    faults = []
    for key in ("train_labels", "validation_labels"):
        convention = getattr(settings, key)
        if convention == AS_GIVEN:
            continue
        faults += [
            f"`{key}` is {convention!r}; {label!r} is no label of the study"
            for label in split_convention(convention)
            if label not in labels
        ]
    return faults


def _drop_meaningless(settings: FitSettings) -> FitSettings:
    """Shared defaults that say nothing about this experiment are not recorded as its settings."""
    if settings.loss == "bce":
        settings = dataclasses.replace(settings, gamma=None, alpha=None)
    if settings.optimizer == "adam":
        settings = dataclasses.replace(settings, momentum=0.0)
    return settings


def _find_clashes(study: Study) -> list[str]:
    faults = []
    if study.target not in study.labels:
        faults.append(f"`target` is {study.target!r}; it is no label ({', '.join(study.labels)})")
    for kind in ("number", "name"):
        counts = Counter(getattr(experiment, kind) for experiment in study.experiments)
        faults += [
            f"{n} experiments have the {kind} {value}" for value, n in counts.items() if n > 1
        ]
    return faults
