"""The charts of the report as Vega-Lite specifications without data.

Each is made once: it is drawn with vl-convert for a page without JavaScript and for paper, and by
vega-embed in the browser. Rows come from `rows.py` and, in the browser, from `script/rows.js`:
plain objects whose `slot` is the place of their run's look in `palette.LOOKS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covidreport.report.charts.palette import FAINT, LOOKS, PAPER, RULE, SOFT, STRONG

Spec = dict[str, Any]

WIDTH, HEIGHT = 300, 260
_SLOTS = list(range(len(LOOKS)))
_QUIET = {"aria": False}
"""The page says in words what a chart shows; marks are not read one by one."""
_SHARES = {"values": [0, 0.2, 0.4, 0.6, 0.8, 1], "format": "~g"}


def describe_looks() -> Spec:
    """Colour, dash and shape of a row's run, as encodings."""
    return {
        "color": _scale([look.colour for look in LOOKS]),
        "strokeDash": _scale([list(look.dash) for look in LOOKS]),
        "shape": _scale([look.shape for look in LOOKS]),
    }


def _scale(values: Sequence[object]) -> Spec:
    scale = {"domain": _SLOTS, "range": values}
    return {"field": "slot", "type": "nominal", "scale": scale, "legend": None}


def _quantity(field: str, title: str | None, domain: Sequence[float] | None = None) -> Spec:
    axis = None if title is None else {"title": title, **(_SHARES if domain else {"tickCount": 5})}
    scale: Spec = {"zero": False, "nice": domain is None}
    if domain:
        scale["domain"] = list(domain)
    return {"field": field, "type": "quantitative", "axis": axis, "scale": scale}


def _lines(x: Spec, y: Spec, **mark: Any) -> Spec:
    """A line for each run through its rows in their order."""
    looks = describe_looks()
    return {
        "data": {"name": "lines"},
        "mark": {"type": "line", "strokeWidth": 1.8, **_QUIET, **mark},
        "encoding": {
            "x": x,
            "y": y,
            "order": {"field": "order", "type": "quantitative"},
            "color": looks["color"],
            "strokeDash": looks["strokeDash"],
            "detail": {"field": "slot", "type": "nominal"},
        },
    }


def _points(x: Spec, y: Spec) -> Spec:
    """Where each run stands: filled, with a rim that sets it off from the lines."""
    looks = describe_looks()
    return {
        "data": {"name": "points"},
        "mark": {
            "type": "point", "filled": True, "size": 78, "opacity": 1, "stroke": PAPER,
            "strokeWidth": 1.2, **_QUIET,
        },
        "encoding": {"x": x, "y": y, "fill": looks["color"], "shape": looks["shape"]},
    }  # fmt: skip


def _guide(x: Spec, y: Spec, dash: Sequence[float] = (4, 3)) -> Spec:
    """The line that runs are held against."""
    return {
        "data": {"name": "guide"},
        "mark": {
            "type": "line",
            "color": FAINT,
            "strokeWidth": 1,
            "strokeDash": list(dash),
            **_QUIET,
        },
        "encoding": {"x": x, "y": y, "order": {"field": "order", "type": "quantitative"}},
    }


def _chart(*layers: Spec, height: int = HEIGHT) -> Spec:
    return {"width": WIDTH, "height": height, "layer": list(layers)}


def _finish(chart: Spec) -> Spec:
    axis = {
        "labelColor": FAINT, "titleColor": FAINT, "gridColor": RULE, "domainColor": STRONG,
        "tickColor": STRONG, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal",
        "labelFontWeight": "normal", "labelPadding": 4, "tickSize": 4, "titlePadding": 8,
    }  # fmt: skip
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        **chart,
        "config": {
            "aria": False,
            "background": "transparent",
            "font": "Liberation Sans, Helvetica, Arial, sans-serif",
            "view": {"stroke": None},
            "axis": axis,
            "axisX": {"grid": False, "titleAnchor": "end"},
            "axisY": {
                "domain": False, "ticks": False, "titleAngle": 0, "titleAlign": "left",
                "titleAnchor": "start", "titleBaseline": "bottom", "titleX": -34, "titleY": -8,
            },
        },
    }  # fmt: skip


def specify_roc() -> Spec:
    """Sensitivity against the share of false alarms; the diagonal is chance."""
    x = _quantity("x", "1 − specificity", (0, 1))
    y = _quantity("y", "sensitivity", (0, 1))
    return _finish(_chart(_guide(x, y), _lines(x, y), _points(x, y)))


def specify_precision_recall() -> Spec:
    """PPV against sensitivity; the level line is the prevalence, what chance gives."""
    x = _quantity("x", "sensitivity", (0, 1))
    y = _quantity("y", "PPV", (0, 1))
    return _finish(_chart(_guide(x, y), _lines(x, y), _points(x, y)))


def specify_net_benefit() -> Spec:
    """Net benefit over threshold probabilities, beside treating everybody and nobody."""
    x = _quantity("x", "threshold", (0, 1))
    y = _quantity("y", "net benefit")
    nobody = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": STRONG, "strokeWidth": 1.2, **_QUIET},
        "encoding": {"y": {"datum": 0}},
    }
    chosen = {
        "data": {"name": "chosen"},
        "mark": {"type": "rule", "color": SOFT, "strokeWidth": 1, "strokeDash": [2, 2], **_QUIET},
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }
    return _finish(_chart(nobody, _guide(x, y), chosen, _lines(x, y), _points(x, y)))


def specify_epochs(title: str) -> Spec:
    """One figure by epoch: the validation split solid with points, the training split dashed."""
    x = {
        "field": "x", "type": "quantitative", "scale": {"zero": False, "nice": False},
        "axis": {"title": "epoch", "tickMinStep": 1, "format": "d", "tickCount": 6},
    }  # fmt: skip
    y = _quantity("y", title)
    looks = describe_looks()
    split = {
        "domain": ["validation", "training", "last batch"], "range": [[1, 0], [4, 3], [1, 2]],
    }  # fmt: skip
    line = {
        "data": {"name": "lines"},
        "mark": {"type": "line", "strokeWidth": 1.7, "invalid": "break-paths-filter-domains",
                 "point": {"size": 14, "strokeWidth": 0}, **_QUIET},
        "encoding": {
            "x": x, "y": y, "color": looks["color"],
            "strokeDash": {"field": "split", "type": "nominal", "scale": split, "legend": None},
            "detail": [{"field": "slot", "type": "nominal"}, {"field": "split", "type": "nominal"}],
        },
    }  # fmt: skip
    return _finish(_chart(line, _points(x, y), height=200))


def specify_reliability() -> Spec:
    """Observed share against mean score in each bin with its interval, and images in each bin."""
    x = _quantity("x", None, (0, 1))
    y = _quantity("y", "share with the label", (0, 1))
    looks = describe_looks()
    span = {
        "data": {"name": "points"},
        "mark": {"type": "rule", "strokeWidth": 1.2, "opacity": 0.4, **_QUIET},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"},
                     "color": looks["color"]},
    }  # fmt: skip
    counts = _chart(
        _lines(
            _quantity("x", "mean score", (0, 1)),
            {
                "field": "count", "type": "quantitative", "scale": {"nice": True},
                "axis": {"title": "images in the bin", "tickCount": 3, "format": "~s"},
            },
            point={"size": 16, "strokeWidth": 0},
        ),
        height=56,
    )  # fmt: skip
    upper = _chart(_guide(x, y), span, _lines(x, y, strokeWidth=1.2), _points(x, y), height=200)
    return _finish({"vconcat": [upper, counts], "spacing": 26})
