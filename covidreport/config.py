"""Settings: from covidreport.toml or `[tool.covidreport]` in a pyproject.toml; options win."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

from covidreport.errors import StoreError, UsageError
from covidreport.failed import MOST_FAILED
from covidreport.records import FigurePlan, Ignore, IntervalKind, Limit, ModelLimits
from covidreport.storage.chosen import AskedImages
from covidreport.storage.files import read_text, stands

CONFIG_FILE = "covidreport.toml"
DEFAULT_THRESHOLD = 0.5
DEFAULT_TARGET = "covid-19"
DEFAULT_FLOOR = 0.5
DEFAULT_NORMAL = "normal"
TUNED = "tuned"
LEAST_BYTES = 64 * 2**20
"""Of a memory limit: the smallest models take less, and none takes nothing."""
MEMORY_WANTED = 'a fraction up to 1 or a size from 64MiB on is wanted, such as 0.8 or "12GiB"'
INTERVALS: tuple[IntervalKind, ...] = ("wilson", "clopper-pearson")
SECTIONS = {
    "answer": "the answer",
    "ranking": "the ranking",
    "against": "the runs against each other",
    "failed": "the runs without figures",
    "repeats": "the repeats over seeds",
    "cases": "the missed cases",
    "operating": "the operating points",
    "curves": "the curves of several runs",
    "matrices": "the confusion matrices of all runs",
    "subgroups": "the subgroups of the best runs",
    "runs": "each run by itself",
    "findings": "the findings",
    "provenance": "the provenance",
    "methods": "the methods",
}
"""The sections of a report in their order, each of which can be left out; the blocks of its
templates have the same names. What is left out is named at the end, and what the report is not
always stands in it."""
FORMER_SECTIONS = frozenset({"blocks", "compare"})
"""Sections of earlier versions: a file that hides one of them still says what it said."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Operating points: a probability for all labels, and exceptions by label."""

    default: float = DEFAULT_THRESHOLD
    by_label: Mapping[str, float] = field(default_factory=dict)
    origin: str = "default"
    """Where they come from: `default`, `configuration` or `option`."""
    tuned: bool = False
    """Each run has thresholds of its own (thresholds.json); these are for labels without one."""

    @property
    def asked(self) -> bool:
        """Whether an option or the configuration says anything of thresholds."""
        return self.tuned or self.origin != "default"

    def of(self, labels: Sequence[str]) -> dict[str, float]:
        """The threshold of each label, for all runs.

        UsageError where one is named that is no label, and where each run has its own.
        """
        if self.tuned:
            raise UsageError(
                "thresholds are to be the tuned ones of each run, and fixed ones are needed here: "
                "give --threshold, such as --threshold 0.5"
            )
        return self.fixed(labels)

    def fixed(self, labels: Sequence[str]) -> dict[str, float]:
        """As `of`, tuned or not: what holds for labels without a tuned threshold."""
        strange = [label for label in self.by_label if label not in labels]
        if strange:
            raise UsageError(
                f"a threshold is set for {', '.join(map(repr, strange))}, which is no label of the "
                f"data; its labels are {', '.join(labels)}"
            )
        return {label: self.by_label.get(label, self.default) for label in labels}


