"""Draws charts with vl-convert: for the page, where each series can be found, and as pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.metadata import version
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from covidreport.errors import CovidReportError
from covidreport.report.charts.lines import Lines
from covidreport.report.charts.palette import FAINT, PAPER, SERIES_STYLES, SOFT
from covidreport.report.charts.specs import CHOSEN, keep_shown, specify
from covidreport.storage.cache import cached

VEGA_LITE = "6.4"
METHOD = 7
"""Counted up when the same specification would be drawn into another page."""
_VERSIONS = [VEGA_LITE, version("vl-convert-python"), METHOD]
_KNOWN = {"svg", "g", "path", "line", "rect", "text"}
_DROPPED = {
    "class", "role", "aria-label", "aria-hidden", "aria-roledescription", "pointer-events",
    "font-family", "width", "height", "version",
}  # fmt: skip
_DEFAULTS = {"transform": "translate(0,0)", "opacity": "1", "font-weight": "normal"}
_NOTHING = {"", "M0,0h0v0h0Z"}
_PLACE = re.compile(r"translate\(([^,]+),([^)]+)\)")
_STEP = re.compile(r"([MLZ])(?:([-\d.e]+),([-\d.e]+))?")


def draw_svg(chart: Lines) -> str:
    """The chart as one SVG element without ids, styles or addresses, for the page's own style.

    What is drawn of a run carries its key (`data-run`) and split; a run that is shown has the class
    of its style (`series-1`), the others are there and not seen. The same chart gives the same
    bytes, and is drawn once: the picture is cached.
    """
    spec = specify(chart)
    return cached("drawings", [*_VERSIONS, spec, chart.shown], lambda: _draw(spec, chart), str)


def _draw(spec: dict[str, Any], chart: Lines) -> str:
    import vl_convert

    drawn = fromstring(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))  # noqa: S314  # ours
    inner = "".join(_Page(chart).write(child) for child in drawn)
    box = drawn.get("viewBox")
    return f'<svg class="vega" fill="none" viewBox="{box}" aria-hidden="true">{inner}</svg>'


class _Page:
    """Writes what Vega drew as a page needs it, with what is of a run by its name."""

    def __init__(self, chart: Lines) -> None:
        self._shown = chart.shown
        marked = {one.run: one.split for one in chart.dots}
        self._marked = marked
        """The split in which each run is marked at first: the last that it has."""

    def write(self, element: Element) -> str:
        """An element with all that is in it; empty where nothing of it is seen."""
        tag = element.tag.rpartition("}")[2]
        if tag not in _KNOWN or {"style", "id", "href"} & set(element.keys()):
            raise CovidReportError(
                f"vl-convert {_VERSIONS[1]} draws charts in another way than this version of "
                "covidreport knows; install the version that constraints.txt names"
            )
        label = element.get("aria-label", "")
        if "|" in label:
            return self._write_named(label, [element])
        if tag == "path" and element.get("d", "") in _NOTHING:
            return ""
        if element.get("class") in ("background", "foreground"):
            return ""
        names = [child.get("aria-label", "") for child in element]
        if any(name.startswith("dots|") for name in names):
            return "".join(
                self._write_named(name, [one for one in element if one.get("aria-label") == name])
                for name in dict.fromkeys(names)
            )
        inner = "".join(self.write(child) for child in element) + escape(element.text or "")
        kept = {
            name: value
            for name, value in element.items()
            if name not in _DROPPED and value != _DEFAULTS.get(name)
        }
        if tag == "g" and (not inner or not kept):
            return inner
        return (
            f"<{tag}{_attributes(kept)}>{inner}</{tag}>"
            if inner
            else f"<{tag}{_attributes(kept)}/>"
        )

    def _write_named(self, label: str, elements: Sequence[Element]) -> str:
        kind, run, split = label.split("|")
        if kind == CHOSEN:
            line = {name: elements[0].get(name, "") for name in ("x2", "y2")}
            return f"<line{_attributes({'class': CHOSEN, **line})}/>"
        style = self._shown.index(run) if run in self._shown else None
        named = {"class": kind, "data-run": run}
        if split:
            named["data-split"] = split
        if kind != "dots":
            places = 1 if kind == "line" else 0  # intervals are not read so closely
            named["d"] = _shorten(elements[0].get("d", ""), places)
        else:
            marks = [_PLACE.fullmatch(one.get("transform", "")) for one in elements]
            at = [f"{_tenth(found[1])} {_tenth(found[2])}" for found in marks if found]
            named["data-at"] = ",".join(at)
            if style is not None:
                named["d"] = "".join(f"M{place}{SERIES_STYLES[style].path}" for place in at)
        if style is not None and (kind != "dots" or self._marked.get(run) == split):
            named["class"] = f"{kind} series-{style + 1}"
            named |= _ink(kind, style, split)
        return f"<path{_attributes(named)}/>"


def _ink(kind: str, style: int, split: str) -> dict[str, str]:
    """The style in attributes, for where a policy lets no style sheet of ours apply."""
    colour, dash = SERIES_STYLES[style].colour, SERIES_STYLES[style].dash
    if kind == "dots":
        return {"fill": colour}
    if kind == "line":
        dashes = "4 3" if split == "training" else " ".join(f"{one:g}" for one in dash)
        plain = split in ("validation", "last batch") or dashes == "1 0"
        return {"stroke": colour, **({} if plain else {"stroke-dasharray": dashes})}
    if style:  # of the first run alone
        return {}
    if kind == "band":
        return {"fill": colour, "fill-opacity": "0.16"}
    return {"stroke": colour, "opacity": "0.4", **({"stroke-width": "9"} if kind == "bar" else {})}


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items())


def _tenth(value: str) -> str:
    return f"{round(float(value), 1):g}"


def _step(value: float) -> str:
    """To a tenth, and without the 0 before the point: a large page is half steps under 1."""
    text = f"{round(value, 1) + 0.0:g}"  # -0.0 is 0
    return text.replace("0.", ".") if abs(value) < 1 else text


def _shorten(path: str, places: int) -> str:
    """The same corners to so many decimals of a unit, each as the step from the one before; steps
    that go on in one direction, level or upright, are one."""
    written: list[str] = []
    x = y = 0.0
    before = (0.0, 0.0)
    for sign, to_x, to_y in _STEP.findall(path):
        if sign == "Z":
            written.append("z")
            continue
        here = round(float(to_x), places), round(float(to_y), places)
        by = round(here[0] - x, 1), round(here[1] - y, 1)
        x, y = here
        if sign == "M":
            # After "z" a step would be counted from where the closed piece began.
            whole = not written or written[-1] == "z"
            written.append(f"M{x:g} {y:g}" if whole else _pair("m", *by))
            by = (0.0, 0.0)
        elif any(by):
            if _goes_on(before, by):
                written.pop()
                by = before[0] + by[0], before[1] + by[1]
            written.append(_write_step(*by))
        else:
            continue
        before = by
    return "".join(written)


def _goes_on(before: tuple[float, float], by: tuple[float, float]) -> bool:
    """Whether both steps are level, or both upright, and neither turns back."""
    level, upright = (before[i] == by[i] == 0 for i in (1, 0))
    return (level and before[0] * by[0] > 0) or (upright and before[1] * by[1] > 0)


def _write_step(x: float, y: float) -> str:
    by_x, by_y = _step(x), _step(y)
    if by_y == "0":
        return f"h{by_x}"
    return f"v{by_y}" if by_x == "0" else _pair("l", x, y)


def _pair(sign: str, x: float, y: float) -> str:
    return f"{sign}{_step(x)} {_step(y)}".replace(" -", "-")


def draw_alone(chart: Lines, title: str, names: Sequence[str], note: str = "") -> str:
    """The chart of the runs that are shown as an SVG that stands by itself: on white, with its
    title and a key.

    names: of the runs, at the places of their styles. note: under the title. The same
    arguments give the same text.
    """
    import vl_convert

    key = {
        "title": None, "orient": "bottom", "direction": "vertical", "labelLimit": 0,
        "labelFontSize": 11, "labelColor": SOFT, "symbolSize": 90, "symbolOpacity": 1,
        "symbolStrokeWidth": 0,
        "values": list(range(len(names))), "labelExpr": f"{json.dumps(list(names))}[datum.value]",
    }  # fmt: skip
    filled = {
        **_with_key(specify(keep_shown(chart)), key),
        "title": {
            "text": title, "anchor": "start", "fontSize": 13, "color": SOFT, "offset": 16,
            **({"subtitle": note, "subtitleColor": FAINT} if note else {}),
        },
        "background": PAPER,
        "padding": 16,
    }  # fmt: skip
    return str(vl_convert.vegalite_to_svg(filled, vl_version=VEGA_LITE))


def _with_key(part: Any, key: Mapping[str, Any]) -> Any:
    """A specification in which colours and shapes of runs have this key; dashes would tear it."""
    if isinstance(part, Mapping):
        if part.get("field") == "slot" and "legend" in part:
            return {**part, "legend": key}
        return {
            name: each if name == "strokeDash" else _with_key(each, key)
            for name, each in part.items()
        }
    return [_with_key(each, key) for each in part] if isinstance(part, list) else part
