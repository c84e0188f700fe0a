"""Models with changed bytes, many in one folder beside a run that is well."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.hostile import places
from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.graphs import DATA_FILE, KINDS, Made, make_demo, make_kind
from benchmarks.hostile.mutate import mutate
from benchmarks.hostile.outcome import Row, Trial, trial

SEED = 14
EACH = 800
"""Of each kind, 4,000 in all."""
BATCH = 20
"""Runs in one call of the command."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed model. resumed: it takes the place of one that was evaluated, with its size
    and its time stamp; stated: run.json has the digest of what was exported."""

    name: str
    files: dict[str, bytes]
    stated: bool
    resumed: bool


@dataclass(frozen=True, slots=True)
class Pristine:
    """The unchanged model of a kind, evaluated by the code under trial."""

    made: Made
    folder: Path
    """Of evaluated run folders: `plain` and `stated`."""
    scores: NDArray[np.float64]
    findings: frozenset[str]


def make_mutant(kind: str, made: Made, i: int) -> Mutant:
    """The `i`-th changed model of a kind, always the same."""
    rng = np.random.default_rng([SEED, KINDS.index(kind), i])
    resumed = i % 4 == 3
    stated = bool((i // 4 if resumed else i) % 2) and kind != "external data"
    file = "model.onnx"
    if kind == "external data" and rng.random() < 0.5:
        file = DATA_FILE
    files = dict(made.files)
    files[file] = mutate(files[file], rng, keep_size=resumed)
    return Mutant(f"m{i:04}", files, stated, resumed)


def try_mutated_models(
    bench: Bench, done: Callable[[Row], None], kinds: Sequence[str] = KINDS
) -> None:
    """A row for each kind of model."""
    for kind in kinds:
        pristine = _evaluate_pristine(bench, kind)
        mutants = [make_mutant(kind, pristine.made, i) for i in range(bench.scale(EACH))]
        batches = [mutants[i : i + BATCH] for i in range(0, len(mutants), BATCH)]

        def run(
            numbered: tuple[int, Sequence[Mutant]], *, pristine: Pristine = pristine,
            kind: str = kind,
        ) -> list[Trial]:  # fmt: skip
            number, batch = numbered
            folder = bench.work / "mutated" / f"{KINDS.index(kind)}-{number}"
            try:
                return _try_batch(bench, folder, pristine, batch)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        with ThreadPoolExecutor(bench.workers) as pool:
            found = [each for part in pool.map(run, enumerate(batches)) for each in part]
        done(Row(f"models, bytes changed: {kind}", tuple(found)))


def _evaluate_pristine(bench: Bench, kind: str) -> Pristine:
    made = make_kind(kind)
    place = places.fresh(bench.work / "pristine")
    places.write_data(place / "data")
    made.write(place / "runs" / "plain")
    made.write(place / "runs" / "stated", stated=True)
    ended = places.evaluate(bench, place)
    kept = bench.work / "kept" / str(KINDS.index(kind))
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(place, kept)
    scores = places.read_stored(place / "runs" / "plain")
    if scores is None:
        raise SystemExit(f"the unchanged model ({kind}) was not evaluated: {ended.err}")
    titles = {str(each.get("code")) for each in places.read_findings(place / "runs" / "plain")}
    return Pristine(made, kept, scores, frozenset(titles))


def _write_batch(folder: Path, pristine: Pristine, batch: Sequence[Mutant]) -> None:
    shutil.copytree(pristine.folder / "data", folder / "data", copy_function=shutil.copy2)
    shutil.copy2(pristine.folder / places.PIXELS_FILE, folder / places.PIXELS_FILE)
    make_demo().write(folder / "runs" / "good")
    for mutant in batch:
        run = folder / "runs" / mutant.name
        origin = pristine.folder / "runs" / ("stated" if mutant.stated else "plain")
        if mutant.resumed:
            shutil.copytree(origin, run, copy_function=shutil.copy2)
        else:
            pristine.made.write(run, stated=mutant.stated)
        for name, data in mutant.files.items():
            file = run / name
            facts = (origin / name).stat()
            file.write_bytes(data)
            os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _try_batch(
    bench: Bench, folder: Path, pristine: Pristine, batch: Sequence[Mutant]
) -> list[Trial]:
    """Evaluate some together; where that went wrong, halves of them, until it is known which."""
    places.fresh(folder)
    _write_batch(folder, pristine, batch)
    places.write_limits(bench, folder)
    ended = places.evaluate(bench, folder, timeout=15.0 + 0.5 * len(batch), cache=folder / "cache")
    marks = ended.marks
    if not places.is_stored(folder / "runs" / "good"):
        marks.add("stopped")
    if not marks and not ended.document():
        marks.add("stopped")  # it wrote no answer about anybody
    if marks and len(batch) > 1:
        half = len(batch) // 2
        return [
            *_try_batch(bench, folder, pristine, batch[:half]),
            *_try_batch(bench, folder, pristine, batch[half:]),
        ]
    if marks:
        return [trial(batch[0].name, *marks, said=ended.last)]
    return _judge(bench, folder, pristine, batch, ended)


def _judge(
    bench: Bench, folder: Path, pristine: Pristine, batch: Sequence[Mutant], ended: Ended
) -> list[Trial]:
    failures = places.read_failures(ended)
    found: list[Trial] = []
    scored: list[tuple[Mutant, NDArray[np.float64]]] = []
    for mutant in batch:
        scores = places.read_stored(folder / "runs" / mutant.name)
        if mutant.name in failures:
            found.append(trial(mutant.name, "refused", said=failures[mutant.name]))
        elif scores is None or not places.is_stored(folder / "runs" / mutant.name):
            found.append(trial(mutant.name, "silent", said="neither evaluated nor refused"))
        else:
            scored.append((mutant, scores))
    asked = [
        (folder / "runs" / mutant.name / "model.onnx", pristine.made.described)
        for mutant, _ in scored
    ]
    answers = bench.ask_oracle(asked, folder / places.PIXELS_FILE) if asked else []
    for (mutant, scores), answer in zip(scored, answers, strict=True):
        found.append(_compare(folder, pristine, mutant, scores, answer))
    return found


def _compare(
    folder: Path,
    pristine: Pristine,
    mutant: Mutant,
    scores: NDArray[np.float64],
    answer: dict[str, object],
) -> Trial:
    if not places.agrees(scores, answer):
        said = f"stored scores are not those of the bytes ({answer.get('error', 'others')})"
        return trial(mutant.name, "silent", said=said)
    codes = {str(each.get("code")) for each in places.read_findings(folder / "runs" / mutant.name)}
    told = ", ".join(sorted(codes - pristine.findings))
    if mutant.stated and told:
        return trial(mutant.name, "refused", said=told)
    if np.array_equal(scores, pristine.scores):
        return trial(mutant.name, "same", said=told)
    if mutant.stated:
        return trial(mutant.name, "silent", said="not what was exported, and nothing said")
    return trial(mutant.name, "other", said=told)
