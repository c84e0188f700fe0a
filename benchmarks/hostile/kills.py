"""Commands that are ended by a signal at a random moment, then called again."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.hostile.command import Bench, wait_for
from benchmarks.hostile.outcome import Row, Trial, trial
from benchmarks.hostile.replay import COMMANDS, Replay, prepare

SEED = 200
KILLS = 200
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TO_END_S = 4.0
"""How long a process may take after a signal that it may handle: twice what is promised, since two
work here at the same time, and more where the whole command is slow for other work of the machine.
"""
SLOW = 1 / 3
"""Of the seconds of the undisturbed command, which are about four on an idle machine."""


def try_kills(bench: Bench, done: Callable[[Row], None]) -> None:
    """A row for each command."""
    # a shell starts what stands behind `&` with Ctrl-C ignored, and children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    replays = {each.name: each for each in prepare(bench)}
    each = max(1, bench.scale(KILLS) // len(COMMANDS))
    for name, replay in replays.items():

        def run(i: int, replay: Replay = replay) -> Trial:
            try:
                return _kill(bench, replay, i)
            finally:
                shutil.rmtree(bench.work / "kills" / f"{replay.name}{i}", ignore_errors=True)

        with ThreadPoolExecutor(bench.workers) as pool:
            done(Row(f"kills of `{name}`", tuple(pool.map(run, range(each)))))


def _kill(bench: Bench, replay: Replay, i: int) -> Trial:
    rng = np.random.default_rng([SEED, list(COMMANDS).index(replay.name), i])
    number = SIGNALS[i % len(SIGNALS)]
    place = replay.copy(bench.work / "kills" / f"{replay.name}{i}")
    cache, mark = place.parent / "cache", place.parent / "mark"
    process = bench.start(replay.args, place, cache=cache, env={"HOSTILE_MARK": str(mark)})
    while not mark.exists() and process.poll() is None:
        time.sleep(0.005)
    after = float(rng.uniform(0, replay.seconds))
    time.sleep(after)
    name = f"{number.name} after {after:.2f} s ({i})"
    if process.poll() is None:
        os.kill(process.pid, number)
    ended = wait_for(process, max(TO_END_S, SLOW * replay.seconds))
    marks = ended.marks - {"ended"}  # by our own signal
    if marks:
        return trial(name, *marks, said=ended.last)
    again = bench.run(replay.args, place, cache=cache, timeout=120)
    if again.marks:
        return trial(name, *again.marks, said=f"called again: {again.last}")
    if again.code != replay.code:
        return trial(name, "silent", said=f"called again: exit code {again.code}; {again.last}")
    differs = replay.differs(place)
    return trial(name, "silent", said=differs) if differs else trial(name, "same")
