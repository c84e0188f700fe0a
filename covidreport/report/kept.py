"""Keeps in the cache folder what a report is slow to make, under a digest of what it is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from covidreport import __version__
from covidreport.cache import KEPT_FILE, cache_folder, cache_limit
from covidreport.storage.kept import read_record, write_record

T = TypeVar("T")


def keep(kind: str, facts: object, make: Callable[[], T], record: type[T]) -> T:
    """What `make` gives, or gave before for equal `facts` in this version of covidreport.

    kind: the folder of the cache. facts: all that the value depends on, as JSON knows it. record:
    what the value is, such as `dict[str, LabelCurve]`. Where the cache is off, full, closed or
    damaged, the value is made anew.
    """
    name = _name(facts)
    kept = read_record(kind, name, record)
    if kept is not None:
        return kept
    value = make()
    write_record(kind, name, value)
    return value


def is_kept(kind: str, facts: object) -> bool:
    """Whether something stands in the cache folder that `keep` would look at first."""
    return cache_limit() > 0 and (cache_folder() / kind / _name(facts) / KEPT_FILE).is_file()


def _name(facts: object) -> str:
    text = json.dumps([__version__, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
