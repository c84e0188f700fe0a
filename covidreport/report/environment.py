"""Finds the templates and sets up Jinja: strict, escaped, with nothing that reads a clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import covidreport
from covidreport.errors import CovidReportError

_MARKER = "report.html.j2"


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


def read_template(name: str) -> str:
    """The text of a file among the templates, with Unix line ends."""
    return (find_templates() / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def render_template(name: str, values: dict[str, object], escape: Callable[[str], str]) -> str:
    """Render a template; every string that it prints goes through `escape` and no other way out.

    What `escape` gives is not escaped again. A name that a template uses and nobody gave is an
    error of Jinja's, never an empty place in a report.
    """
    # Jinja takes 40 ms to import, and every command imports this package for its names.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from jinja2.runtime import Undefined
    from markupsafe import Markup

    def finalize(value: object) -> object:
        if isinstance(value, (Markup, Undefined)):
            return value
        return Markup(escape(str(value)))  # noqa: S704  # it has just been escaped

    environment = Environment(
        loader=FileSystemLoader(find_templates()),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(values)