@dataclass(frozen=True, slots=True)
class FigureSettings:
    """What the configuration says of the figures and their intervals."""

    interval: IntervalKind = "wilson"
    specificities: tuple[float, ...] = FigurePlan().specificities
    sensitivities: tuple[float, ...] = FigurePlan().sensitivities
    prevalence: float | Mapping[str, float] | None = None
    """Of the target, or by label."""
    normal: str | None = None

    def plan(self, labels: Sequence[str], target: str) -> FigurePlan:
        """What is to be computed for these labels; UsageError where one is named that is none."""
        prevalence = self.prevalence
        if prevalence is not None and not isinstance(prevalence, Mapping):
            prevalence = {target: prevalence} if target in labels else {}
        strange = [label for label in prevalence or {} if label not in labels]
        if self.normal is not None and self.normal not in labels:
            strange.append(self.normal)
        if strange:
            raise UsageError(
                f"`prevalence` or `normal` in the configuration names "
                f"{', '.join(map(repr, strange))}, which is no label of the data; its labels are "
                f"{', '.join(labels)}"
            )
        return FigurePlan(
            interval=self.interval,
            specificities=self.specificities,
            sensitivities=self.sensitivities,
            prevalence=dict(prevalence or {}),
            normal=self.normal or (DEFAULT_NORMAL if DEFAULT_NORMAL in labels else None),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says; None where it is silent."""

    origin: Path | None = None
    data: Path | None = None
    split: str | None = None
    labels: tuple[str, ...] | None = None
    group: str | None = None
    uncertain: tuple[str, ...] = ()
    """What a label's cell says where nobody is certain, such as `?`; the truth is then unknown."""
    name: str | None = None
    target: str = DEFAULT_TARGET
    specificity_floor: float = DEFAULT_FLOOR
    thresholds: Thresholds = field(default_factory=Thresholds)
    tuning_split: str | None = None
    """`[tune] split`: the split that thresholds are tuned on."""
    baseline: str | None = None
    """The run that the others are compared with, instead of all with each other."""
    margin: float | None = None
    """How much less sensitive a run may be and still be called not inferior, a fraction."""
    provider: str = "auto"
    figures: FigureSettings = field(default_factory=FigureSettings)
    hide: frozenset[str] = frozenset()
    """Sections of the report that are left out, of `SECTIONS`."""
    max_failed_share: float = MOST_FAILED
    """What share of the images may fail before nothing is said of a run."""
    limits: tuple[Limit, ...] = ()
    """What `gate` and `ci` ask of a run beside what they ask of every run."""
    model_limits: ModelLimits = field(default_factory=ModelLimits)
    """What a model may take that is run; a run that takes more has failed."""
    ignore: tuple[Ignore, ...] = ()
    """`[audit] ignore`: findings of `audit` that were looked at."""

    @property
    def folder(self) -> Path:
        """Where the configuration is; the current folder where there is none."""
        return Path() if self.origin is None else self.origin.parent

    @property
    def data_name(self) -> str | None:
        """What evaluations on the configured data are filed under; None without any."""
        from covidreport.dataset.source import name_source  # what most commands do not need

        if self.data is None and self.name is None:
            return None
        return name_source(self.data, self.name)

    def ask_stored(
        self, dataset: str | None = None, split: str | None = None, variant: str | None = None
    ) -> AskedImages:
        """The images that options, the configuration and a baseline's file ask for.

        What is judged by a baseline takes them from `gate`. Here nothing is, and a configured split
        need not be that of the baseline.
        """
        from covidreport.gate.baseline import find_baseline_file, peek_split

        asked = AskedImages(dataset, split, variant, self.split, self.data_name)
        place = find_baseline_file(self.baseline, self.folder)
        if self.split is not None or place is None:
            return asked
        return replace(asked, baseline=peek_split(place))


def find_settings(folder: Path) -> Settings:
    """The settings that hold in `folder`: of the nearest configuration file at or above it."""
    for place in (folder.resolve(), *folder.resolve().parents):
        if stands(place / CONFIG_FILE):
            return read_settings(place / CONFIG_FILE)
        project = place / "pyproject.toml"
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
    if path.name == "pyproject.toml":
        table = table["tool"]["covidreport"]
    if not _is_table(table):
        raise UsageError(f"{path}: `tool.covidreport` is {table!r}; a table is wanted")
    faults: list[str] = []
    known = ("data", "split", "labels", "group", "uncertain", "name", "target",
             "specificity_floor", "max_failed_share", "threshold", "thresholds", "baseline",
             "margin", "provider", "interval", "specificities", "sensitivities", "prevalence",
             "normal", "report", "tune", "limits", "batch_timeout_s", "memory_limit",
             "audit")  # fmt: skip
    faults += [
        f"`{key}` is no setting; {', '.join(known)} are" for key in table if key not in known
    ]

    def text(key: str) -> str | None:
        value = table.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            faults.append(f"`{key}` is {value!r}; a text is wanted")
            return None
        return value

    labels = table.get("labels")
    if labels is not None and not (
        isinstance(labels, list)
        and labels
        and all(isinstance(label, str) for label in labels)
        and len(set(labels)) == len(labels)
    ):
        faults.append(f"`labels` is {labels!r}; a list of different names is wanted")
        labels = None
    uncertain = table.get("uncertain", [])
    if not (isinstance(uncertain, list) and all(isinstance(x, str) and x for x in uncertain)):
        faults.append(f'`uncertain` is {uncertain!r}; a list of texts is wanted, such as ["?"]')
        uncertain = []
    floor = table.get("specificity_floor", DEFAULT_FLOOR)
    if not _is_number(floor) or not 0 <= floor <= 1:
        faults.append(f"`specificity_floor` is {floor!r}; a fraction from 0 to 1 is wanted")
    most = table.get("max_failed_share", MOST_FAILED)
    if not _is_number(most) or not 0 <= most <= 1:
        faults.append(f"`max_failed_share` is {most!r}; a fraction from 0 to 1 is wanted")
    margin = table.get("margin")
    if margin is not None and (not _is_number(margin) or not 0 < margin < 1):
        faults.append(f"`margin` is {margin!r}; a fraction between 0 and 1 is wanted, such as 0.05")
        margin = None
    data = text("data")
    settings = Settings(
        origin=path,
        data=None if data is None else path.parent / data,
        split=text("split"),
        labels=None if labels is None else tuple(labels),
        group=text("group"),
        uncertain=tuple(uncertain),
        name=text("name"),
        target=text("target") or DEFAULT_TARGET,
        specificity_floor=floor,
        max_failed_share=most,
        thresholds=_read_tuned(
            table.get("thresholds"), _read_thresholds(table.get("threshold"), faults), faults
        ),
        tuning_split=_read_tuning_split(table.get("tune", {}), faults),
        baseline=text("baseline"),
        margin=margin,
        provider=text("provider") or "auto",
        figures=_read_figures(table, text("normal"), faults),
        hide=_read_hidden(table.get("report", {}), faults),
        model_limits=_read_model_limits(table, faults),
        ignore=_read_ignored(table.get("audit", {}), faults),
        limits=_read_limits(table, text("target") or DEFAULT_TARGET, path, faults),
    )
    if faults:
        raise UsageError("\n".join([f"{path}:", *(f"  {fault}" for fault in faults)]))
    return settings


def _read_limits(
    table: Mapping[str, Any], target: str, path: Path, faults: list[str]
) -> tuple[Limit, ...]:
    if "limits" not in table:
        return ()
    from covidreport.gate.limits import read_limit_tables  # what most commands do not need

    return read_limit_tables(table["limits"], target, path.name, faults)


def _read_model_limits(table: Mapping[str, Any], faults: list[str]) -> ModelLimits:
    usual = ModelLimits()
    seconds = table.get("batch_timeout_s", usual.batch_timeout_s)
    if not _is_number(seconds) or not 0 < seconds < math.inf:
        faults.append(f"`batch_timeout_s` is {seconds!r}; seconds are wanted, such as 300")
        seconds = usual.batch_timeout_s
    memory = read_memory(table.get("memory_limit", usual.memory))
    if memory is None:
        faults.append(f"`memory_limit` is {table['memory_limit']!r}; {MEMORY_WANTED}")
        memory = usual.memory
    return ModelLimits(float(seconds), memory)


def read_memory(value: object) -> float | None:
    """A memory limit as `ModelLimits` has it: a fraction, or bytes; None where it is neither."""
    if _is_number(value):
        return float(value) if 0 < value <= 1 else None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]i?b)?", str(value).strip().lower())
    if not isinstance(value, str) or found is None:
        return None
    number, unit = float(found.group(1)), found.group(2)
    if unit is None:
        return number if 0 < number <= 1 else None
    amount = number * (1024 if "i" in unit else 1000) ** (1 + "kmgt".index(unit[0]))
    return amount if amount >= LEAST_BYTES else None


