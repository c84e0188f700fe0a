"""Run folders that claim what their model does not give, judged by `ci`: none may pass unsaid."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile import places
from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.graphs import DATA_FILE, make_demo, make_external
from benchmarks.hostile.outcome import Row, Trial, trial

FORGED = Path("runs/forged")
BASE = "base/good"
RENDERED = 0.2
"""From which share on it pays to draw the charts of a report once for all."""
TOLD = ("itself", "its own", "same bytes", "as stored", "not computed here", "base branch",
        "not tuned", "did not write", "was not written", "planted", "no record")  # fmt: skip
"""A verdict that says one of these has said what it rests on."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Three runs, evaluated elsewhere with another cache: what a forger has at hand."""

    place: Path
    cache: Path

    def lend_drawings(self, cache: Path) -> None:
        """Fill a new cache with what charts cost to draw, and with nothing about runs."""
        for kind in ("drawings", "scripts"):
            if (self.cache / kind).is_dir():
                shutil.copytree(self.cache / kind, cache / kind)

    def take(self, run: str, to: Path) -> Path:
        """Copy a whole evaluated run, time stamps too."""
        shutil.copytree(self.place / "runs" / run, to, copy_function=shutil.copy2, symlinks=True)
        return to

    def evidence(self, run: str) -> Path:
        """The folder of its evaluation."""
        return self.place / "runs" / run / "evaluations" / places.KEY


Forger = Callable[[Path, Origin], Sequence[str]]
"""Writes `runs/forged` into a place; gives options of `ci` besides, or other arguments."""


def _edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def _kept(run: Path) -> Path:
    return run / "evaluations" / places.KEY


def _copied_scores(place: Path, origin: Origin) -> Sequence[str]:
    make_demo(bad=True).write(place / FORGED)
    shutil.copytree(origin.place / "runs/good/evaluations", place / FORGED / "evaluations")
    return ()


def _whole_forgery(place: Path, origin: Origin) -> Sequence[str]:
    """Everything of the good run under the provenance of the bad one."""
    run = origin.take("bad", place / FORGED)
    own = json.loads((_kept(run) / "evaluation.json").read_text())
    for name in ("evaluation.json", "scores.parquet"):
        shutil.copy2(origin.evidence("good") / name, _kept(run) / name)
    _edit(
        _kept(run) / "evaluation.json",
        lambda document: document.update(
            provenance=own["provenance"], timing=own["timing"], run=own["run"]
        ),
    )
    return ()


def _edited_counts(place: Path, origin: Origin) -> Sequence[str]:
    run = origin.take("bad", place / FORGED)

    def change(document: dict[str, Any]) -> None:
        counts = document["counts"]["covid-19"]
        counts["tp"], counts["fn"] = counts["tp"] + counts["fn"], 0

    _edit(_kept(run) / "evaluation.json", change)
    return ()


def _negative_counts(place: Path, origin: Origin) -> Sequence[str]:
    run = origin.take("bad", place / FORGED)
    _edit(
        _kept(run) / "evaluation.json",
        lambda document: document["counts"]["covid-19"].update(fn=-4, tp=8),
    )
    return ()


def _edited_scores(place: Path, origin: Origin) -> Sequence[str]:
    run = origin.take("bad", place / FORGED)
    shutil.copy2(origin.evidence("good") / "scores.parquet", _kept(run) / "scores.parquet")
    return ()


def _no_model(place: Path, origin: Origin) -> Sequence[str]:
    (origin.take("good", place / FORGED) / "model.onnx").unlink()
    return ()


def _no_provenance(place: Path, origin: Origin) -> Sequence[str]:
    """As if it had been imported from another framework."""
    _no_model(place, origin)

    def change(document: dict[str, Any]) -> None:
        document["provenance"].pop("model")
        document["provenance"].pop("key")

    _edit(_kept(place / FORGED) / "evaluation.json", change)
    return ()


def _marked_imported(place: Path, origin: Origin) -> Sequence[str]:
    _no_provenance(place, origin)
    imported = {"schema": "covidreport.run/1", "imported": {"file": "keras.csv"}}
    (place / FORGED / "run.json").write_text(json.dumps(imported))
    (place / FORGED / "imported.json").write_text(json.dumps(imported))
    return ()


def _model_of_another(where: str) -> Forger:
    def forge(place: Path, _: Origin) -> Sequence[str]:
        run = make_demo(bad=True).write(place / FORGED)
        model = where.format(place=place)
        settings = {"schema": "covidreport.run/1", "model": model}
        (run / "run.json").write_text(json.dumps(settings))
        return ()

    return forge


def _own_baseline(place: Path, origin: Origin) -> Sequence[str]:
    run = origin.take("good", place / FORGED)
    make_demo(bad=True).write(run)
    return ["--baseline", str(FORGED)]


