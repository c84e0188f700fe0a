"""The runs that a command is about, and what is said of how they were found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.records import Run


def find_runs(folders: Sequence[Path] | None) -> tuple[Run, ...]:
    """The runs in these folders, in `runs` where none is named; notes on them go to stderr."""
    from covidreport.cli.terminal import say_note
    from covidreport.storage.runs import discover_runs

    return discover_runs(folders or [Path("runs")], say_note)
