"""What moves with the threshold: ROC, precision and recall, net benefit."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from covidreport.records import Counts, LabelCurve
from covidreport.report.charts.lines import Axis, Lines, Place, Series, fit_axis, known_values

BELOW = 0.25
"""How far below 0 net benefit is shown, as a share of its height above: further down everything is
worse than treating nobody, and how much worse tells nothing."""
LOWEST = 0.01
"""The least height above 0 of the chart of net benefit."""


class RunCurve(Struct, frozen=True):
    """A run's answers to one label: at the threshold that it was evaluated at, and at all others
    where its scores are known. at: None where argmax decides."""

    run: str
    at: float | None
    counts: Counts
    curve: LabelCurve | None

    @property
    def drawn(self) -> bool:
        """Whether it has rates at all."""
        return self.counts.positives > 0 and self.counts.negatives > 0

    def place(self, found: int, alarms: int) -> tuple[float, float]:
        """Sensitivity, and the share of false alarms."""
        return found / self.counts.positives, alarms / self.counts.negatives

    def benefit(self, threshold: float, found: int, alarms: int) -> float:
        """Net benefit: the cases found less the false alarms at the odds of the threshold, of all
        images (Vickers and Elkin 2006)."""
        weight = threshold / (1 - threshold)
        return (found - alarms * weight) / (self.counts.positives + self.counts.negatives)


def draw_roc(measured: Sequence[RunCurve], shown: tuple[str, ...]) -> Lines:
    """Sensitivity against the share of false alarms; the guide is chance."""

    def place(one: RunCurve, found: int, alarms: int) -> Place:
        sensitivity, share = one.place(found, alarms)
        return share, sensitivity

    return Lines(
        Axis("1 − specificity"), Axis("sensitivity"), shown,
        tuple(
            Series(one.run, tuple(place(one, *point) for point in one.curve.outline))
            for one in measured if one.drawn and one.curve is not None
        ),
        tuple(
            Series(one.run, (place(one, one.counts.tp, one.counts.false_alarms),))
            for one in measured if one.drawn
        ),
        guide=((0.0, 0.0), (1.0, 1.0)),
    )  # fmt: skip


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
    """Net benefit over thresholds; the guide treats everybody, the level line nobody."""
    lines = [
        Series(
            one.run,
            tuple(
                (t, one.benefit(t, found, alarms))
                for t, found, alarms in zip(
                    thresholds, one.curve.found, one.curve.false_alarms, strict=True
                )
            ),
        )
        for one in measured
        if one.drawn and one.curve is not None
    ]
    dots = [
        Series(
            one.run, ((one.at, one.benefit(one.at, one.counts.tp, one.counts.false_alarms)),)
        )
        for one in measured
        if one.drawn and one.at is not None
    ]  # fmt: skip
    share = _prevalence(measured, shown)
    guide = Series("", () if share is None else tuple(
        (t, share - (1 - share) * t / (1 - t)) for t in thresholds
    ))  # fmt: skip
    floor = -BELOW * max([LOWEST, *known_values([*lines, *dots, guide])])
    lines, dots, [guide] = (
        [_cut_below(one, floor) for one in series] for series in (lines, dots, [guide])
    )
    y = fit_axis("net benefit", [0.0, *known_values([*lines, *dots, guide])])
    return Lines(
        Axis("threshold"), y, shown, tuple(lines), tuple(dots),
        guide=guide.places, level=0.0, threshold=True,
    )  # fmt: skip


def _prevalence(measured: Sequence[RunCurve], shown: Sequence[str]) -> float | None:
    """Of the images of the first run that is shown."""
    ones = sorted(measured, key=lambda one: one.run not in shown)[:1]
    for one in ones:
        images = one.counts.positives + one.counts.negatives
        return one.counts.positives / images if images else None
    return None


def _cut_below(series: Series, floor: float) -> Series:
    """The places at or above `floor`, and a gap for each that is not."""
    return Series(
        series.run,
        tuple((x, y if y is not None and y >= floor else None) for x, y in series.places),
    )
