"""What the runs of a ranking can be chosen by: block, architecture, loss."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import ReportedRun
from covidreport.report.blocks import Facet
from covidreport.report.index import Index
from covidreport.text import DASH, clean, exact, titled

FACETS = ("block", "architecture", "loss", "optimizer")
"""Settings by which runs are chosen, where they differ."""
MOST_VALUES = 24
"""A setting with more values than this numbers runs; a search finds one sooner."""


def list_facets(names: Sequence[str], index: Index) -> tuple[Facet, ...]:
    """The settings in which these runs differ, each with its values in order."""
    facets = []
    for key in FACETS:
        values = sorted({_value(index.find(name), key) for name in names})
        if 1 < len(values) <= MOST_VALUES:
            facets.append(Facet(key, titled(key), tuple(values)))
    return tuple(facets)


def pick_facets(name: str, facets: Sequence[Facet], index: Index) -> tuple[str, ...]:
    """A run's value of each facet; a dash where it states none."""
    return tuple(_value(index.find(name), facet.key) for facet in facets)


def words_of(name: str, index: Index) -> str:
    """What a search for a run looks at beside its name."""
    reported = index.find(name)
    if reported is None:
        return ""
    stated = (_value(reported, key) for key in FACETS)
    return " ".join(
        [*(value for value in stated if value != DASH), clean(reported.run.description)]
    )


def _value(reported: ReportedRun | None, key: str) -> str:
    if reported is None:
        return DASH
    run = reported.run
    return exact(run.block if key == "block" else run.hyperparameters.get(key))
