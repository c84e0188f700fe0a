"""Hostile names of runs, labels, cases and attributes, in every output."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from benchmarks.hostile import places
from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.graphs import LABELS, contract, make_weights, network, save
from benchmarks.hostile.outcome import Mark, Row, Trial, trial
from benchmarks.hostile.readers import CALL, READERS, find_in_stream

NAMES = (
    f"<script>{CALL}</script>",
    f'"><img src=x onerror={CALL}>',
    f"</script><script>{CALL}</script>",
    f"<!--<script>{CALL}",
    f"javascript:{CALL}",
    f"[x](javascript:{CALL})",
    f"![x](http://127.0.0.1:9/{CALL})",
    f"`{CALL}`|a|b|",
    "a|b|c",
    "a\nb",
    "a\r\nb",
    f"a\n::error::{CALL}",
    f"::error::{CALL}",
    f"::set-output name=x::{CALL}",
    f"%0A::warning::{CALL}",
    f"\x1b[31mred\x1b[0m\x1b]8;;http://127.0.0.1:9\x07{CALL}\x1b]8;;\x07",
    "\x9b31mred",
    "a\x00b",
    "a\x08\x08\x08b",
    "\u202egnp.exe",
    "a\u2066b\u2069\u200fc",
    "\ufeffbom",
    "a\u2028b\u2029c",
    "مستشفى 肺炎 🫁👩🏽‍⚕️",
    f"=cmd|'/c {CALL}'!A1",
    f'=HYPERLINK("http://127.0.0.1:9";"{CALL}")',
    f"+{CALL}",
    f"@SUM({CALL})",
    f"-1+{CALL}",
    "x" * 300,
    "é" * 140,
    "..",
    " ",
    f"{{{{ {CALL} }}}}{{% raw %}}",
    f"${{{CALL}}} $(touch {CALL})",
    "\\' OR 1=1; --",
    "byte\udcff",
    f"]]>&{CALL};<x",
    "\ud800lone",
    'a,b;c\t"d"',
)
PLACES = ("run", "folder", "label", "case", "attribute")
"""Where a name stands: in run.json, as the folder, in the data and the model, ..."""
DATA = ("--data", "data/manifest.csv", "--jobs", "1")
COMMANDS: Sequence[Sequence[str]] = (
    ("evaluate", "runs", *DATA),
    ("list", "runs"),
    ("render", "runs", "--format", "html", "--format", "markdown", "--format", "json",
     "--format", "csv", "--show-ids", "--output", "report"),
    ("ci", "runs", "--baseline", "runs/good", *DATA, "--output-dir", "verdict", "--show-ids",
     "--limit", "covid-19:sensitivity>=0.99"),
    ("score", "runs", "--threshold", "0.3"),
)  # fmt: skip


def try_names(bench: Bench, done: Callable[[Row], None]) -> None:
    """A row for each place of a name."""
    names = NAMES[:: max(1, round(1 / bench.share)) if bench.share < 1 else 1]
    with ThreadPoolExecutor(bench.workers) as pool:
        for where in PLACES:

            def run(i: int, where: str = where) -> Trial:
                folder = bench.work / "names" / f"{where}{i}"
                try:
                    return _try(bench, folder, where, names[i])
                finally:
                    shutil.rmtree(folder, ignore_errors=True)

            done(Row(f"names of {where}s", tuple(pool.map(run, range(len(names))))))


def _try(bench: Bench, folder: Path, where: str, name: str) -> Trial:
    places.fresh(folder)
    case = json.dumps(name)[:80]
    try:
        _write(folder, where, name)
    except (OSError, ValueError) as error:
        return trial(case, "refused", said=f"by the system: {error}")
    github = {
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_OUTPUT": str(folder / "output.txt"),
    }  # fmt: skip
    marks: set[Mark] = set()
    said = ""
    refused = False
    for args in COMMANDS:
        ended = bench.run(args, folder, env=github, cache=bench.work / "cache-names")
        found = ended.marks
        faults = [*find_in_stream(ended.out + ended.err)]
        if found or faults:
            said = said or f"{args[0]}: {(faults or [ended.last])[0]}"
        marks |= found
        if faults:
            marks.add("silent")
        refused = refused or ended.code not in (0, 1) or "was not" in ended.err
        if args[0] == "evaluate" and where != "label" and not _finished(folder, where, ended):
            marks.add("stopped")
            said = said or ended.last
    for file, fault in _read_outputs(folder):
        marks.add("silent")
        said = said or f"{file}: {fault}"
    if marks:
        return trial(case, *marks, said=said)
    return trial(case, "refused" if refused else "same")


def _finished(folder: Path, where: str, ended: Ended) -> bool:
    """Whether the good run beside it stands, or data that are refused as a whole said why."""
    refused_data = where in ("case", "attribute") and ended.code == 2
    return refused_data or places.is_stored(folder / "runs" / "good")


def _write(folder: Path, where: str, name: str) -> None:
    labels = [name if where == "label" and i == 1 else label for i, label in enumerate(LABELS)]
    model = save(network(), make_weights(), metadata=contract(labels)).SerializeToString()
    own = name if where == "folder" else "tried"
    if where == "folder" and name.strip(" .") == "":
        raise ValueError("no name of a folder")
    run_name = name if where == "run" else None
    for run, stated in ((folder / "runs" / "good", None), (folder / "runs" / own, run_name)):
        run.mkdir(parents=True)
        (run / "model.onnx").write_bytes(model)
        settings = {"schema": "covidreport.run/1"} | ({"name": stated} if stated else {})
        (run / "run.json").write_text(json.dumps(settings))
    _write_data(folder / "data", labels, where, name)


def _write_data(data: Path, labels: Sequence[str], where: str, name: str) -> None:
    data.mkdir()
    pixels, classes = places.draw_pixels(12)
    attribute = name if where == "attribute" else "sex"
    with (data / "manifest.csv").open("w", newline="", encoding="utf-8",
                                      errors="surrogateescape") as file:  # fmt: skip
        writer = csv.writer(file)
        writer.writerow(["path", *labels, "split", "id", attribute])
        for i, (image, each) in enumerate(zip(pixels, classes, strict=True)):
            Image.fromarray(image).save(data / f"{i:03}.png")
            case = f"{name}{i}" if where == "case" else f"case{i}"
            value = f"{name}{i % 2}" if where == "attribute" else "fm"[i % 2]
            truth = [int(LABELS[k] == each) for k in range(len(labels))]
            writer.writerow([f"{i:03}.png", *truth, "validation", case, value])


def _read_outputs(folder: Path) -> list[tuple[str, str]]:
    """What is wrong in each file that the commands wrote: (file, fault)."""
    faults = []
    for root in ("report", "verdict"):
        for place, _, files in os.walk(folder / root):
            for name in files:
                file = Path(place, name)
                reader = READERS.get(file.suffix)
                fault = reader(file) if reader else ""
                if fault:
                    faults.append((f"{root}/{name[:40]}", fault))
    for name in ("summary.md", "output.txt"):
        if (folder / name).is_file():
            fault = READERS[".md"](folder / name) if name.endswith(".md") else ""
            if fault:
                faults.append((name, fault))
    return faults