def read_model_limits(
    configured: ModelLimits, batch_timeout_s: float | None, memory_limit: str | None
) -> ModelLimits:
    """What `--batch-timeout-s` and `--memory-limit` say, on top of the configuration."""
    seconds, memory = batch_timeout_s, None
    if seconds is not None and not 0 < seconds < math.inf:
        raise UsageError(f"--batch-timeout-s {seconds:g}: give seconds, such as 300")
    if memory_limit is not None:
        memory = read_memory(memory_limit)
        if memory is None:
            raise UsageError(f"--memory-limit {memory_limit}: {MEMORY_WANTED}")
    return ModelLimits(
        configured.batch_timeout_s if seconds is None else seconds,
        configured.memory if memory is None else memory,
    )


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_figures(
    table: Mapping[str, Any], normal: str | None, faults: list[str]
) -> FigureSettings:
    interval = table.get("interval", INTERVALS[0])
    if interval not in INTERVALS:
        faults.append(f"`interval` is {interval!r}; {' or '.join(map(repr, INTERVALS))} is wanted")
        interval = INTERVALS[0]
    points: dict[str, tuple[float, ...]] = {}
    for key in ("specificities", "sensitivities"):
        value = table.get(key, getattr(FigurePlan(), key))
        if isinstance(value, list | tuple) and all(_is_share(each) for each in value):
            points[key] = tuple(dict.fromkeys(map(float, value)))
        else:
            faults.append(f"`{key}` is {value!r}; a list of fractions such as [0.9] is wanted")
    prevalence = table.get("prevalence")
    stated = prevalence.values() if isinstance(prevalence, dict) else [prevalence]
    if prevalence is not None and not all(_is_share(each) for each in stated):
        faults.append(f"`prevalence` is {prevalence!r}; a fraction between 0 and 1 is wanted")
        prevalence = None
    return FigureSettings(interval, **points, prevalence=prevalence, normal=normal)


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 < value < 1