def _own_folder_of_baselines(place: Path, origin: Origin) -> Sequence[str]:
    _own_baseline(place, origin)
    return ["--baseline", "runs"]


def _copy_as_baseline(place: Path, origin: Origin) -> Sequence[str]:
    """Baseline and run are the same bad model, whose folder says that it was always so."""
    origin.take("bad", place / FORGED)
    origin.take("bad", place / "base/same")
    return ["--baseline", "base/same"]


def _baseline_edited(place: Path, origin: Origin) -> Sequence[str]:
    """The baseline's stored counts are made as bad as the run."""
    origin.take("bad", place / FORGED)
    shutil.copy2(
        origin.evidence("bad") / "scores.parquet", place / BASE / "evaluations" / places.KEY
    )

    def change(document: dict[str, Any]) -> None:
        counts = document["counts"]["covid-19"]
        counts["fn"], counts["tp"] = counts["tp"] + counts["fn"], 0

    _edit(place / BASE / "evaluations" / places.KEY / "evaluation.json", change)
    return ()


def _planted_failure(place: Path, origin: Origin) -> Sequence[str]:
    """A failure is said to have happened to the baseline."""
    origin.take("bad", place / FORGED)
    failure = {
        "schema": "covidreport.failure/1", "subject": "good", "stage": "load", "reason": "gone",
    }  # fmt: skip
    (place / BASE / "evaluations" / places.KEY / "failure.json").write_text(json.dumps(failure))
    return ()


def _planted_thresholds(place: Path, origin: Origin) -> Sequence[str]:
    """The model misses two of four at 0.5; thresholds that nobody tuned make it find them."""
    run = origin.take("weak", place / FORGED)
    document = json.loads((origin.place / "runs/weak/thresholds.json").read_text())
    document["fits"]["covid-19"]["threshold"] = 0.002
    (run / "thresholds.json").write_text(json.dumps(document))
    return ["--thresholds", "tuned"]


def _planted_checkpoint(place: Path, origin: Origin) -> Sequence[str]:
    """Scores of an evaluation that is said to have been interrupted behind its last image."""
    run = make_demo(bad=True).write(place / FORGED)
    own = json.loads((origin.evidence("bad") / "evaluation.json").read_text())
    good = places.read_stored(origin.place / "runs/good")
    if good is None:
        raise SystemExit("the good run has no scores")
    folder = _kept(run) / ".partial"
    folder.mkdir(parents=True)
    good.astype(np.float32).tofile(folder / "scores.f32")
    np.ones(1, np.uint8).tofile(folder / "done.u8")
    boot = Path("/proc/sys/kernel/random/boot_id")
    facts = {
        "key": own["provenance"]["key"], "shape": list(good.shape), "batch": 32,
        "boot": boot.read_text().strip() if boot.is_file() else "unknown",
    }  # fmt: skip
    (folder / "partial.json").write_text(json.dumps(facts))
    return ()


def _other_weights(place: Path, origin: Origin) -> Sequence[str]:
    """The second file of a model was replaced after it was evaluated, as `tar` or `cp -p` do."""
    run = origin.take("two-files", place / FORGED)
    file = run / DATA_FILE
    facts = file.stat()
    file.write_bytes(make_external(bad=True).files[DATA_FILE])
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return ()


def _other_model(place: Path, origin: Origin) -> Sequence[str]:
    """The same with a model of one file, whose size and time stamp stay."""
    run = origin.take("good", place / FORGED)
    file = run / "model.onnx"
    facts = file.stat()
    file.write_bytes(make_demo(bad=True).files["model.onnx"])
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return ()


def _linked_evidence(place: Path, _: Origin) -> Sequence[str]:
    run = make_demo(bad=True).write(place / FORGED)
    (run / "evaluations").symlink_to(place / BASE / "evaluations")
    return ()


def _later_variant(place: Path, origin: Origin) -> Sequence[str]:
    """A second evaluation, of a later date and with another name."""
    run = origin.take("bad", place / FORGED)
    other = run / "evaluations" / f"{places.KEY}-cuda"
    shutil.copytree(origin.evidence("good"), other)

    def change(document: dict[str, Any]) -> None:
        document["variant"] = None
        for key, value in document["timing"].items():
            if isinstance(value, str) and value.startswith("20"):
                document["timing"][key] = f"2099{value[4:]}"

    _edit(other / "evaluation.json", change)
    return ()


def _other_images(place: Path, origin: Origin) -> Sequence[str]:
    """The fingerprint of today's images on an evaluation that is of none."""
    run = origin.take("bad", place / FORGED)
    fingerprint = json.loads((origin.evidence("good") / "evaluation.json").read_text())
    shutil.copy2(origin.evidence("good") / "evaluation.json", _kept(run) / "evaluation.json")
    _edit(
        _kept(run) / "evaluation.json",
        lambda document: document.update(fingerprint=fingerprint["fingerprint"], n_images=12),
    )
    (_kept(run) / "scores.parquet").unlink()
    return ()


