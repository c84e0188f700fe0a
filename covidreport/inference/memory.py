"""How much memory there is, and how much of it models may take."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

from covidreport.records import ModelLimits

FALLBACK_BYTES = 4 * 2**30
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Where Linux says what a container may take and has taken; the second is of old kernels."""


def available_bytes() -> int:
    """The memory that this process may still take, where the system says it (Linux)."""
    known = _read_kibibytes("/proc/meminfo", "MemAvailable")
    amounts = [FALLBACK_BYTES if known is None else known]
    if known is None and (physical := _physical_bytes()) is not None:
        amounts = [physical // 2]
    for limit, used in _CGROUPS:
        most, taken = _read_number(limit), _read_number(used)
        if most is not None and taken is not None:
            amounts.append(most - taken)
    return max(min(amounts), 0)


def machine_bytes() -> int:
    """The memory of this machine, or what its container may take of it."""
    total = _read_kibibytes("/proc/meminfo", "MemTotal") or _physical_bytes() or FALLBACK_BYTES
    return min([total, *(most for path, _ in _CGROUPS if (most := _read_number(path)))])


def allowed_bytes(limits: ModelLimits, total: int | None = None) -> int:
    """What all models together may take under these limits, of `total` bytes or of the machine's.

    0 where a fraction may be taken of a card whose memory nobody knows (`total` is 0 then).
    """
    memory = limits.memory
    if memory > 1:
        return int(memory)
    return int(memory * (machine_bytes() if total is None else total))


def restart_peak() -> int | None:
    """Let the largest memory of this process be measured from now on; what it has now, in bytes.

    None where the system can't (it is Linux that can).
    """
    with contextlib.suppress(OSError, AttributeError):  # as glibc has it
        ctypes.CDLL(None).malloc_trim(0)  # what is free and was kept is not what comes next takes
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _read_kibibytes("/proc/self/status", "VmRSS")


def peak_bytes() -> int | None:
    """The most memory that this process had since `restart_peak`; None where nobody knows."""
    return _read_kibibytes("/proc/self/status", "VmHWM")


def _read_kibibytes(path: str, name: str) -> int | None:
    """What stands behind a name in a file of the kernel's, in bytes; None where it does not."""
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
        return int(dict(line.split(":", 1) for line in lines)[name].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _physical_bytes() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _read_number(path: str) -> int | None:
    """The number in a file; None where there is no such file, or it holds `max`."""
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
