"""Caches and stored scores whose bytes were damaged: the answer is the same, or it is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.hostile import places
from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.graphs import make_demo
from benchmarks.hostile.outcome import Mark, Row, Trial, trial
from benchmarks.hostile.replay import snapshot

SEED = 77
CACHES = 120
STORED = 24
PAGE = 4096
HOWS = ("a bit", "a byte", "a page of zeros", "cut off", "empty", "noise", "of another entry")
RENDER = ("render", "runs/kept0", "runs/kept1", "--format", "json", "--format", "markdown",
          "--output", "report")  # fmt: skip
EVALUATE = ("evaluate", "runs", "--data", "data/manifest.csv", "--batch-size", "8", "--jobs", "1")
SCORE = ("score", "runs", "--threshold", "0.3")


@dataclass(frozen=True, slots=True)
class Whole:
    """A place that was evaluated and rendered with a cache, and what the next commands make."""

    place: Path
    cache: Path
    rendered: dict[str, bytes]
    evaluated: dict[str, bytes]
    scored: dict[str, bytes]

    def copy(self, folder: Path) -> Path:
        """The place and the cache, to be damaged; the time stamps that both know stay."""
        places.fresh(folder)
        shutil.copytree(self.place, folder / "place", copy_function=shutil.copy2)
        shutil.copytree(self.cache, folder / "cache", copy_function=shutil.copy2)
        return folder / "place"


def damage(file: Path, how: str, rng: np.random.Generator) -> None:
    """Spoil a file in place, its time stamp apart."""
    data = bytearray(file.read_bytes())
    place = int(rng.integers(max(1, len(data))))
    if how == "a bit" and data:
        data[place] ^= 1 << int(rng.integers(8))
    elif how == "a byte" and data:
        data[place] = (data[place] + int(rng.integers(1, 256))) % 256
    elif how == "a page of zeros":
        start = place // PAGE * PAGE
        data[start : start + PAGE] = bytes(len(data[start : start + PAGE]))
    elif how == "cut off":
        del data[place:]
    elif how == "empty":
        data.clear()
    elif how == "noise":
        data[:] = rng.bytes(len(data))
    elif how == "of another entry":
        others = sorted(each for each in file.parents[1].rglob(file.name) if each != file)
        data[:] = others[0].read_bytes() if others else b""
    file.write_bytes(bytes(data))


def try_damaged(bench: Bench, done: Callable[[Row], None]) -> None:
    """Two rows."""
    whole = _prepare(bench)
    with ThreadPoolExecutor(bench.workers) as pool:
        caches = pool.map(lambda i: _damage_cache(bench, whole, i), range(bench.scale(CACHES)))
        done(Row("caches, damaged", tuple(caches)))
        stored = pool.map(lambda i: _damage_scores(bench, whole, i), range(bench.scale(STORED)))
        done(Row("scores.parquet, damaged", tuple(stored)))


def _prepare(bench: Bench) -> Whole:
    work = places.fresh(bench.work / "whole")
    place, cache = work / "place", work / "cache"
    places.write_data(place / "data", 48)
    for i in range(2):
        make_demo(i).write(place / "runs" / f"kept{i}")
    bench.run(EVALUATE, place, cache=cache)
    bench.run(RENDER, place, cache=cache)
    whole = Whole(place, cache, {}, {}, {})
    folder = bench.work / "undamaged"
    once = whole.copy(folder)
    bench.run(RENDER, once, cache=folder / "cache")
    rendered = snapshot(once)
    _, evaluated = _evaluate_new(bench, once, folder / "cache")
    once = whole.copy(folder)
    bench.run(SCORE, once, cache=folder / "cache")
    return Whole(place, cache, rendered, evaluated, snapshot(once))


def _evaluate_new(bench: Bench, place: Path, cache: Path) -> tuple[Ended, dict[str, bytes]]:
    """Evaluate with a run more, whose model sees the cached pixels."""
    make_demo(7).write(place / "runs" / "new")
    ended = bench.run(EVALUATE, place, cache=cache)
    return ended, snapshot(place / "runs")


def _damage_cache(bench: Bench, whole: Whole, i: int) -> Trial:
    rng = np.random.default_rng([SEED, i])
    folder = bench.work / "damaged" / str(i)
    place = whole.copy(folder)
    cache = folder / "cache"
    kinds = sorted(each.name for each in cache.iterdir() if each.is_dir())
    kind = "pixels" if i % 3 == 0 else kinds[i % len(kinds)]
    files = sorted(
        each for each in (cache / kind).rglob("*") if each.is_file() and each.stat().st_size
    )
    how = HOWS[i % len(HOWS)]
    if not files:
        return trial(f"{i}: {kind}", "same", said="holds nothing")
    file = files[int(rng.integers(len(files)))]
    damage(file, how, rng)
    name = f"{i}: {kind}/…/{file.name}, {how}"
    try:
        rendered = bench.run(RENDER, place, cache=cache)
        after = snapshot(place)
        evaluated, found = _evaluate_new(bench, place, cache)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    marks = rendered.marks | evaluated.marks
    if marks:
        said = rendered.last if rendered.marks else evaluated.last
        return trial(name, *marks, said=said)
    for what, have, want in (
        ("render", after, whole.rendered), ("evaluate", found, whole.evaluated),
    ):  # fmt: skip
        differing = [key for key in {*have, *want} if have.get(key) != want.get(key)]
        if differing:
            ended = rendered if what == "render" else evaluated
            told = ended.code or any(
                b"not computed here" in have.get(key, b"") for key in differing
            )
            mark: Mark = "refused" if told else "silent"
            return trial(name, mark, said=f"{what}: {differing[0]} differs; {ended.last}")
    return trial(name, "same")


def _damage_scores(bench: Bench, whole: Whole, i: int) -> Trial:
    """Scores that an evaluation stored; then `score`, `render` or `evaluate`."""
    rng = np.random.default_rng([SEED, 1, i])
    folder = bench.work / "damaged-scores" / str(i)
    place = whole.copy(folder)
    cache = folder / "cache"
    how = ("a bit", "a byte", "noise", "cut off")[i // 3 % 4]
    file = place / "runs" / "kept1" / "evaluations" / places.KEY / "scores.parquet"
    damage(file, how, rng)
    command, want = (
        (SCORE, whole.scored), (RENDER, whole.rendered), (EVALUATE, whole.rendered),
    )[i % 3]  # fmt: skip
    try:
        ended = bench.run(command, place, cache=cache)
        found = snapshot(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    name = f"{i}: {command[0]}, {how}"
    if ended.marks:
        return trial(name, *ended.marks, said=ended.last)
    own = {key for key in found if command is RENDER or "kept1" in key}
    own -= {key for key in own if key.endswith("scores.parquet") and command is not EVALUATE}
    differing = [key for key in own if found[key] != want.get(key)]
    if not differing:
        return trial(name, "same")
    told = ended.code or "kept1" in ended.err or any(b"damaged" in found[key] for key in differing)
    return trial(name, "refused" if told else "silent", said=f"{differing[0]}; {ended.last}")