def _counts_alone(place: Path, origin: Origin) -> Sequence[str]:
    """Figures as of a paper, beside a model."""
    run = make_demo(bad=True).write(place / FORGED)
    shutil.copytree(origin.evidence("good"), _kept(run))
    (_kept(run) / "scores.parquet").unlink()
    _edit(_kept(run) / "evaluation.json", lambda document: document.update(has_scores=False))
    return ()


def _name_of_baseline(place: Path, origin: Origin) -> Sequence[str]:
    run = make_demo(bad=True).write(place / FORGED, name="good")
    shutil.copytree(origin.place / "runs/good/evaluations", run / "evaluations")
    return ()


FORGERIES: dict[str, Forger] = {
    "scores of another run beside a bad model": _copied_scores,
    "all of another run under the model's own provenance": _whole_forgery,
    "counts edited": _edited_counts,
    "counts below zero": _negative_counts,
    "scores edited": _edited_scores,
    "no model": _no_model,
    "no model and no provenance": _no_provenance,
    "no model, marked as imported": _marked_imported,
    "the model of another run": _model_of_another("../../base/good/model.onnx"),
    "the model of another run, absolute": _model_of_another("{place}/base/good/model.onnx"),
    "its own baseline": _own_baseline,
    "its own folder of baselines": _own_folder_of_baselines,
    "its own copy as baseline": _copy_as_baseline,
    "the baseline's counts and scores edited": _baseline_edited,
    "a failure planted at the baseline": _planted_failure,
    "thresholds planted": _planted_thresholds,
    "partial scores planted": _planted_checkpoint,
    "weights replaced in the second file": _other_weights,
    "the model replaced, size and time kept": _other_model,
    "a link to the evidence of another run": _linked_evidence,
    "a later evaluation planted": _later_variant,
    "an evaluation of no images": _other_images,
    "counts without scores": _counts_alone,
    "the name of the baseline": _name_of_baseline,
}


def try_forged(bench: Bench, done: Callable[[Row], None]) -> None:
    """One row."""
    origin = _prepare(bench)
    chosen = list(FORGERIES.items())
    step = max(1, round(1 / bench.share)) if bench.share < 1 else 1
    with ThreadPoolExecutor(bench.workers) as pool:
        found = tuple(pool.map(lambda case: _try(bench, origin, *case), chosen[::step]))
    done(Row("run folders, forged", found))


def _prepare(bench: Bench) -> Origin:
    place = places.fresh(bench.work / "origin")
    places.write_data(place / "data", splits=("validation", "tuning"))
    make_demo().write(place / "runs/good")
    make_demo(bad=True).write(place / "runs/bad")
    make_demo(weak=True).write(place / "runs/weak")
    make_external().write(place / "runs/two-files")
    elsewhere = bench.work / "elsewhere"
    for split in ("tuning", "validation"):
        places.evaluate(bench, place, "--split", split, cache=elsewhere)
    tune = ["tune", "runs/weak", "--target-sensitivity", "0.9"]
    bench.run(tune, place, cache=elsewhere)
    if bench.share > RENDERED:
        bench.run(["render", "runs", "--output", "report.html"], place, cache=elsewhere)
    return Origin(place, elsewhere)


def _try(bench: Bench, origin: Origin, name: str, forge: Forger) -> Trial:
    place = places.fresh(bench.work / "forged" / "".join(c for c in name if c.isalpha()))
    cache = place / "cache"
    origin.lend_drawings(cache)
    shutil.copytree(origin.place / "data", place / "data", copy_function=shutil.copy2)
    origin.take("good", place / BASE)
    try:
        more = list(forge(place, origin))
        baseline = [] if "--baseline" in more else ["--baseline", BASE]
        args = ["ci", str(FORGED), *baseline, "--data", "data/manifest.csv", "--split",
                "validation", "--output-dir", "verdict", "--jobs", "1", *more]  # fmt: skip
        ended = bench.run(args, place, cache=cache)
        return _judge(place, name, ended)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _judge(place: Path, name: str, ended: Ended) -> Trial:
    marks = ended.marks
    if marks:
        return trial(name, *marks, said=ended.last)
    if ended.code == 1:
        return trial(name, "same", said="judged by what its model answers")
    if ended.code != 0:
        return trial(name, "refused", said=ended.last)
    comment = place / "verdict" / "comment.md"
    said = ended.out + ended.err + (comment.read_text() if comment.is_file() else "")
    told = [words for words in TOLD if words in said]
    if told:
        return trial(name, "refused", said=f"passed, and said: {told[0]}")
    return trial(name, "silent", said=f"PASS: {' '.join(ended.out.split())[:200]}")
