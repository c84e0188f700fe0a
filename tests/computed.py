"""Metrics and drawings as a test needs them that is not about them: equal ones are made once.

Metrics are two fifths of an evaluation, and most tests evaluate the same few images by the same few
models. `compute_metrics` is pure, which tests/metrics/test_compute.py asks of it. A process that
draws a chart starts an engine for it, which takes longer than the rest of its report.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from covidreport import __version__
from covidreport.metrics import ALL_METRICS, ComputedMetrics, compute_metrics
from covidreport.storage.cache import name_entry

_METRICS = dict(ALL_METRICS)
_COMPUTED: dict[bytes, ComputedMetrics] = {}


def compute_once(*arguments: Any) -> ComputedMetrics:
    """What `compute_metrics` gives, or gave before for equal arguments."""
    if ALL_METRICS != _METRICS:  # this test has a metric of its own
        return compute_metrics(*arguments)
    key = pickle.dumps(arguments)
    if key not in _COMPUTED:
        _COMPUTED[key] = compute_metrics(*arguments)
    return _COMPUTED[key]


def keep_drawing(folder: Path, kind: str, facts: Any, make: Callable[[], str]) -> str:
    """What `make` draws, or drew before in any process, by all that decides it."""
    file = folder / name_entry([__version__, kind, facts])
    if not file.exists():
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(make(), encoding="utf-8")
        part.replace(file)
    return file.read_text(encoding="utf-8")
