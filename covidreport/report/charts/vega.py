"""Draws specifications with vl-convert, and brings the script that draws them in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from covidreport.cache import USED_MARK, cache_folder, make_room
from covidreport.errors import CovidReportError
from covidreport.store import write_atomic

VEGA_LITE = "6.4"
KIND = "scripts"
_ROOT = re.compile(r"<svg\b[^>]*\bviewBox=\"([^\"]*)\"[^>]*>")
_NOISE = re.compile(
    r' (?:class|role|aria-[a-z]+|pointer-events|font-family)="[^"]*"'
    r'|<path aria-hidden="true" d="" display="none"/>'
)
_EMPTY = re.compile(r'<path(?: fill="none")? d=""(?: display="none")?/>|<path d="M0,0h0v0h0Z"/>')


def draw_svg(spec: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]) -> str:
    """The chart as one SVG element without ids, styles or addresses, for the page's own style.

    Its size is its view box: the page says how wide it is. The same rows give the same bytes.
    """
    import vl_convert

    drawn = vl_convert.vegalite_to_svg({**spec, "datasets": dict(rows)}, vl_version=VEGA_LITE)
    box = _ROOT.match(drawn)
    if box is None or " style=" in drawn or "url(" in drawn or " id=" in drawn:
        raise CovidReportError(
            f"vl-convert {version('vl-convert-python')} draws charts in another way than this "
            "version of covidreport knows; install the version that constraints.txt names"
        )
    inner = _EMPTY.sub("", _NOISE.sub("", drawn[box.end() :]))
    return f'<svg class="vega" viewBox="{box[1]}" aria-hidden="true">{inner}'


@cache
def read_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which gives the page `vegaEmbed`.

    Made by vl-convert, which takes seconds, and kept in the cache folder under its version. Where
    the cache is off, full or closed it is made anew.
    """
    key = f"vega-{VEGA_LITE}-{version('vl-convert-python')}"
    folder = cache_folder() / KIND / key
    file = folder / "bundle.json"
    kept = _recall(file)
    if kept is not None:
        return kept
    import vl_convert

    made = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE))
    try:
        if make_room(2 * len(made)):
            write_atomic(file, json.dumps({"script": made}).encode())
            (folder / USED_MARK).touch()
    except OSError:
        pass  # a folder that can't be written to costs time at the next report and nothing else
    return made


def _recall(file: Any) -> str | None:
    try:
        script = json.loads(file.read_bytes())["script"]
        (file.parent / USED_MARK).touch()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return script if isinstance(script, str) else None
