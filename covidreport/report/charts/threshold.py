"""What moves with the threshold: ROC, precision and recall, net benefit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from covidreport.records import Counts, LabelCurve, NetBenefit
from covidreport.report.charts.lines import (
    Axis,
    Band,
    Lines,
    Mark,
    Place,
    Series,
    fit_axis,
    known_values,
)

BELOW = 0.25
"""How far below 0 net benefit is shown, as a share of its height above: further down everything is
worse than treating nobody, and how much worse tells nothing."""
ENDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Where an axis of proportions may end."""
NEARLY_ALL = 0.99
LOWEST = 0.01
"""The least height above 0 of the chart of net benefit."""


class RunCurve(Struct, frozen=True):
    """A run's answers to one label: at the threshold that it was evaluated at, and at all others
    where its scores are known. at: None where argmax decides. benefit: with its intervals."""

    run: str
    at: float | None
    counts: Counts
    curve: LabelCurve | None
    benefit: tuple[NetBenefit, ...] = ()

    @property
    def drawn(self) -> bool:
        """Whether it has rates at all."""
        return self.counts.positives > 0 and self.counts.negatives > 0

    def place(self, found: int, alarms: int) -> tuple[float, float]:
        """Sensitivity, and the share of false alarms."""
        return found / self.counts.positives, alarms / self.counts.negatives

    def benefit_at(self, threshold: float, found: int, alarms: int) -> float:
        """Net benefit: the cases found less the false alarms at the odds of the threshold, of all
        images (Vickers and Elkin 2006)."""
        weight = threshold / (1 - threshold)
        return (found - alarms * weight) / (self.counts.positives + self.counts.negatives)


def draw_roc(
    measured: Sequence[RunCurve], shown: tuple[str, ...], readers: tuple[Mark, ...] = ()
) -> Lines:
    """Sensitivity against the share of false alarms; the guide is chance. readers: people's."""

    def place(one: RunCurve, found: int, alarms: int) -> tuple[float, float]:
        sensitivity, share = one.place(found, alarms)
        return share, sensitivity

    lines = {
        one.run: [place(one, *point) for point in one.curve.outline]
        for one in measured if one.drawn and one.curve is not None
    }  # fmt: skip
    dots = {
        one.run: place(one, one.counts.tp, one.counts.false_alarms)
        for one in measured if one.drawn
    }  # fmt: skip
    reached = [next((x for x, y in line if y >= NEARLY_ALL), 1.0) for line in lines.values()]
    of_readers = [x for one in readers for x, _ in ((one.x, one.y), *chain(*one.spans))]
    end = _fit_end([*reached, *(x for x, _ in dots.values()), *of_readers])
    return Lines(
        Axis("1 − specificity", high=end), Axis("sensitivity"), shown,
        tuple(Series(run, _cut_right(line, end)) for run, line in lines.items()),
        tuple(Series(run, (dot,)) for run, dot in dots.items()),
        guide=((0.0, 0.0), (end, end)), marks=readers,
    )  # fmt: skip


def _fit_end(values: Sequence[float]) -> float:
    """The first round end of an axis that holds all of these proportions."""
    return next(end for end in ENDS if end >= max(values, default=1.0) - 1e-9)


def _cut_right(line: Sequence[tuple[float, float]], end: float) -> tuple[Place, ...]:
    """A rising line as far as the axis goes."""
    inside = [place for place in line if place[0] <= end]
    beyond = line[len(inside) :]
    if inside and beyond:
        (x, y), (far, high) = inside[-1], beyond[0]
        inside.append((end, y + (high - y) * (end - x) / (far - x)))
    return tuple(inside)


