"""18 VGG16 runs in one evaluation: they take turns in groups that fit, and images are decoded once.

python -m benchmarks.many_vgg16
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from msgspec.structs import replace

from benchmarks.common import Row, link_runs, mixed_images, print_rows, write_model
from covidreport.dataset import fingerprint, hash_files
from covidreport.evaluate import decode
from covidreport.evaluate.memory import group_by_memory
from covidreport.evaluate.record import evaluate_runs
from covidreport.evaluate.request import BATCH, EvaluationRequest
from covidreport.evaluate.thresholds import Thresholds
from covidreport.images import read_bytes
from covidreport.inference.memory import available_bytes
from covidreport.inference.providers import CPU
from covidreport.storage.runs import discover_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=18)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    opened: list[Path] = []

    def counted(path: Path) -> bytes:
        opened.append(path)
        return read_bytes(path)

    setattr(decode, "read_bytes", counted)  # noqa: B010 - to count, not to change
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COVIDREPORT_CACHE"] = f"{scratch}/cache"
        model = write_model(Path(scratch) / "model", "vgg16", 224)
        runs = discover_runs([link_runs(model, Path(scratch) / "runs", options.runs)])
        dataset = replace(mixed_images(options.images), splits=None)
        digests = hash_files(dataset)
        request = EvaluationRequest(
            dataset, "all", digests, fingerprint(dataset, digests), Thresholds(), "cpu", CPU, BATCH
        )
        groups = len(group_by_memory(runs))
        memory = available_bytes()
        began = time.perf_counter()
        outcomes = evaluate_runs(request, runs)
        seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    done = sum(outcome.evaluation is not None for outcome in outcomes)
    name = f"{options.runs} x VGG16 on {len(dataset)} images"
    print_rows(
        [
            Row(
                f"{name}: runs that finished", f"at least {options.runs}", float(done),
                f"{groups} groups in {memory / 2**30:.0f} GiB, {seconds:.0f} s, "
                f"peak {peak / 2**20:.1f} GiB",
            ),
            Row(
                f"{name}: times that each file was opened", "at most 1",
                len(opened) / len(dataset),
            ),
        ],
        as_json=options.json,
    )  # fmt: skip


if __name__ == "__main__":
    main()
