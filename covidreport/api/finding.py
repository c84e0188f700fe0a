"""Which runs there are in some folders."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from covidreport.records import Noted, OnEvent, Run, ignore_events
from covidreport.storage.folds import join_folds
from covidreport.storage.runs import discover_runs
from covidreport.storage.shared import share_input


def find_runs(
    folders: Sequence[str | os.PathLike[str]], on_event: OnEvent = ignore_events,
    shared: Mapping[str, Any] | None = None,
) -> tuple[Run, ...]:  # fmt: skip
    """The runs in these folders, the folds of a configuration as one; notes on them are events.

    shared: what the settings say of the input of all.
    """
    places = [each if isinstance(each, Path) else Path(each) for each in folders]
    found = discover_runs(places, lambda note: on_event(Noted(note)))
    return join_folds(share_input(found, shared))
