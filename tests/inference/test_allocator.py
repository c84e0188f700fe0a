"""What becomes of memory that is freed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import resource, sys
from covidreport.inference import allocator

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = b"1" * (48 << 20)
    del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if not getattr(allocator, sys.argv[1])():
    sys.exit(77)
count_faults()
print(count_faults())
"""


def count_faults(function: str) -> int:
    """Pages that the system gives for a block of 48 MiB after one of that size was freed."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, function], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("the C library has no limits to set")
    return int(done.stdout)


def test_a_fit_keeps_what_it_freed_and_an_evaluation_gives_it_back():
    """Kept, the next block of its size takes no new page; given back, it takes all of them."""
    assert count_faults("keep_memory") <= 4
    assert count_faults("give_memory_back") >= 20  # 24 where pages are of 2 MiB
