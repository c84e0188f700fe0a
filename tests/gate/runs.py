"""Run folders whose missed cases and false alarms are known by hand, and a gate on them."""

from __future__ import annotations

from pathlib import Path

from covidreport.gate.gating import GateRequest, gate_runs
from covidreport.gate.judge import GateCriteria
from covidreport.gate.limits import choose_limits
from covidreport.records import Limit, Run
from covidreport.storage.chosen import ImageQuery
from tests.evaluate.scored import write_scored_run

TARGET = "covid-19"


def write_run_missing(
    folder: Path, missed, alarms=0, *, positives=10, negatives=20, groups=None, **facts
) -> Run:
    """A run on so many images that misses these of the positives and raises so many false alarms.

    missed: the places of the missed positives, or how many of the first ones.
    """
    lost = set(range(missed)) if isinstance(missed, int) else set(missed)
    return write_scored_run(
        folder,
        "validation",
        [0.2 if place in lost else 0.8 for place in range(positives)],
        [0.7 if place < alarms else 0.1 for place in range(negatives)],
        prefix=facts.pop("prefix", f"{positives} {negatives}"),
        **facts,
    )


def judge(run: Run, baseline: Path | None, *limits: Limit, show_ids=False):
    """The verdict on a run by these limits and the built-in ones."""
    chosen = choose_limits(limits, TARGET, 0.5, has_baseline=baseline is not None)
    request = GateRequest(GateCriteria(TARGET, chosen, show_ids), ImageQuery(), baseline, 0.5)
    (verdict,) = gate_runs([run], request)
    return verdict


def outcomes(verdict):
    """What became of each limit, by its name."""
    return {result.limit.name: result.outcome for result in verdict.results}
