"""Reads a study file: TOML with shared `[defaults]` and one `[[experiment]]` an entry, each of
which may stand for several, by `seeds` and `[sweep]`.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covidreport.errors import CovidReportError, StoreError, UsageError
from covidreport.storage.files import read_text
from covidreport.store import refuse_address

from .conflicts import drop_meaningless, find_conflicts, find_strange_labels, is_frozen_by_chance
from .fields import (
    ENTRY_FIELDS,
    REQUIRED,
    SETTING_FIELDS,
    Check,
    check_folds,
    check_labels,
    check_marks,
    check_number,
    check_seeds,
    check_text,
)
from .settings import Experiment, FitSettings, Study, name_run
from .variants import Variant, read_sweep, vary

STUDIES_FOLDER = Path(__file__).parent / "studies"
TOP_FIELDS: Mapping[str, Check] = {
    "name": check_text,
    "description": check_text,
    "labels": check_labels,
    "uncertain": check_marks,
    "target": check_text,
    "name_suffix": check_text,
    "seeds": check_seeds,
    "folds": check_folds,
}
TABLES = ("defaults", "sweep", "experiment")
NAMED = ("architecture", "loss")
"""What of the settings a name says that no entry states."""
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
    refuse_address(name, "--study")
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
    top = {key: value for key, value in table.items() if key not in TABLES}
    facts = _check_keys(top, TOP_FIELDS, "", faults, also=TABLES)
    defaults = _check_keys(_table(table, "defaults", faults), SETTING_FIELDS, "[defaults]", faults)
    given = _check_keys(overrides, SETTING_FIELDS, "the command line", faults)
    sweep = read_sweep(_table(table, "sweep", faults), faults)
    if "seed" in given:
        facts["seeds"] = (given["seed"],)
    shared = _Shared(facts, defaults, given, sweep)
    entries = table.get("experiment")
    if not isinstance(entries, list) or not entries:
        faults.append("no [[experiment]]: a study has at least one")
        entries = []
    experiments = [
        experiment
        for place, entry in enumerate(entries, 1)
        for experiment in _read_entry(entry, place, shared, faults)
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
        folds=facts.get("folds"),
        uncertain=facts.get("uncertain", ()),
    )
    faults += _find_clashes(study, entries)
    if check_models:
        from .networks import OWN, look_first_in
        from .start import find_model_faults

        if any(OWN.fullmatch(each.settings.architecture) for each in experiments):
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
    known = {name for e in study.experiments for name in _call(e)}
    _refuse_strangers(numbers, known, "experiment", study)
    _refuse_strangers(blocks, {e.block for e in study.experiments if e.block}, "block", study)
    return tuple(
        e
        for e in study.experiments
        if _call(e) & set(numbers) or (e.block is not None and e.block in blocks)
    )


def _call(experiment: Experiment) -> set[str]:
    """What it can be chosen by: with its configuration, all seeds of it."""
    configuration = experiment.configuration or experiment.name
    return {experiment.number, experiment.name, configuration}


def _refuse_strangers(names: Sequence[str], known: set[str], kind: str, study: Study) -> None:
    strangers = [name for name in names if name not in known]
    if strangers:
        numbers = ", ".join(dict.fromkeys(e.number for e in study.experiments))
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


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all entries of a study have in common."""

    facts: Mapping[str, Any]
    defaults: Mapping[str, Any]
    given: Mapping[str, Any]
    """By the command line."""
    sweep: Mapping[str, Sequence[Any]]


def _read_entry(entry: object, place: int, shared: _Shared, faults: list[str]) -> list[Experiment]:
    """The experiments of one entry, one for each seed and value of the sweep; or its faults."""
    if not isinstance(entry, Mapping):
        faults.append(f"entry {place} of `experiment` is {entry!r}; write [[experiment]]")
        return []
    before = len(faults)
    where = f"experiment {entry['number']}" if "number" in entry else f"[[experiment]] no. {place}"
    checks = {"number": check_number, **ENTRY_FIELDS, **SETTING_FIELDS}
    own = _check_keys(entry, checks, where, faults)
    if "number" not in entry:
        faults.append(f"{where}: `number` is missing")
    there = {*shared.defaults, *entry, *shared.given, *shared.sweep}
    missing = [key for key in REQUIRED if key not in there]
    faults += [f"{where}: `{key}` is missing, here and in [defaults]" for key in missing]
    stated = {k: v for k, v in own.items() if k in SETTING_FIELDS} | dict(shared.given)
    faults += [f"{where}: `{key}` is stated, and [sweep] varies it" for key in shared.sweep
               if key in stated]  # fmt: skip
    if "seed" in own and "seeds" in shared.facts and "seed" not in shared.given:
        faults.append(f"{where}: `seed` is stated, and `seeds` for all experiments")
    if len(faults) > before or any(key not in {**shared.defaults, **stated, **shared.sweep}
                                   for key in REQUIRED):  # fmt: skip
        return []
    found: list[str] = []
    experiments = [
        experiment
        for variant in vary(shared.sweep)
        for experiment in _make_experiments(own, variant, shared, found)
    ]
    faults += dict.fromkeys(f"{where}: {fault}" for fault in found)
    return experiments


def _make_experiments(
    own: Mapping[str, Any], variant: Variant, shared: _Shared, faults: list[str]
) -> list[Experiment]:
    """One variant of an entry, once a seed; its faults, without the entry's name."""
    stated = {k: v for k, v in own.items() if k in SETTING_FIELDS}
    stated |= {**variant.values, **shared.given}
    settings = FitSettings(**{**shared.defaults, **stated})
    faults += find_conflicts(settings, stated)
    if "weights" not in shared.given and is_frozen_by_chance(settings):
        faults.append(
            f"`{'frozen' if settings.frozen else 'frozen_epochs'}` keeps random weights: with "
            'weights = "none" those layers would learn nothing; name weights, or freeze nothing'
        )
    faults += find_strange_labels(settings, shared.facts)
    settings = drop_meaningless(settings)
    name = own.get("name")
    if name is None:
        suffix = shared.facts.get("name_suffix", "")
        name = name_run(own["number"], settings, suffix) + variant.name(without=NAMED)
    else:
        name += variant.name()
    if not SAFE_NAME.fullmatch(name):
        faults.append(f"{name!r} can't name a folder; letters, digits, . _ and - can")
    block, description = own.get("block"), own.get("description", "")
    one = Experiment(own["number"], name, settings, block, description)
    return [
        dataclasses.replace(
            one, name=f"{name}-seed{seed}", configuration=name,
            settings=dataclasses.replace(settings, seed=seed),
        )
        for seed in shared.facts.get("seeds", ())
    ] or [one]  # fmt: skip


def _find_clashes(study: Study, entries: Sequence[object]) -> list[str]:
    faults = []
    if study.target not in study.labels:
        faults.append(f"`target` is {study.target!r}; it is no label ({', '.join(study.labels)})")
    numbers = Counter(str(entry.get("number")) for entry in entries if isinstance(entry, Mapping))
    names = Counter(experiment.name for experiment in study.experiments)
    for kind, counts in (("number", numbers), ("name", names)):
        faults += [
            f"{n} experiments have the {kind} {value}"
            for value, n in counts.items() if n > 1 and value != "None"
        ]  # fmt: skip
    return faults
