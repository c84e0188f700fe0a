"""Keeps in the cache folder what a report is slow to make, under a digest of what it is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from covidreport import __version__
from covidreport.cache import USED_MARK, cache_folder, make_room
from covidreport.store import write_atomic

FILE = "kept.json"


def keep(kind: str, facts: object, make: Callable[[], Any]) -> Any:
    """What `make` gives, or gave before for equal `facts` in this version of covidreport.

    kind: the folder of the cache. facts: all that the value depends on, as JSON knows it; the value
    likewise. Where the cache is off, full, closed or damaged, the value is made anew.
    """
    folder = _name(kind, facts)
    try:
        kept = json.loads((folder / FILE).read_bytes())["value"]
        (folder / USED_MARK).touch()
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is kept, or it can't be read
    else:
        return kept
    value = make()
    data = json.dumps({"value": value}).encode()
    try:
        if make_room(2 * len(data)):
            write_atomic(folder / FILE, data)
            (folder / USED_MARK).touch()
    except OSError:
        pass  # a folder that can't be written to costs time at the next report and nothing else
    return value


def is_kept(kind: str, facts: object) -> bool:
    """Whether something stands in the cache folder that `keep` would look at first."""
    return (_name(kind, facts) / FILE).is_file()


def _name(kind: str, facts: object) -> Path:
    text = json.dumps([__version__, facts], sort_keys=True)
    return cache_folder() / kind / hashlib.sha256(text.encode()).hexdigest()
