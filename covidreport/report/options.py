"""What a report is drawn with beyond its data: templates of one's own, a logo, hidden sections."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from msgspec import Struct


class RenderOptions(Struct, frozen=True):
    """How HTML and Markdown are drawn; JSON and CSV hold all data whatever it says."""

    templates: Path | None = None
    """A folder whose templates go before those of the same name here."""
    logo: str = ""
    """A picture as a `data:` address, shown beside the title of the HTML report."""
    charts: str = ""
    """The folder, as a link from a Markdown report, in which its pictures stand; empty: none."""
    appendix: bool = False
    """Whether an HTML report prints its appendix unless its reader says no."""
    hide: Set[str] = frozenset()
    """Names of sections that are left out; those that stand in every report are not."""


PLAIN = RenderOptions()
