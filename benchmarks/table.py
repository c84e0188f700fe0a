"""All goals of the evaluation engine and what was measured, side by side: `make bench`.

Every part is a script of its own and can be run alone; here each runs in a fresh process, one
after the other. The machine should have nothing else to do.

    python -m benchmarks.table --quick
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import onnxruntime as ort

from benchmarks.common import Row, print_rows

PARTS: tuple[tuple[str, ...], ...] = (
    ("benchmarks.evaluate_throughput", "--model", "resnet18"),
    ("benchmarks.evaluate_throughput", "--model", "nearly-free", "--images", "304"),
    ("benchmarks.interleaved",),
    ("benchmarks.device_loop",),
    ("benchmarks.decoding",),
    ("benchmarks.many_vgg16",),
    ("benchmarks.large",),
)
QUICK: tuple[tuple[str, ...], ...] = (
    ("benchmarks.evaluate_throughput", "--model", "resnet18", "--images", "40", "--repeat", "1"),
    ("benchmarks.evaluate_throughput", "--model", "nearly-free", "--images", "60", "--repeat", "1"),
    ("benchmarks.interleaved", "--images", "32", "--repeat", "1"),
    ("benchmarks.device_loop", "--repeat", "1"),
    ("benchmarks.decoding", "--images", "60", "--repeat", "1"),
    ("benchmarks.many_vgg16", "--runs", "2", "--images", "4"),
    ("benchmarks.large", "--images", "5000", "--repeat", "2"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="minutes instead of an hour; rough")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = []
    for part in QUICK if options.quick else PARTS:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", *part, "--json"], stdout=subprocess.PIPE, text=True, check=False,
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{' '.join(part)} ended with {done.returncode}")
        rows += [Row(**row) for row in json.loads(done.stdout)]
        print(f"{' '.join(part)}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if not options.json:
        cores = len(os.sched_getaffinity(0))
        print(f"{cores} cores, {platform.machine()}, ONNX Runtime {ort.__version__}\n")
    print_rows(rows, as_json=options.json)


if __name__ == "__main__":
    main()
