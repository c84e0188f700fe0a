"""Draws specifications with vl-convert, and brings the script that draws them in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

from covidreport.errors import CovidReportError
from covidreport.report.charts.palette import PAPER, SOFT
from covidreport.storage.cache import cached, is_cached

VEGA_LITE = "6.4"
_VERSIONS = [VEGA_LITE, version("vl-convert-python")]
_ROOT = re.compile(r"<svg\b[^>]*\bviewBox=\"([^\"]*)\"[^>]*>")
_NOISE = re.compile(
    r' (?:class|role|aria-[a-z]+|pointer-events|font-family)="[^"]*"'
    r'|<path aria-hidden="true" d="" display="none"/>'
)
_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_MAKE = """
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle(sys.argv[1], vl_version=sys.argv[2]).encode())
"""
_ahead: list[subprocess.Popen[bytes]] = []
"""The process that makes the bundle at the moment, if any."""
_EMPTY = re.compile(r'<path(?: fill="none")? d=""(?: display="none")?/>|<path d="M0,0h0v0h0Z"/>')


def draw_svg(spec: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]) -> str:
    """The chart as one SVG element without ids, styles or addresses, for the page's own style.

    Its size is its view box: the page says how wide it is. The same rows give the same bytes, and
    are drawn once: the picture is cached.
    """
    filled = {**spec, "datasets": dict(rows)}
    return cached("drawings", [*_VERSIONS, filled], lambda: _draw(filled), str)


def _draw(filled: dict[str, Any]) -> str:
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(filled, vl_version=VEGA_LITE)
    box = _ROOT.match(drawn)
    if box is None or " style=" in drawn or "url(" in drawn or " id=" in drawn:
        raise CovidReportError(
            f"vl-convert {_VERSIONS[1]} draws charts in another way than this version of "
            "covidreport knows; install the version that constraints.txt names"
        )
    inner = _EMPTY.sub("", _NOISE.sub("", drawn[box.end() :]))
    return f'<svg class="vega" viewBox="{box[1]}" aria-hidden="true">{inner}'


def draw_png(
    spec: Mapping[str, Any],
    rows: Mapping[str, list[dict[str, Any]]],
    title: str,
    names: Sequence[str],
    scale: float,
) -> bytes:
    """The chart as a picture that stands by itself: on white, with its title and a key.

    names: of the runs, at the places of their looks. scale: pixels a unit. The same arguments give
    the same bytes.
    """
    import vl_convert

    key = {
        "title": None, "orient": "bottom", "direction": "vertical", "labelLimit": 0,
        "labelFontSize": 11, "labelColor": SOFT, "symbolSize": 90, "symbolOpacity": 1,
        "symbolStrokeWidth": 0,
        "values": list(range(len(names))), "labelExpr": f"{json.dumps(list(names))}[datum.value]",
    }  # fmt: skip
    filled = {
        **_with_key(spec, key),
        "title": {"text": title, "anchor": "start", "fontSize": 13, "color": SOFT, "offset": 16},
        "background": PAPER,
        "padding": 16,
        "datasets": dict(rows),
    }
    return bytes(vl_convert.vegalite_to_png(filled, vl_version=VEGA_LITE, scale=scale))


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


@cache
def read_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which gives the page `vegaEmbed`.

    Made by vl-convert, which takes seconds, and cached under its version.
    """
    return cached("scripts", _VERSIONS, _make_bundle, str)


def _make_bundle() -> str:
    for process in _ahead:
        made, _ = process.communicate()
        if process.returncode == 0:
            return made.decode()
    import vl_convert

    return str(vl_convert.javascript_bundle(_SNIPPET, vl_version=VEGA_LITE))


@contextmanager
def make_bundle_ahead() -> Iterator[None]:
    """Where no bundle is cached, have another process make it while this one does other work.

    vl-convert lets no thread of its own process run meanwhile. `read_bundle` takes what was made;
    where no process can be started it makes the bundle itself.
    """
    if is_cached("scripts", _VERSIONS):
        yield
        return
    command = [sys.executable, "-P", "-c", _MAKE, _SNIPPET, VEGA_LITE]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        yield
        return
    with process:
        _ahead.append(process)
        try:
            yield
        finally:
            _ahead.remove(process)
            process.kill()
