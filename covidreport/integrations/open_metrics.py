"""OpenMetrics text, which GitLab shows as a metrics report beside a merge request.

GitLab compares by name and labels with the target branch, so no label holds what changes with each
commit. What is undefined is excluded: the format would have NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from covidreport.integrations.naming import clean, title_limits, title_run
from covidreport.records import Beside, Verdict

OUTCOMES = ("pass", "fail", "error", "inconclusive")
_COUNTS = ("tp", "fn", "tn", "fp", "missed", "false_alarms", "positives", "negatives")
_HOLDS = {"pass": 1, "warn": 0, "fail": 0, "inconclusive": 0}


class _Sample(NamedTuple):
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


_HELP = {
    "covidreport_outcome": "1 for the outcome of the run's verdict, 0 for the others.",
    "covidreport_count": "Images of the target label; missed and false_alarms hold those that "
    "could not be scored.",
    "covidreport_metric": "Metrics of the target label, with the ends of their 95 % intervals.",
    "covidreport_cases": "Cases that the baseline found and the run missed, and the reverse.",
    "covidreport_limit_kept": "1 where the limit is kept, 0 where not or where it is inconclusive.",
    "covidreport_limit_value": "The metric that is limited.",
    "covidreport_scores_computed_here": "1 where the scores were computed on the machine that "
    "judged, 0 where they are as stored.",
    "covidreport_notices": "What must be known before any verdict: verdict.json names it.",
}
_NOTHING = Beside()


def render_open_metrics(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """All metrics of all verdicts, each family under its type and help."""
    samples = [sample for verdict in verdicts for sample in _list_samples(verdict)]
    if beside.notices:
        samples.append(_Sample("covidreport_notices", (), len(beside.notices)))
    lines = []
    for family, words in _HELP.items():
        lines += [f"# TYPE {family} gauge", f"# HELP {family} {words}"]
        lines += [_format(sample) for sample in samples if sample.name == family]
    return "\n".join([*lines, "# EOF", ""])


def _list_samples(verdict: Verdict) -> Iterator[_Sample]:
    run = (("run", title_run(verdict)),)
    for outcome in OUTCOMES:
        yield _Sample(
            "covidreport_outcome", (*run, ("outcome", outcome)), verdict.outcome == outcome
        )
    if verdict.scores_from is not None:
        here = verdict.scores_from == "computed here"
        yield _Sample("covidreport_scores_computed_here", run, here)
    target = (*run, ("label", clean(verdict.target)))
    counts = verdict.counts
    if counts is not None:
        for name in _COUNTS:
            yield _Sample("covidreport_count", (*target, ("of", name)), getattr(counts, name))
    for metric, estimate in verdict.estimates.items():
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        for end, value in ends.items():
            if value is not None and math.isfinite(value):
                yield _Sample(
                    "covidreport_metric", (*target, ("metric", metric), ("end", end)), value
                )
    if verdict.comparisons:
        cases = {"newly_missed": verdict.newly_missed, "newly_found": verdict.newly_found}
        for name, some in cases.items():
            yield _Sample("covidreport_cases", (*target, ("of", name)), len(some))
    for title, result in zip(title_limits(verdict.results), verdict.results, strict=True):
        limit = (*run, ("limit", title))
        yield _Sample("covidreport_limit_kept", limit, _HOLDS[result.outcome])
        if result.value is not None and math.isfinite(result.value):
            yield _Sample("covidreport_limit_value", limit, result.value)


def _format(sample: _Sample) -> str:
    labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sample.labels)
    value = float(sample.value)
    number = str(int(value)) if value.is_integer() else repr(value)
    return f"{sample.name}{{{labels}}} {number}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
