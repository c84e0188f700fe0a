"""Metrics of scores as a test needs them that is not about metrics: equal scores get them once.

They are two fifths of an evaluation, and most tests evaluate the same few images by the same few
models. `compute_metrics` is pure, which tests/metrics/test_compute.py asks of it.
"""

from __future__ import annotations

import pickle
from typing import Any

from covidreport.metrics import ALL_METRICS, ComputedMetrics, compute_metrics

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
