"""Charts as Vega-Lite specifications, which vl-convert draws for the page and for files.

Every mark of a run carries a name (`line|3|validation`) as its description, by which `vega.py`
finds it in what was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from covidreport.report.charts.lines import WIDTH, Axis, Lines, Series
from covidreport.report.charts.palette import FAINT, PAPER, RULE, SERIES_STYLES, SOFT, STRONG

Spec = dict[str, Any]

_SLOTS = list(range(len(SERIES_STYLES)))
_QUIET = {"aria": False}
"""What has no name is not found, and read to nobody: the page says in words what a chart shows."""
_SPLITS = {"validation": (1, 0), "training": (4, 3), "last batch": (1, 2)}
"""Dashes of what was measured in several splits; a run is told by its colour alone there."""
CHOSEN = "chosen"
"""The name of the line that stands at the threshold that a reader moves."""


def specify(chart: Lines) -> Spec:
    """The whole specification, with its data, of the runs that are `shown` and of all others.

    Colour, dash and shape are those of a run's style; a run that is not shown has the first.
    """
    plots = [_plot(chart)]
    if chart.beneath is not None:
        plots.append(_plot(chart.beneath))
    body = plots[0] if len(plots) == 1 else {"vconcat": plots, "spacing": 26}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        **body,
        "config": {
            "background": "transparent",
            "font": "Liberation Sans, Helvetica, Arial, sans-serif",
            "view": {"stroke": None},
            "axis": {
                "aria": False, "labelColor": FAINT, "titleColor": FAINT, "gridColor": RULE,
                "domainColor": STRONG, "tickColor": STRONG, "labelFontSize": 11,
                "titleFontSize": 11, "titleFontWeight": "normal", "labelFontWeight": "normal",
                "labelPadding": 4, "tickSize": 4, "titlePadding": 8,
            },
            "axisX": {"grid": False, "titleAnchor": "end"},
            "axisY": {
                "domain": False, "ticks": False, "titleAngle": 0, "titleAlign": "left",
                "titleAnchor": "start", "titleBaseline": "bottom", "titleX": -34, "titleY": -8,
            },
        },
    }  # fmt: skip


def keep_shown(chart: Lines) -> Lines:
    """The chart with the runs that are shown alone, and the bands of the first of them."""

    def keep(series: Sequence[Series], runs: Sequence[str]) -> tuple[Series, ...]:
        return tuple(one for one in series if one.run in runs)

    first = chart.shown[:1]
    return replace(
        chart,
        lines=keep(chart.lines, chart.shown),
        dots=keep(chart.dots, chart.shown),
        spans=keep(chart.spans, first),
        bars=keep(chart.bars, first),
        bands=tuple(one for one in chart.bands if one.run in first),
        beneath=None if chart.beneath is None else keep_shown(chart.beneath),
    )


def _plot(chart: Lines) -> Spec:
    x, y = _quantity("x", chart.x), _quantity("y", chart.y)
    layers: list[Spec] = []
    if chart.level is not None:
        layers.append({
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": STRONG, "strokeWidth": 1.2, **_QUIET},
            "encoding": {"y": {"datum": chart.level}},
        })  # fmt: skip
    if chart.guide:
        layers.append(_guide(chart, x, y))
    if chart.threshold:
        layers.append(_threshold(chart))
    layers += [
        _bands(chart, x, y),
        _series("bar", chart.bars, chart.shown, x, y, strokeWidth=9, opacity=0.4),
        _series("span", chart.spans, chart.shown, x, y, strokeWidth=1.2, opacity=0.4),
        _series("line", chart.lines, chart.shown, x, y, strokeWidth=1.8),
        *_marks(chart, x, y),
        _dots(chart, x, y),
    ]
    layers = [layer for layer in layers if layer["data"]["values"]]
    return {"width": WIDTH, "height": chart.height, "layer": layers}


def _quantity(field: str, axis: Axis) -> Spec:
    shown: Spec = {"title": axis.title or None}
    if axis.kind == "share":
        shown |= {"values": [0, 0.2, 0.4, 0.6, 0.8, 1], "format": "~g"}
        if not axis.title:
            return {"field": field, "type": "quantitative", "axis": None, "scale": _scale(axis)}
    elif axis.kind == "epoch":
        shown |= {"tickMinStep": 1, "format": "d", "tickCount": 6}
    else:
        shown |= {"tickCount": 5} if axis.kind == "quantity" else {"tickCount": 3, "format": "~s"}
    return {"field": field, "type": "quantitative", "axis": shown, "scale": _scale(axis)}


def _scale(axis: Axis) -> Spec:
    return {"domain": [axis.low, axis.high], "zero": False, "nice": False}


def _rows(kind: str, series: Iterable[Series], shown: Sequence[str]) -> list[Spec]:
    return [
        {
            "name": f"{kind}|{one.run}|{one.split}",
            "slot": shown.index(one.run) if one.run in shown else 0,
            **({"split": one.split} if one.split else {}),
            "x": x,
            "y": y,
            "order": order,
        }
        for one in series
        for order, (x, y) in enumerate(one.places)
    ]


def _style_of(values: Sequence[object]) -> Spec:
    scale = {"domain": _SLOTS, "range": values}
    return {"field": "slot", "type": "nominal", "scale": scale, "legend": None}


def _series(
    kind: str, series: Sequence[Series], shown: Sequence[str], x: Spec, y: Spec, **mark: Any
) -> Spec:
    """A line for each series through its places; one that stands alone is a dot. A bar has no
    round ends: it would end beyond its value."""
    dash = _style_of([list(style.dash) for style in SERIES_STYLES])
    if any(one.split for one in series):
        scale = {"domain": list(_SPLITS), "range": [list(each) for each in _SPLITS.values()]}
        dash = {"field": "split", "type": "nominal", "scale": scale, "legend": None}
    return {
        "data": {"values": _rows(kind, series, shown)},
        "mark": {
            "type": "line", "strokeCap": "butt" if kind == "bar" else "round",
            "invalid": "break-paths-filter-domains", **mark,
        },
        "encoding": {
            "x": x, "y": y, "order": {"field": "order", "type": "quantitative"},
            "color": _style_of([style.colour for style in SERIES_STYLES]),
            **({"strokeDash": dash} if kind == "line" else {}),
            "detail": {"field": "name", "type": "nominal"},
            "description": {"field": "name", "type": "nominal"},
        },
    }  # fmt: skip


def _bands(chart: Lines, x: Spec, y: Spec) -> Spec:
    """The interval of each line as an area."""
    rows = [
        {
            "name": f"band|{one.run}|", "x": at, "y": low, "high": high,
            "slot": chart.shown.index(one.run) if one.run in chart.shown else 0,
        }
        for one in chart.bands
        for at, low, high in one.places
    ]  # fmt: skip
    return {
        "data": {"values": rows},
        "mark": {"type": "area", "opacity": 0.16},
        "encoding": {
            "x": x, "y": y, "y2": {"field": "high"},
            "fill": _style_of([style.colour for style in SERIES_STYLES]),
            "detail": {"field": "name", "type": "nominal"},
            "description": {"field": "name", "type": "nominal"},
        },
    }  # fmt: skip


def _dots(chart: Lines, x: Spec, y: Spec) -> Spec:
    """Where each run stands: filled, with a rim that sets it off from the lines."""
    return {
        "data": {"values": _rows("dots", chart.dots, chart.shown)},
        "mark": {
            "type": "point", "filled": True, "size": 78, "opacity": 1, "stroke": PAPER,
            "strokeWidth": 1.2,
        },
        "encoding": {
            "x": x, "y": y, "fill": _style_of([style.colour for style in SERIES_STYLES]),
            "shape": _style_of([style.shape for style in SERIES_STYLES]),
            "description": {"field": "name", "type": "nominal"},
        },
    }  # fmt: skip


def _marks(chart: Lines, x: Spec, y: Spec) -> list[Spec]:
    """What is of no run: open diamonds; an average is a filled one, larger and above them, on the
    lines of its spans."""
    ends = [
        {"x": left, "y": low, "right": right, "high": high}
        for each in chart.marks
        for (left, low), (right, high) in each.spans
    ]
    rules: Spec = {
        "data": {"values": ends},
        "mark": {"type": "rule", "color": SOFT, "strokeWidth": 1.2, **_QUIET},
        "encoding": {"x": x, "y": y, "x2": {"field": "right"}, "y2": {"field": "high"}},
    }
    ones, averages = (
        {
            "data": {
                "values": [{"x": e.x, "y": e.y} for e in chart.marks if e.average == average]
            },
            "mark": {
                "type": "point", "shape": "diamond", "size": size, "fill": fill, "stroke": rim,
                "strokeWidth": 1.4, "opacity": 1, **_QUIET,
            },
            "encoding": {"x": x, "y": y},
        }
        for average, size, fill, rim in ((False, 58, PAPER, SOFT), (True, 150, SOFT, PAPER))
    )  # fmt: skip
    return [ones, rules, averages]


def _guide(chart: Lines, x: Spec, y: Spec) -> Spec:
    return {
        "data": {"values": _rows("guide", [Series("", chart.guide)], ())},
        "mark": {
            "type": "line", "color": FAINT, "strokeWidth": 1, "strokeDash": [4, 3],
            "invalid": "break-paths-filter-domains", **_QUIET,
        },
        "encoding": {"x": x, "y": y, "order": {"field": "order", "type": "quantitative"}},
    }  # fmt: skip


def _threshold(chart: Lines) -> Spec:
    """The line at the chosen threshold, which a page moves from the left end, and shows then."""
    return {
        "data": {"values": [{"x": chart.x.low, "name": f"{CHOSEN}||"}]},
        "mark": {"type": "rule", "color": SOFT, "strokeWidth": 1, "strokeDash": [2, 2]},
        "encoding": {
            "x": _quantity("x", chart.x),
            "description": {"field": "name", "type": "nominal"},
        },
    }
