"""Runs whose scores hang on the margin of the picture, by their occlusion maps."""

from __future__ import annotations

from typing import Final

from covidreport.metrics import MIDDLE
from covidreport.records import Finding, MeanMap, ReportData, RunMaps
from covidreport.text import exact, label_name, plural, portion, signed

CODE: Final = "looks-outside"
FEWEST: Final = 5
"""Found cases; the mean of fewer is that of single pictures."""
LEAST: Final = 0.01
"""The largest mean drop of a score, 0 to 1, below which nothing hangs on a patch."""
MOSTLY: Final = 0.5
"""The share outside the middle from which on it is most; an even map has 0.36."""


def audit_maps(data: ReportData) -> tuple[Finding, ...]:
    """Runs of which most of what lowers the scores of found cases lies outside the middle.

    The rule: in the mean of the maps of at least five found cases more than half of what is above 0
    lies outside the middle 0.8 of height and width, and the largest drop there is 0.01 or more.
    After DeGrave, Janizek and Lee, "AI for radiographic COVID-19 detection selects shortcuts over
    signal", Nature Machine Intelligence 3 (2021) 610-619.
    """
    every = () if data.cases is None else data.cases.maps
    found = [(maps, maps.found) for maps in every if maps.found and _is_outside(maps.found)]
    if not found:
        return ()
    runs = tuple(maps.run for maps, _ in found)
    count = "1 run looks" if len(runs) == 1 else f"{len(runs)} runs look"
    return (
        Finding(
            "warning",
            CODE,
            f"{count} mostly at the margin of the picture for {label_name(data.target)}",
            f"Mean change of the score while a patch is hidden: "
            f"{'; '.join(_describe(maps, mean) for maps, mean in found)}. The middle is "
            f"{exact(MIDDLE)} of height and width of what the model is fed; of an even map "
            f"{portion(1 - MIDDLE**2)} lies outside. Lungs may reach into the margin, and a hidden "
            "patch is itself something new to a model. This is a reason to look, and no proof.",
            "See in the maps what stands there (a marker, a text, the collimation), compare with "
            "`covidreport evaluate --occlude corners` or borders. Take it off the images and train "
            "again.",
            runs,
        ),
    )


def _is_outside(mean: MeanMap) -> bool:
    return (
        mean.cases >= FEWEST
        and mean.peak >= LEAST
        and mean.outside is not None
        and mean.outside > MOSTLY
    )


def _describe(maps: RunMaps, mean: MeanMap) -> str:
    return (
        f"{maps.run}: {portion(mean.outside)} of what falls lies outside the middle, over "
        f"{plural(mean.cases, 'found case')}, at most {signed(-mean.peak)}"
    )
