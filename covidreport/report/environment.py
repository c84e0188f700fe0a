"""Finds the templates and sets up Jinja: strict, escaped, with nothing that reads a clock.

A folder of one's own goes before the templates here. What it replaces can still be had under the
prefix `covidreport/`, for `{% extends "covidreport/report.html.j2" %}`.
"""

from __future__ import annotations

import json
import traceback
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

import covidreport
from covidreport.errors import CovidReportError, UsageError
from covidreport.report.cells import (
    cell_kind,
    flatten_heads,
    flatten_rows,
    list_starts,
    mark_cell,
    sort_number,
    write_cell,
)
from covidreport.report.charts.intervals import list_ticks
from covidreport.report.charts.lines import Lines
from covidreport.report.charts.vega import draw_svg
from covidreport.report.first_look import describe_whole, take_first, write_briefly
from covidreport.report.prose import Writer
from covidreport.storage.address import refuse_address
from covidreport.text import decimal

if TYPE_CHECKING:
    from jinja2 import Environment, TemplateError

_MARKER = "report.html.j2"
PREFIX = "covidreport"
OWN = ("styles/own.css", "script/own.js")
"""Files that a folder of one's own may add: they go behind all others."""


def find_templates(package: Path | None = None) -> Path:
    """The folder of templates: inside the package (a wheel) or beside it (a checkout).

    Raises CovidReportError, naming both places, where neither has them.
    """
    package = package or Path(covidreport.__file__).parent
    places = (package / "templates", package.parent / "templates")
    for place in places:
        if (place / _MARKER).is_file():
            return place
    raise CovidReportError(
        f"the templates of the reports are missing: there is no {_MARKER} in {places[0]} or "
        f"{places[1]}; install covidreport again, or restore templates/ in the checkout"
    )


def check_folder(folder: Path) -> Path:
    """A folder of templates of one's own; UsageError where nothing in it would be used."""
    refuse_address(folder, "--template-dir")
    if not folder.is_dir():
        raise UsageError(f"--template-dir {folder}: no such folder")
    known = list_templates()
    if not any((folder / name).is_file() for name in (*known, *OWN)):
        raise UsageError(
            f"--template-dir {folder}: holds no template that is used; it may hold "
            f"{', '.join((*known, *OWN))}"
        )
    return folder


def list_templates() -> tuple[str, ...]:
    """The names that a folder of one's own may replace."""
    folder = find_templates()
    return tuple(
        sorted(
            file.relative_to(folder).as_posix()
            for file in folder.rglob("*")
            if file.suffix in (".j2", ".css", ".js")
        )
    )


def read_template(name: str, own: Path | None = None) -> str:
    """The text of a file among the templates, with Unix line ends; that in `own` goes first."""
    path = find_templates() / name
    if own is not None and (own / name).is_file():
        path = own / name
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CovidReportError(f"{path}: can't be read ({error})") from error


def render_template(
    name: str, values: dict[str, object], writer: Writer, own: Path | None = None
) -> str:
    """Render a template; every string that it prints is escaped, and there is no other way out.

    own: a folder whose templates go before those of the same name. The filter `prose` is for
    sentences: what they have between backticks is shown as code; the others are of `report.cells`.
    A name that a template uses and nobody gave is an error, never an empty place in a report:
    UsageError with the file and the line where `own` is given, else Jinja's own.
    """
    # Jinja takes 40 ms to import, and every command imports this package for its names.
    from jinja2 import TemplateError, TemplateNotFound

    try:
        return _build_environment(find_templates(), writer, own).get_template(name).render(values)
    except TemplateError as error:
        if own is None:
            raise
        missing = "no template is called " if isinstance(error, TemplateNotFound) else ""
        raise UsageError(f"{_find_place(error, own)}: {missing}{error}") from error


@lru_cache(maxsize=4)
def _build_environment(templates: Path, writer: Writer, own: Path | None) -> Environment:
    """Kept: to compile the templates takes as long as to render a small report."""
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
    from jinja2.runtime import Undefined
    from markupsafe import Markup

    def finalize(value: object) -> object:
        if isinstance(value, (Markup, Undefined)):
            return value
        return Markup(writer.escape(str(value)))  # noqa: S704  # it has just been escaped

    def draw(chart: Lines) -> Markup:
        return Markup(draw_svg(chart))  # noqa: S704  # escaped where it is drawn

    def prose(text: str) -> Markup:
        return Markup(writer.write_prose(text))  # noqa: S704  # likewise

    def code(text: str) -> Markup:
        return Markup(writer.write_code(text))  # noqa: S704  # likewise

    ours = FileSystemLoader(templates)
    first = [] if own is None else [FileSystemLoader(own)]
    environment = Environment(
        loader=ChoiceLoader([*first, ours, PrefixLoader({PREFIX: ours})]),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "prose": prose, "code": code, "written": write_cell, "cell_kind": cell_kind,
        "place_mark": mark_cell, "sort_number": sort_number, "list_ticks": list_ticks,
        "as_json": _as_json,
        "draw": draw, "decimal": decimal, "flat_heads": flatten_heads, "flat_rows": flatten_rows,
        "list_starts": list_starts, "first_look": take_first, "describe_whole": describe_whole,
        "write_briefly": write_briefly,
    }  # fmt: skip
    return environment


def _as_json(values: tuple[Any, ...]) -> str:
    """Texts, or records of texts as lists, for an attribute that the script reads."""
    return json.dumps([one if isinstance(one, str) else astuple(one) for one in values])


def _find_place(error: TemplateError, own: Path) -> str:
    """The file and line that a template failed at, as Jinja knows them."""
    line = getattr(error, "lineno", None)
    file = getattr(error, "filename", None)
    if file and line:
        return f"{file}, line {line}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).suffix == ".j2"
    ]  # fmt: skip
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else str(own)
