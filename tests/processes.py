"""Whether processes have ended, by what /proc says."""

from __future__ import annotations

import time
from pathlib import Path


def _read_stat(number: int) -> list[str]:
    """State, parent and more of a process; nothing of one that is gone."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_gone(number: int, seconds: float = 5) -> bool:
    """Whether a process has ended, or ends within so many seconds; one that waits to be buried
    has."""
    until = time.monotonic() + seconds
    while _read_stat(number)[:1] not in ([], ["Z"]):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def find_workers(parent: int) -> list[int]:
    """The processes that compute beside one."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            words = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if b"covidreport.workers" in words and _read_stat(int(each.name))[1:2] == [str(parent)]:
            found.append(int(each.name))
    return sorted(found)
