"""Keeps in the cache folder what a report is slow to make, under a digest of what it is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from covidreport import __version__
from covidreport.cache import KEPT_FILE, cache_folder, cache_limit, read_kept, write_kept


def keep(kind: str, facts: object, make: Callable[[], Any]) -> Any:
    """What `make` gives, or gave before for equal `facts` in this version of covidreport.

    kind: the folder of the cache. facts: all that the value depends on, as JSON knows it; the value
    likewise. Where the cache is off, full, closed or damaged, the value is made anew.
    """
    name = _name(facts)
    kept = read_kept(kind, name)
    if kept is not None:
        return json.loads(kept)
    value = make()
    write_kept(kind, name, json.dumps(value).encode())
    return value


def is_kept(kind: str, facts: object) -> bool:
    """Whether something stands in the cache folder that `keep` would look at first."""
    return cache_limit() > 0 and (cache_folder() / kind / _name(facts) / KEPT_FILE).is_file()


def _name(facts: object) -> str:
    text = json.dumps([__version__, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
