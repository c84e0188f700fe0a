"""Draws specifications with vl-convert, and brings the script that draws them in a browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from covidreport.errors import CovidReportError
from covidreport.report.kept import keep

VEGA_LITE = "6.4"
_VERSIONS = [VEGA_LITE, version("vl-convert-python")]
_ROOT = re.compile(r"<svg\b[^>]*\bviewBox=\"([^\"]*)\"[^>]*>")
_NOISE = re.compile(
    r' (?:class|role|aria-[a-z]+|pointer-events|font-family)="[^"]*"'
    r'|<path aria-hidden="true" d="" display="none"/>'
)
_EMPTY = re.compile(r'<path(?: fill="none")? d=""(?: display="none")?/>|<path d="M0,0h0v0h0Z"/>')


def draw_svg(spec: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]) -> str:
    """The chart as one SVG element without ids, styles or addresses, for the page's own style.

    Its size is its view box: the page says how wide it is. The same rows give the same bytes, and
    are drawn once: the picture is kept in the cache folder.
    """
    filled = {**spec, "datasets": dict(rows)}
    return str(keep("drawings", [*_VERSIONS, filled], lambda: _draw(filled)))


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


@cache
def read_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which gives the page `vegaEmbed`.

    Made by vl-convert, which takes seconds, and kept in the cache folder under its version.
    """
    return str(keep("scripts", _VERSIONS, _make_bundle))


def _make_bundle() -> str:
    import vl_convert

    snippet = "window.vegaEmbed = vegaEmbed;"
    return str(vl_convert.javascript_bundle(snippet, vl_version=VEGA_LITE))
