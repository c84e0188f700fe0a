"""Finds and reads a settings file; every fault of it is named at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from msgspec.structs import replace

from covidreport.dataset.layout import refuse_twice
from covidreport.errors import StoreError, UsageError
from covidreport.evaluate.options import DEFAULT_TARGET, EvaluateOptions
from covidreport.evaluate.thresholds import TUNING_SPLIT, Thresholds
from covidreport.gate.baseline import REGISTERED
from covidreport.metrics.plan import MetricOptions
from covidreport.records import Limit, RankAt, Study
from covidreport.settings import tables
from covidreport.settings import values as read_as
from covidreport.settings.record import Settings
from covidreport.settings.values import FaultError
from covidreport.storage.address import find_address, locate_beside
from covidreport.storage.files import read_text, stands

SETTINGS_FILE = "covidreport.toml"
PROJECT_FILE = "pyproject.toml"
T = TypeVar("T")


def _read_baseline(key: str, value: Any) -> str:
    """A run's name, where runs or a baseline's file lie, or a registered model. Of what lies in a
    store the file alone: runs there are opened with those that are judged, by `--baseline`."""
    stated = read_as.text(key, value)
    if stated.startswith(REGISTERED):
        return stated
    if (address := find_address(stated)) is not None and address.suffix.lower() == ".json":
        return read_as.data_sets(key, stated)[0]
    return read_as.places(key, stated)[0]


def _read_references(key: str, value: Any) -> dict[str, str]:
    """`reference` of the table `groups`: by attribute one of its values."""
    found = value.get("reference") if _is_table(value) and len(value) == 1 else None
    if not _is_table(found) or not all(each and isinstance(each, str) for each in found.values()):
        expected = '[groups], then reference = {sex = "F"}'
        raise FaultError(f"`{key}` is {value!r}; a value by attribute is wanted: {expected}")
    return found


OPTIONS: dict[str, Callable[[str, Any], Any]] = {
    "split": read_as.text,
    "labels": read_as.labels,
    "group": read_as.text,
    "uncertain": read_as.marks,
    "manifest": read_as.manifest,
    "input": read_as.input_words,
    "name": read_as.text,
    "target": read_as.text,
    "max_failed_share": read_as.fraction,
    "check_preprocessing": read_as.switch,
    "disturb": tables.disturb,
    "foreign": tables.foreign,
    "provider": read_as.text,
    "batch_timeout_s": read_as.seconds,
    "memory_limit": read_as.memory,
}
"""The settings that are a field of `EvaluateOptions`, and what reads each."""
METRICS: dict[str, Callable[[str, Any], Any]] = {
    "interval": read_as.interval,
    "specificities": read_as.fractions,
    "sensitivities": read_as.fractions,
    "prevalence": read_as.prevalence,
    "normal": read_as.text,
}
"""The settings that are a field of `MetricOptions`."""
RANKING: dict[str, Callable[[str, Any], Any]] = {
    "specificity_floor": read_as.fraction,
    "baseline": _read_baseline,
    "margin": read_as.margin,
    "policy": read_as.policy,
    "false_failure_share": read_as.margin,
    "no_group_loses": read_as.labels,
    "site": read_as.text,
    "rank_sites": read_as.site_rank,
    "rank_weighted": read_as.switch,
}
"""The settings that are a field of `Settings`."""
KNOWN = (
    "data", *OPTIONS, "threshold", "thresholds", "rank_at", *RANKING, *METRICS, "report", "tune",
    "study", "patients", "groups", "limits", "audit",
)  # fmt: skip


def find_settings(folder: Path) -> Settings:
    """The settings that hold in `folder`: of the nearest settings file at or above it."""
    for parent in (folder.resolve(), *folder.resolve().parents):
        if stands(parent / SETTINGS_FILE):
            return read_settings(parent / SETTINGS_FILE)
        project = parent / PROJECT_FILE
        tools = _load(project).get("tool") if project.is_file() else None
        if _is_table(tools) and "covidreport" in tools:
            return read_settings(project)
    return Settings()


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not valid TOML ({error})") from error
    except StoreError as error:
        raise UsageError(str(error)) from error


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def read_settings(path: Path) -> Settings:
    """The settings in one file; UsageError lists everything that is wrong with it."""
    table = _load(path)
    if path.name == PROJECT_FILE:
        table = table["tool"]["covidreport"]
    if not _is_table(table):
        raise UsageError(f"{path}: `tool.covidreport` is {table!r}; a table is wanted")
    reading = _Reading(table)
    reading.faults += [
        f"`{key}` is no setting; {', '.join(KNOWN)} are" for key in table if key not in KNOWN
    ]
    tuning_split = reading.read("tune", tables.tuning_split)
    study = reading.read("study", tables.study) or Study()
    options = reading.read_options(path, tuning_split or TUNING_SPLIT, study)
    settings = Settings(
        origin=path,
        evaluate=options,
        study=study,
        beside=reading.read_sources(path)[1:] if "data" in options.origins else (),
        **reading.read_all(RANKING),
        patient_rule=reading.read("patients", tables.patient_rule) or "any",
        tuning_split=tuning_split,
        reference_groups=reading.read("groups", _read_references) or {},
        hide=reading.read("report", tables.hidden_sections) or frozenset(),
        ignore=reading.read("audit", tables.ignored_findings) or (),
        limits=reading.read_limits(options.target or DEFAULT_TARGET, path),
    )
    if reading.faults:
        raise UsageError("\n".join([f"{path}:", *(f"  {fault}" for fault in reading.faults)]))
    return settings


class _Reading:
    """One table, key by key; what is wrong with a value is kept, and it counts as not there."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        self.faults: list[str] = []

    def read(self, key: str, reader: Callable[[str, Any], T | None]) -> T | None:
        """A value as its reader gives it; None where it is not there or at fault."""
        if key not in self.table:
            return None
        try:
            return reader(key, self.table[key])
        except FaultError as fault:
            self.faults += fault.args
            return None

    def read_all(self, readers: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
        """The values of several keys, without those that are not there."""
        read = {key: self.read(key, reader) for key, reader in readers.items()}
        return {key: value for key, value in read.items() if value is not None}

    def read_sources(self, path: Path) -> tuple[Path, ...]:
        """The data sets in their order; none where the file names none."""
        return tuple(
            locate_beside(path.parent, each) for each in self.read("data", read_as.data_sets) or ()
        )

    def read_options(self, path: Path, tuning_split: str, study: Study) -> EvaluateOptions:
        """What of the file lies beneath the options of the commands."""
        values = self.read_all(OPTIONS)
        if "manifest" in values:
            twice = refuse_twice(values.get("group"), values.get("uncertain"), values["manifest"])
            self.faults += twice
        sources = self.read_sources(path)
        if sources:
            values["data"] = sources[0]
        if (foreign := values.get("foreign")) is not None and foreign.folders:
            folders = tuple(path.parent / each for each in foreign.folders)
            values["foreign"] = replace(foreign, folders=folders)
        metrics = self.read_all(METRICS)
        if study.sampling:
            metrics["sampling"] = study.sampling
        return EvaluateOptions(
            **values,
            thresholds=self.read_thresholds(values.get("target", DEFAULT_TARGET), tuning_split),
            metrics=MetricOptions(**metrics) if metrics else None,
            origins={key: f"`{key}` in {path}" for key in values},
        )

    def read_thresholds(self, target: str, tuning_split: str) -> Thresholds | None:
        """`threshold`, and whether each run's own go before it: for `rank_at`, or whatever for."""
        by_label = self.read("threshold", read_as.thresholds)
        tuned = self.read("thresholds", read_as.tuned) or False
        found = self.read("rank_at", read_as.rank_at)
        rank_at = None if found is None else RankAt(target, *found, tuning_split)
        tuned = tuned or rank_at is not None
        if by_label is None:
            return Thresholds(tuned=True, rank_at=rank_at) if tuned else None
        read = Thresholds.read(by_label, "configuration", tuned=tuned)
        return replace(read, rank_at=rank_at)

    def read_limits(self, target: str, path: Path) -> tuple[Limit, ...]:
        """The table of limits, whose words the gate knows."""
        if "limits" not in self.table:
            return ()
        from covidreport.gate.limits import read_limit_tables  # what most commands do not need

        return read_limit_tables(self.table["limits"], target, path.name, self.faults)
