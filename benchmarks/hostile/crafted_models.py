"""Run folders made by hand, each beside a run that is well: what must be refused, and what not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.hostile import places
from benchmarks.hostile.bad_files import FILES
from benchmarks.hostile.bad_graphs import GRAPHS
from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.graphs import DATA_FILE, make_demo, make_external
from benchmarks.hostile.outcome import Row, Trial, trial
from benchmarks.hostile.watch import Watch

CANARY = "canary.bin"
"""Outside of every run folder; whoever opens it has read what was none of his business."""


def try_crafted_models(bench: Bench, done: Callable[[Row], None]) -> None:
    """One row."""
    cases = {**FILES, **GRAPHS}
    chosen = list(cases.items())
    step = max(1, round(1 / bench.share)) if bench.share < 1 else 1

    def run(case: tuple[str, Callable[[Path], str]]) -> Trial:
        name, make = case
        folder = bench.work / "crafted" / name.replace(" ", "-").replace("/", "-")
        try:
            return _try(bench, folder, name, make)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(bench.workers) as pool:
        done(Row("models, made by hand", tuple(pool.map(run, chosen[::step]))))


def write_canary(folder: Path) -> Path:
    """Weights outside of the run folders, with which the model would run."""
    canary = folder / CANARY
    canary.write_bytes(make_external(bad=True).files[DATA_FILE])
    return canary


def _try(bench: Bench, folder: Path, name: str, make: Callable[[Path], str]) -> Trial:
    places.fresh(folder)
    places.write_data(folder / "data")
    places.write_limits(bench, folder)
    canary = write_canary(folder)
    make_demo().write(folder / "runs" / "good")
    run = folder / "runs" / "tried"
    run.mkdir()
    wanted = make(run)
    watch = Watch([canary])
    ended = places.evaluate(bench, folder, "--batch-size", "6", timeout=90.0)
    marks = ended.marks
    if watch.seen():
        marks.add("outside")
    if not places.is_stored(folder / "runs" / "good"):
        marks.add("stopped")
    if marks:
        return trial(name, *marks, said=ended.last)
    return _judge(bench, folder, name, wanted, ended)


def _judge(bench: Bench, folder: Path, name: str, wanted: str, ended: Ended) -> Trial:
    """wanted: `refuse`, `tell` (by a finding, or refused), `any`, or words of a note."""
    run = folder / "runs" / "tried"
    failures = places.read_failures(ended)
    failed = [each for each in failures if each != "good"]
    stored = [
        each for each in (folder / "runs").rglob("scores.parquet") if "good" not in each.parts
    ]
    if failed:
        return trial(name, "refused", said=failures[failed[0]])
    if wanted not in ("refuse", "tell", "any"):
        told = wanted in ended.err + ended.out
        if told:
            return trial(name, "refused", said=ended.last)
        return trial(name, "silent", said=f"passed over without a word of {wanted}")
    if not stored:
        return trial(name, "silent", said="passed over: neither evaluated nor refused")
    scores = places.read_stored(stored[0].parents[2])
    if wanted == "refuse":
        return trial(name, "silent", said="was to be refused and was scored")
    if wanted == "tell":
        findings = places.read_findings(run)
        codes = sorted({str(each.get("code")) for each in findings})
        if codes:
            return trial(name, "refused", "other", said=f"findings: {', '.join(codes)}")
        return trial(name, "silent", said="was to be told and was not")
    if scores is None:
        return trial(name, "silent", said="scores that can't be read")
    described = _described(run)
    (answer,) = bench.ask_oracle([(_model(run), described)], folder / places.PIXELS_FILE)
    if not places.agrees(scores, answer):
        said = f"stored scores are not those of the bytes ({answer.get('error', 'others')})"
        return trial(name, "silent", said=said)
    good = places.read_stored(folder / "runs" / "good")
    same = good is not None and (scores == good).all()
    return trial(name, "same" if same else "other")


def _model(run: Path) -> Path:
    named = run / "model.onnx"
    if named.is_file():
        return named
    return next(iter(sorted(run.glob("*.onnx"))), named)


def _described(run: Path) -> object:
    import json

    try:
        return json.loads((run / "run.json").read_text(encoding="utf-8-sig")).get("input")
    except (OSError, ValueError, AttributeError):
        return None
