"""Runs on an axis of missed cases, with a bar over those that are not significantly different.

As the critical difference diagram of Demšar (2006, Journal of Machine Learning Research 7:1–30) has
it, with missed cases in the place of mean ranks, and with the answers of pairwise tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from covidreport.report.charts.diagram import Diagram, Label, Shape, dots
from covidreport.report.charts.pair_matrix import PairedRun
from covidreport.report.charts.palette import ACCENT, FAINT, INK, STRONG
from covidreport.report.charts.scales import Scale, Tick, fit_scale

_LETTER = 6.6
_LINE = 17.0
_BAR = 8.0
_TOP = 40.0


def group_alike(runs: int, different: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """First and last place of each longest row of neighbours, in the order of the ranking, of whom
    no two are significantly different; those of one run alone are left out."""
    groups: list[tuple[int, int]] = []
    for first in range(runs):
        last = first
        while last + 1 < runs and not any(
            (one, last + 1) in different for one in range(first, last + 1)
        ):
            last += 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def draw_critical_differences(
    runs: Sequence[PairedRun], different: Collection[tuple[int, int]], width: int
) -> Diagram:
    """Runs in the order of their ranking; different: places of the pairs that are."""
    wide = width > 500
    names = [run.name if wide else run.short for run in runs]
    half = (len(runs) + 1) // 2
    left = max(map(len, names[:half])) * _LETTER + 22
    right = width - max(map(len, names[half:]), default=0) * _LETTER - 16
    missed = [float(run.missed) for run in runs]
    scale, ticks = fit_scale(missed, left, right, 8 if wide else 4, whole=True)
    bars = group_alike(len(runs), different)
    first_line = _TOP + 14 + len(bars) * _BAR + 10
    shapes = list(_axis(scale, ticks))
    for at, (first, last) in enumerate(bars):
        y = _TOP + 14 + at * _BAR
        ends = scale.place(missed[first]) - 3, scale.place(missed[last]) + 3
        shapes.append(Shape(f"M{ends[0]:g} {y}H{ends[1]:g}", stroke=INK, width=3.5))
    for at, run in enumerate(runs):
        line = at if at < half else len(runs) - 1 - at
        y = first_line + line * _LINE
        x = scale.place(run.missed)
        end = left - 6 if at < half else right + 6
        tone = ACCENT if at == 0 else STRONG
        shapes.append(Shape(f"M{x:g} {_TOP}V{y:g}H{end:g}", stroke=tone))
        shapes.append(dots([(x, _TOP)], ACCENT if at == 0 else INK, 5))
        shapes.append(_name(end, y, names[at], before=at < half, best=at == 0))
    return Diagram(width, round(first_line + half * _LINE + 4), tuple(shapes))


def _axis(scale: Scale, ticks: Sequence[Tick]) -> Iterator[Shape | Label]:
    yield Label(scale.start, 12, "← better", colour=FAINT)
    yield Label(scale.end, 12, "missed cases", "end", FAINT)
    marks = "".join(f"M{tick.at:g} {_TOP - 5}v5" for tick in ticks)
    yield Shape(f"M{scale.start:g} {_TOP}H{scale.end:g}{marks}", stroke=STRONG)
    for tick in ticks:
        yield Label(tick.at, _TOP - 9, tick.text, "middle", FAINT)


def _name(x: float, y: float, name: str, *, before: bool, best: bool) -> Label:
    colour = ACCENT if best else INK
    if before:
        return Label(x - 4, y + 4, name, "end", colour, bold=best)
    return Label(x + 4, y + 4, name, "start", colour, bold=best)
