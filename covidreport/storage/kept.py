"""Records in the cache folder: what is slow to compute, under a digest of what it is of."""

from __future__ import annotations

import json
from typing import TypeVar

from covidreport.cache import read_kept, write_kept
from covidreport.errors import StoreError
from covidreport.storage.codec import decode, encode

T = TypeVar("T")


def read_record(kind: str, name: str, record: type[T]) -> T | None:
    """What is kept under a name; None where nothing is, or where it is damaged or of another make.

    kind: the folder of the cache. record: also a list or mapping of records.
    """
    kept = read_kept(kind, name)
    try:
        return None if kept is None else decode(json.loads(kept), record)
    except (StoreError, ValueError):
        return None


def write_record(kind: str, name: str, record: object) -> None:
    """Keep it under this name. Where the cache is off, full or closed it is not kept."""
    try:
        data = json.dumps(encode(record)).encode()
    except ValueError:  # a number without end, which JSON has not
        return
    write_kept(kind, name, data)