def _read_hidden(report: Any, faults: list[str]) -> frozenset[str]:
    """`hide` of the table `report`: names of sections, each of which can be left out."""
    if not isinstance(report, dict):
        faults.append(
            f'`report` is {report!r}; a table is wanted: [report], then hide = ["methods"]'
        )
        return frozenset()
    faults += [f"`report.{key}` is no setting; `report.hide` is" for key in report if key != "hide"]
    names = report.get("hide", [])
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        faults.append(f'`report.hide` is {names!r}; a list of sections is wanted: ["methods"]')
        return frozenset()
    for name in names:
        if name not in SECTIONS and name not in FORMER_SECTIONS:
            faults.append(
                f"`report.hide` names {name!r}, which is no section; {', '.join(SECTIONS)} are"
            )
    return frozenset(names) - FORMER_SECTIONS


def _read_tuning_split(tune: Any, faults: list[str]) -> str | None:
    """`split` of the table `tune`."""
    if not isinstance(tune, dict):
        faults.append(f'`tune` is {tune!r}; a table is wanted: [tune], then split = "tuning"')
        return None
    faults += [f"`tune.{key}` is no setting; `tune.split` is" for key in tune if key != "split"]
    split = tune.get("split")
    if split is not None and not (isinstance(split, str) and split):
        faults.append(f"`tune.split` is {split!r}; a text is wanted")
        return None
    return split


def _read_ignored(audit: Any, faults: list[str]) -> tuple[Ignore, ...]:
    """`ignore` of the table `audit`: codes of findings, each with the reason."""
    wanted = '[audit], then ignore = [{code = "too-few-positives", reason = "a pilot"}]'
    if not isinstance(audit, dict):
        faults.append(f"`audit` is {audit!r}; a table is wanted: {wanted}")
        return ()
    faults += [
        f"`audit.{key}` is no setting; `audit.ignore` is" for key in audit if key != "ignore"
    ]
    entries = audit.get("ignore", [])
    if not isinstance(entries, list) or not all(map(_is_ignored, entries)):
        faults.append(f"`audit.ignore` is {entries!r}; codes with reasons are wanted: {wanted}")
        return ()
    codes = [entry["code"] for entry in entries]
    faults += [f"`audit.ignore` has {code!r} twice" for code in set(codes) if codes.count(code) > 1]
    return tuple(Ignore(entry["code"], entry["reason"]) for entry in entries)


def _is_ignored(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() == {"code", "reason"}
        and all(isinstance(text, str) and text.strip() for text in entry.values())
    )


def _read_thresholds(value: Any, faults: list[str]) -> Thresholds:
    if value is None:
        return Thresholds()
    table: dict[str, object] = value if isinstance(value, dict) else {"": value}
    for label, number in table.items():
        if not _is_number(number) or not 0 < number < 1:
            place = f"`threshold` of {label}" if label else "`threshold`"
            faults.append(f"{place} is {number!r}; a probability between 0 and 1 is wanted")
            return Thresholds()
    if isinstance(value, dict):
        return Thresholds(by_label=value, origin="configuration")
    return Thresholds(default=float(value), origin="configuration")


def _read_tuned(value: Any, fixed: Thresholds, faults: list[str]) -> Thresholds:
    if value is None:
        return fixed
    if value != TUNED:
        faults.append(
            f'`thresholds` is {value!r}; "{TUNED}" is wanted, or `threshold` for a number'
        )
    return replace(fixed, tuned=True)


def read_threshold_options(
    options: Sequence[str], configured: Thresholds, kind: str | None = None
) -> Thresholds:
    """What `--threshold 0.4` and `--threshold covid-19=0.3` say, on top of the configuration.

    kind: of `--thresholds tuned`; None where it is not given. A `--threshold` wins over a
    configuration that says tuned; both options at once contradict each other.
    """
    if kind not in (None, TUNED):
        raise UsageError(f"--thresholds {kind}: only {TUNED}; a number goes with --threshold")
    if kind == TUNED and options:
        raise UsageError(
            f"--thresholds {TUNED} takes each run's own thresholds and --threshold sets them: "
            "give one of the two"
        )
    if kind == TUNED:
        return replace(configured, tuned=True)
    if not options:
        return configured
    default, by_label = configured.default, dict(configured.by_label)
    for option in options:
        label, _, number = option.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not 0 < value < 1:
            raise UsageError(
                f"--threshold {option}: give a probability between 0 and 1, such as 0.4, or "
                "LABEL=0.4 for one label"
            )
        if label:
            by_label[label] = value
        else:
            default, by_label = value, {}
    return Thresholds(default, by_label, "option")
