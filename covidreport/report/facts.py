"""Settings and times as names and values: whatever a run folder says, nothing left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from covidreport.records import Run
from covidreport.report.blocks import Code, Fact, Facts, Text
from covidreport.storage.replaced import SOURCE_DIGEST
from covidreport.text import DASH, exact, humanise, titled

_SHOWN_ELSEWHERE = frozenset({"schema", "name", "description"})
_TITLES = {
    "hyperparameters": "Hyperparameters",
    "started_from": "Started from",
    "exported_epoch": "Exported epoch",
    "data": "Training data",
    "versions": "Versions",
    "input": "Input of the model",
}
_TIME_NAMES = frozenset(
    {"created", "date", "evaluated", "finished", "rendered", "started", "time", "timing"}
)
NONE = "none"
"""What a run says of a setting that it states as null or as an empty list."""
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{12,}")


def is_time(key: str) -> bool:
    """Whether a key holds a time stamp or a duration, by the names that files use for them."""
    return key in _TIME_NAMES or key.endswith(("_s", "_at", "_time"))


def list_facts(values: Mapping[str, Any], nothing: str = DASH) -> tuple[Fact, ...]:
    """Every entry but times, in the order of the file; a mapping in it gives an entry for each.

    nothing: what stands for null and for what is empty.
    """
    return tuple(_walk(values, "", nothing))


def _walk(values: Mapping[str, Any], before: str, nothing: str) -> Iterable[Fact]:
    for key, value in values.items():
        if is_time(str(key)):
            continue
        name = f"{before}{humanise(str(key))}"
        if isinstance(value, Mapping) and value:
            yield from _walk(value, f"{name}: ", nothing)
        else:
            text = nothing if value is None or value in ([], {}) else exact(value)
            yield Fact(name, Code(text) if _DIGEST.fullmatch(text) else Text(text))


def list_settings(run: Run) -> tuple[Facts, ...]:
    """All of run.json: one group for each of its objects, and one for what stands alone.

    What it states as null is `none`; what it does not state is in no group.
    """
    groups = []
    alone: dict[str, Any] = {}
    for key, value in run.settings.items():
        if key in _SHOWN_ELSEWHERE:
            continue
        if isinstance(value, Mapping) and value:
            title = _TITLES.get(key, titled(humanise(key)))
            groups.append((list(_TITLES).index(key) if key in _TITLES else len(_TITLES),
                           Facts(list_facts(value, NONE), title)))  # fmt: skip
        else:
            alone[key] = value
    ordered = [group for _, group in sorted(groups, key=lambda pair: pair[0]) if group.facts]
    rest = list_facts(alone, NONE)
    return (*ordered, Facts(rest, "Run")) if rest else tuple(ordered)


def list_times(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Every entry that holds a time, at any depth: `decode (s) 4.2`, in the order of the file."""
    times: list[str] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            # All of an object called `timing` is times, whatever its entries are called.
            inner = {f"{k}": v for k, v in value.items()}
            times += _all_times(inner) if is_time(str(key)) else list_times(inner)
        elif is_time(str(key)) and value is not None:
            times.append(f"{_unit(str(key))} {exact(value)}")
    return tuple(times)


def _all_times(values: Mapping[str, Any]) -> list[str]:
    # A modification time in nanoseconds and the digest of a place are for look-ups and nothing that
    # people read; commands have a table of their own.
    times: list[str] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            times += [f"{_unit(key)} {each}" for each in _all_times(value)]
        elif (
            not key.endswith("_mtime_ns")
            and key not in ("command", SOURCE_DIGEST)
            and value is not None
        ):
            times.append(f"{_unit(key)} {exact(value)}")
    return times


def _unit(key: str) -> str:
    """`decode_s` is `decode (s)`."""
    return f"{humanise(key[:-2])} (s)" if key.endswith("_s") else humanise(key)
