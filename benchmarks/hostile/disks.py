"""Disks that are full or can't be written to, and two jobs that work in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.hostile.command import Bench, Ended, wait_for
from benchmarks.hostile.outcome import Mark, Row, Trial, trial
from benchmarks.hostile.replay import Replay, prepare

SIZES = (0, 1, 300, 1_000, 5_000, 20_000, 100_000)
"""Bytes that one file may have: what a full disk does, at several moments."""
ROOMS = ("64k", "256k", "1m")
"""Sizes of a whole disk, in the words of `mount`."""
PAIRS = (
    ("evaluate", "evaluate"), ("evaluate", "evaluate"), ("tune", "tune"), ("score", "score"),
    ("render", "render"), ("ci", "ci"), ("score", "render"), ("tune", "render"),
)  # fmt: skip
NO_MOUNT = "No disk could be mounted here: small and read-only disks were not tried."


def try_disks(bench: Bench, done: Callable[[Row], None]) -> None:
    """Two rows."""
    replays = {each.name: each for each in prepare(bench)}
    cases: list[tuple[str, Callable[[Path], Trial]]] = []
    for name, replay in replays.items():
        for size in SIZES:
            cases.append((f"{name}, files of {size} bytes", _limited(bench, replay, size)))
        if _can_mount():
            for room in ROOMS:
                cases.append((f"{name}, a disk of {room}", _mounted(bench, replay, room)))
            cases.append((f"{name}, a disk to read", _mounted(bench, replay, None)))
    step = max(1, round(1 / bench.share)) if bench.share < 1 else 1
    note = "" if _can_mount() else NO_MOUNT
    done(Row("disks, full or to read", _run_all(bench, cases[::step]), note=note))
    pairs = [
        (f"{one} and {two} ({i})", _together(bench, replays[one], replays[two], i))
        for i, (one, two) in enumerate(PAIRS * 3)
    ]
    done(Row("two jobs on one folder", _run_all(bench, pairs[::step])))


def _run_all(
    bench: Bench, cases: Sequence[tuple[str, Callable[[Path], Trial]]]
) -> tuple[Trial, ...]:
    def run(numbered: tuple[int, tuple[str, Callable[[Path], Trial]]]) -> Trial:
        i, (name, run_case) = numbered
        folder = bench.work / "disks" / str(i)
        try:
            found = run_case(folder)
            return Trial(name, found.marks, found.said)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(bench.workers) as pool:
        return tuple(pool.map(run, enumerate(cases)))


def _limited(bench: Bench, replay: Replay, size: int) -> Callable[[Path], Trial]:
    """No file may become larger than `size`."""

    def run(folder: Path) -> Trial:
        place = replay.copy(folder)
        cache = folder / "cache"
        ended = bench.run(replay.args, place, cache=cache, timeout=90, limits={"FSIZE": size})
        return _conclude(bench, replay, place, cache, ended)

    return run


def _mounted(bench: Bench, replay: Replay, room: str | None) -> Callable[[Path], Trial]:
    """The run folders and the cache lie on a disk of that size, or on one that is to be read."""

    def run(folder: Path) -> Trial:
        place = replay.copy(folder)
        mount = (
            f"mount -t tmpfs -o size={room} none disk && cp -a place cache disk/ 2>/dev/null; "
            if room
            else "mount --bind . disk && mount -o remount,bind,ro disk; "
        )
        (folder / "disk").mkdir()
        script = f'{mount} cd disk/place && exec "$@"'
        process = bench.start(
            replay.args, folder, cache=folder / "disk" / "cache",
            wrap=["unshare", "--mount", "sh", "-c", script, "sh"],
        )  # fmt: skip
        return _conclude(bench, replay, place, folder / "cache", wait_for(process, 120))

    return run


def _conclude(bench: Bench, replay: Replay, place: Path, cache: Path, ended: Ended) -> Trial:
    """Refused in words, or done all the same; then, with room, as if nothing had been."""
    marks = ended.marks
    if marks:
        return trial("", *marks, said=ended.last)
    again = bench.run(replay.args, place, cache=cache, timeout=90)
    if again.marks:
        return trial("", *again.marks, said=f"called again: {again.last}")
    if again.code != replay.code:
        return trial("", "silent", said=f"called again: exit code {again.code}; {again.last}")
    differs = replay.differs(place)
    if differs:
        return trial("", "silent", said=f"called again: {differs}")
    mark: Mark = "same" if ended.code == replay.code else "refused"
    return trial("", mark, said=ended.last)


def _together(bench: Bench, one: Replay, two: Replay, seed: int) -> Callable[[Path], Trial]:
    """Both at once, the second a moment later."""

    def run(folder: Path) -> Trial:
        place = one.copy(folder)
        cache = folder / "cache"
        first = bench.start(one.args, place, cache=cache)
        time.sleep(float(np.random.default_rng(seed).uniform(0, 0.5)))
        second = bench.start(two.args, place, cache=cache)
        ended = [wait_for(process, 180) for process in (first, second)]
        marks = {mark for each in ended for mark in each.marks}
        if marks:
            return trial("", *marks, said=" / ".join(each.last for each in ended))
        if [each.code for each in ended] != [one.code, two.code]:
            return trial("", "stopped", said=" / ".join(each.last for each in ended))
        if one.name != two.name:
            return trial("", "same")
        differs = one.differs(place)
        return trial("", "silent", said=differs) if differs else trial("", "same")

    return run


def _can_mount() -> bool:
    if shutil.which("unshare") is None or os.name != "posix":
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],  # noqa: S607
        check=False, capture_output=True,
    )  # fmt: skip
    return tried.returncode == 0
