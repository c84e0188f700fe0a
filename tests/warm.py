"""What commands that are forked for tests find made, so that no one of them makes it again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from covidreport.cli.app import build_command
from covidreport.report.charts import vega
from covidreport.report.environment import _build_environment, find_templates
from covidreport.report.markdown import MARKDOWN
from covidreport.report.prose import HTML
from covidreport.storage.cache import cached
from tests.computed import keep_drawing


def warm_up(folder: Path) -> None:
    """The parser of its words and its templates; drawings go into `folder`."""
    build_command()
    templates = find_templates()
    for suffix, writer in ((".html.j2", HTML), (".md.j2", MARKDOWN)):
        environment = _build_environment(templates, writer, None)
        for file in templates.rglob(f"*{suffix}"):
            environment.get_template(file.relative_to(templates).as_posix())
    patched: Any = vega
    patched.cached = partial(draw_once, folder)


def draw_once(
    folder: Path, kind: str, facts: Any, make: Callable[[], str], record: type[str]
) -> str:
    """As `cached`, by which charts are drawn: what is drawn is kept for the other tests, too."""
    return cached(kind, facts, partial(keep_drawing, folder, kind, facts, make), record)