def draw_precision_recall(measured: Sequence[RunCurve], shown: tuple[str, ...]) -> Lines:
    """PPV against sensitivity; the guide is the prevalence, what chance gives."""

    def places(one: RunCurve, points: Sequence[tuple[int, int]]) -> tuple[Place, ...]:
        return tuple(
            (found / one.counts.positives, found / (found + alarms))
            for found, alarms in points
            if found + alarms
        )

    share = _prevalence(measured, shown)
    return Lines(
        Axis("sensitivity"), Axis("PPV"), shown,
        tuple(
            Series(one.run, places(one, one.curve.outline))
            for one in measured if one.drawn and one.curve is not None
        ),
        tuple(
            Series(one.run, places(one, [(one.counts.tp, one.counts.false_alarms)]))
            for one in measured if one.drawn
        ),
        guide=() if share is None else ((0.0, share), (1.0, share)),
    )  # fmt: skip


def draw_net_benefit(
    measured: Sequence[RunCurve], thresholds: Sequence[float], shown: tuple[str, ...]
) -> Lines:
    """Net benefit over thresholds; the guide treats everybody, the level line nobody.

    The axis ends beyond twice the prevalence and every threshold that a run was evaluated at.
    """
    share = _prevalence(measured, shown)
    evaluated = [one.at for one in measured if one.at is not None]
    end = _fit_end([*evaluated, *([] if share is None else [min(1.0, 2 * share)])])
    lines = [
        Series(
            one.run,
            tuple(
                (t, one.benefit_at(t, found, alarms))
                for t, found, alarms in zip(
                    thresholds, one.curve.found, one.curve.false_alarms, strict=True
                )
                if t <= end
            ),
        )
        for one in measured
        if one.drawn and one.curve is not None
    ]
    dots = [
        Series(
            one.run, ((one.at, one.benefit_at(one.at, one.counts.tp, one.counts.false_alarms)),)
        )
        for one in measured
        if one.drawn and one.at is not None
    ]  # fmt: skip
    guide = Series("", () if share is None else tuple(
        (t, share - (1 - share) * t / (1 - t)) for t in thresholds if t <= end
    ))  # fmt: skip
    known = known_values([*lines, *dots, guide])
    floor = -BELOW * max([LOWEST, *known])
    bands = [_draw_band(one, end, floor) for one in measured if one.drawn]
    ends = [value for band in bands for _, low, high in band.places for value in (low, high)]
    y = fit_axis("net benefit", [0.0, *(max(value, floor) for value in known), *ends])
    lines, [guide] = ([_cut_below(one, y.low) for one in each] for each in (lines, [guide]))
    dots = [replace(one, places=_lift(one.places, y.low)) for one in dots]
    bands = [_draw_band(one, end, y.low) for one in measured if one.drawn]
    return Lines(
        Axis("threshold", high=end), y, shown, tuple(lines), tuple(dots), guide=guide.places,
        level=0.0, threshold=True, bands=tuple(band for band in bands if band.places),
    )  # fmt: skip


def _draw_band(one: RunCurve, end: float, floor: float) -> Band:
    """The intervals of a run's net benefit, as far as the axes go."""
    return Band(
        one.run,
        tuple(
            (point.threshold, max(point.low, floor), max(point.high, floor))
            for point in one.benefit
            if point.threshold <= end and point.low is not None and point.high is not None
        ),
    )


def _prevalence(measured: Sequence[RunCurve], shown: Sequence[str]) -> float | None:
    """Of the images of the first run that is shown."""
    ones = sorted(measured, key=lambda one: one.run not in shown)[:1]
    for one in ones:
        images = one.counts.positives + one.counts.negatives
        return one.counts.positives / images if images else None
    return None


def _cut_below(series: Series, floor: float) -> Series:
    """The places at or above `floor`, and a gap for each that is not; a line that falls below it
    is drawn to it."""
    places = [(x, y if y is not None and y >= floor else None) for x, y in series.places]
    for (x, high), (far, low), place in zip(
        series.places, series.places[1:], range(1, len(places)), strict=False
    ):
        if high is not None and low is not None and high > floor > low:
            places[place] = (x + (far - x) * (high - floor) / (high - low), floor)
    return Series(series.run, tuple(places))


def _lift(places: Sequence[Place], floor: float) -> tuple[Place, ...]:
    """Places below `floor` on it: a mark that is not drawn would be taken for none."""
    return tuple((x, y if y is None else max(y, floor)) for x, y in places)
