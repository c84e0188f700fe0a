"""Commands whose outcome is known byte for byte: each can be disturbed, then done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile import places
from benchmarks.hostile.command import Bench, Ended, wait_for
from benchmarks.hostile.graphs import make_demo, make_loop

TIMES = ("timing", "judged", "finished", "seconds", "created")
"""Keys under which only time stamps and durations stand."""
DATA = ("--data", "data/manifest.csv")
COMMANDS: Mapping[str, Sequence[str]] = {
    "evaluate": ("evaluate", "runs", *DATA, "--split", "validation", "--batch-size", "8", "--jobs",
                 "2"),
    "render": ("render", "runs", "--format", "html", "--format", "markdown", "--format", "csv",
               "--format", "json", "--output", "report"),
    "tune": ("tune", "runs", "--target-sensitivity", "0.9"),
    "score": ("score", "runs", "--threshold", "0.3"),
    "ci": ("ci", "runs", "--baseline", "base/run0", *DATA, "--split", "validation", "--output-dir",
           "verdict", "--batch-size", "8"),
}  # fmt: skip
"""Each is called in a place where everything that it needs has been done."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A command, the place where it starts from, and what it leaves there undisturbed."""

    name: str
    args: Sequence[str]
    template: Path
    cache: Path
    code: int
    left: Mapping[str, bytes]
    unsteady: frozenset[str]
    """Files that differ between two undisturbed calls, and so can't be compared."""
    seconds: float

    def copy(self, place: Path) -> Path:
        """A place to disturb it in, and a cache beside it."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        shutil.copytree(self.template, place / "place", copy_function=shutil.copy2)
        shutil.copytree(self.cache, place / "cache", copy_function=shutil.copy2)
        return place / "place"

    def differs(self, place: Path) -> str:
        """What is not as it is after the undisturbed command; empty where all is."""
        found = snapshot(place)
        for name in sorted({*found, *self.left}):
            if name in self.unsteady:
                continue
            if name not in found:
                return f"{name} is missing"
            if name not in self.left:
                return f"{name} is left over"
            if found[name] != self.left[name]:
                return f"{name} differs"
        return ""


def snapshot(place: Path) -> dict[str, bytes]:
    """Every file there but hidden ones and pictures, without time stamps."""
    found = {}
    for file in sorted(place.rglob("*")):
        name = file.relative_to(place)
        if (
            file.is_file()
            and name.parts[0] != "data"
            and not any(part.startswith(".") for part in name.parts)
        ):
            found[name.as_posix()] = _without_times(file)
    return found


def _without_times(file: Path) -> bytes:
    data = file.read_bytes()
    if file.suffix != ".json":
        return data
    try:
        return json.dumps(_strip(json.loads(data)), sort_keys=True).encode()
    except ValueError:
        return data


def _strip(value: object) -> object:
    if isinstance(value, dict):
        return {key: _strip(item) for key, item in value.items() if key not in TIMES}
    return [_strip(item) for item in value] if isinstance(value, list) else value


def prepare(bench: Bench, names: Sequence[str] = tuple(COMMANDS), n: int = 60) -> list[Replay]:
    """The commands by name, each done twice without disturbance.

    What differs between the two (a report states when it was evaluated) is not looked at.
    """
    work = places.fresh(bench.work / "replay")
    place, cache = work / "new", work / "cache-new"
    cache.mkdir()
    places.write_data(place / "data", n, ("validation", "tuning"))
    for i in range(3):
        make_demo(i).write(place / "runs" / f"run{i}")
    make_loop(400).write(place / "runs" / "slow")
    done, cache_done = work / "done", work / "cache-done"
    shutil.copytree(place, done, copy_function=shutil.copy2)
    shutil.copytree(cache, cache_done)
    for split in ("tuning", "validation"):
        args = ["evaluate", "runs", *DATA, "--split", split, "--batch-size", "8"]
        _must(bench.run(args, done, cache=cache_done, timeout=120))
    shutil.copytree(done / "runs" / "run0", done / "base" / "run0", copy_function=shutil.copy2)
    fresh = work / "based"
    shutil.copytree(place, fresh, copy_function=shutil.copy2)
    shutil.copytree(done / "base", fresh / "base", copy_function=shutil.copy2)
    starts = {"evaluate": (place, cache), "ci": (fresh, cache_done)}
    return [_record(bench, work, name, *starts.get(name, (done, cache_done))) for name in names]


def _record(bench: Bench, work: Path, name: str, template: Path, cache: Path) -> Replay:
    left: list[dict[str, bytes]] = []
    code, seconds = 0, 0.0
    plain = Replay(name, COMMANDS[name], template, cache, 0, {}, frozenset(), 0.0)
    for _ in range(2):
        place = plain.copy(work / "once")
        process = bench.start(plain.args, place, cache=place.parent / "cache")
        ended = wait_for(process, 240)
        if ended.marks:
            raise SystemExit(f"undisturbed `{name}`: {ended.err}")
        code, seconds = ended.code, ended.seconds
        left.append(snapshot(place))
    first, second = left
    unsteady = frozenset(file for file in {*first, *second} if first.get(file) != second.get(file))
    shutil.rmtree(work / "once")
    return Replay(name, plain.args, template, cache, code, first, unsteady, seconds)


def _must(ended: Ended) -> None:
    if ended.code not in (0, 3) or ended.marks:
        raise SystemExit(f"what the trials need was not made: {ended.err}")
