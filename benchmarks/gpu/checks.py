"""Fifteen checks of a card, each in a process of its own with a time limit, into one file.

A line of JSON each, written when it ends: its name, what it asks, how it ended (`holds`, `wrong`,
`broken`, `too long`), seconds, figures, what did not hold, the end of what it printed. What a check
that is ended had found by then stands there too. The first line says what the machine is.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

from benchmarks.gpu import fast, right
from benchmarks.gpu.setting import Bench, Setting
from benchmarks.gpu.told import Told, read_told
from covidreport.inference.half import half_model
from covidreport.inference.providers import describe_device, load_libraries
from covidreport.storage.model import identify_model
from train.synthetic.dataset import Drawing, draw_dataset

MOST_SAID = 3000
"""Characters of what a check prints."""
PATIENCE = 10
"""So many times longer a check may take on the CPU, whose time is not lent."""


def prepare(bench: Bench, told: Told) -> None:
    """Write the models and draw the images that all checks share; say what the machine is."""
    setting = bench.setting
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    told.note("machine", machine)
    told.note("onnxruntime", ort.__version__)
    with told.timing("drawing: seconds"):
        drawing = Drawing(images=setting.images, size=setting.drawn)
        draw_dataset(bench.folder / "drawn", drawing, jobs=None if setting.on_card else 1)
    for kind in setting.models:
        with told.timing(f"{kind}: seconds to write"):
            bench.write_model(kind)
    for execution in setting.executions():
        told.note("device", describe_device(execution.provider, execution.device_id))
        told.note("libraries", load_libraries(execution.provider))
        for model in bench.models if execution.converts else ():
            half_model(model, identify_model(model).sha256)  # once, for all checks


@dataclass(frozen=True, slots=True)
class Check:
    """What is run, and the seconds that it may take. Its name and question are the function's."""

    run: Callable[[Bench, Told], None]
    limit_s: float

    @property
    def name(self) -> str:
        """By which `--only` picks it."""
        return self.run.__name__


PREPARE = Check(prepare, 75)
CHECKS = (
    Check(right.convolution, 25),
    Check(right.half_and_tf32, 20),
    Check(right.placement, 20),
    Check(right.parity, 20),
    Check(right.slots, 20),
    Check(right.memory, 20),
    Check(right.many_runs, 40),
    Check(right.nearly_full, 20),
    Check(right.two_groups, 25),
    Check(fast.overlap, 15),
    Check(fast.graphs, 25),
    Check(fast.layouts, 60),
    Check(fast.against_bare, 35),
    Check(fast.whole, 30),
    Check(fast.training, 30),
)
"""In the order of what a card must do first; with `prepare` eight minutes at most."""


def run_checks(setting: Setting, file: Path, only: Sequence[str] = ()) -> int:
    """Run `prepare` and all checks, or those of some names; 0 where all hold, else 1."""
    unknown = set(only) - {check.name for check in CHECKS}
    if unknown:
        raise SystemExit(f"no check is called {', '.join(sorted(unknown))}")
    states = []
    with tempfile.TemporaryDirectory() as name, file.open("w", encoding="utf-8") as out:
        bench = Bench(setting, Path(name))
        for check in (PREPARE, *CHECKS):
            if only and check.name not in (PREPARE.name, *only):
                continue
            line = run_check(check, bench)
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(f"{check.name}: {line['state']}, {line['seconds']} s", flush=True)
            states.append(line["state"])
            if states == ["broken"]:
                break  # there is nothing to check with
    return int(set(states) != {"holds"})


def run_check(check: Check, bench: Bench) -> dict[str, Any]:
    """One check in a process of its own, ended with its children where it takes too long."""
    told, log = (bench.folder / f"{check.name}.{kind}" for kind in ("jsonl", "log"))
    told.touch()
    log.touch()
    limit_s = check.limit_s * (1 if bench.setting.on_card else PATIENCE)
    began = time.perf_counter()
    # forked, since imports are most of a small check; nothing here has touched a card or torch
    child = multiprocessing.get_context("fork").Process(
        target=_in_child, args=(check, bench, told, log)
    )
    child.start()
    child.join(limit_s)
    late = child.is_alive()
    if late:
        assert child.pid is not None
        os.killpg(child.pid, signal.SIGKILL)
        child.join()
    figures, wrong = read_told(told)
    state = "too long" if late else "broken" if child.exitcode else "wrong" if wrong else "holds"
    return {
        "check": check.name,
        "asks": check.run.__doc__,
        "state": state,
        "ended_with": child.exitcode,
        "seconds": round(time.perf_counter() - began, 2),
        "limit_s": limit_s,
        "wrong": wrong,
        "figures": figures,
        "said": log.read_text(encoding="utf-8", errors="replace")[-MOST_SAID:],
    }


def _in_child(check: Check, bench: Bench, told: Path, log: Path) -> None:
    """Leave the parent's group and streams: all can be ended, and what is said is kept."""
    os.setsid()
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ["COVIDREPORT_CACHE"] = str(bench.folder / "cache")
    check.run(bench, Told(told))
