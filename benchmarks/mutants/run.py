"""Tries a mutant: its tests run in a copy of the tree, in a process with a time limit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.mutants.mutate import Mutant

START_S = 60.0
"""Of pytest itself, beside the tests."""
FIRST = 40
"""So many tests run by themselves before the others are collected."""
SLOWER = 5.0
"""A test may take so many times the seconds that it took without a change."""

Outcome = Literal["killed", "timed out", "survived", "not reached"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant. tests: that ran, at most; reaching: all that reach its line."""

    outcome: Outcome
    tests: int
    reaching: int
    killed_by: str = ""

    @property
    def noticed(self) -> bool:
        """Whether a test failed or never ended."""
        return self.outcome in ("killed", "timed out")


@contextmanager
def copied_tree(root: Path) -> Iterator[Path]:
    """A copy of what git knows of a tree, without its history, compiled; deleted at the end."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():
                place = Path(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, place, follow_symlinks=False)
        _compile(Path(folder))
        yield Path(folder)


def _compile(tree: Path) -> None:
    """Have Python and pytest keep what they compile: a change is tried in half of the time."""
    collect = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only"]
    subprocess.run(
        collect, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def try_mutant(
    tree: Path, mutant: Mutant, tests: Sequence[str], seconds: float, reaching: int
) -> Result:
    """Change the copy, run the tests until one fails, and change it back.

    seconds: what the tests take without the change.
    """
    if not tests:
        return Result("not reached", 0, reaching)
    file = tree / mutant.file
    whole = file.read_bytes()
    file.write_bytes(mutant.apply(whole))
    try:
        for part in (tests[:FIRST], tests[FIRST:]):  # most changes are noticed by the nearest
            code, said = _run_tests(tree, part, START_S + SLOWER * seconds) if part else (0, "")
            if code != 0:
                break
    finally:
        file.write_bytes(whole)
    if code is None:
        return Result("timed out", len(tests), reaching)
    if code == 0:
        return Result("survived", len(tests), reaching)
    failed = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    by = failed[0].split(" - ")[0] if failed else f"pytest ended with {code}"
    return Result("killed", len(tests), reaching, by)


def _run_tests(tree: Path, tests: Sequence[str], limit_s: float) -> tuple[int | None, str]:
    """The exit code, None where the time is over, and what was printed."""
    names = tree / ".mutant-tests"
    names.write_text("\n".join(tests))
    # -B: what is compiled of a change may be as old as the file that takes its place, to the second
    command = [
        sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "--tb=no",
        "-p", "no:cacheprovider", f"@{names}",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=tree, env=environment, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            _end_group(process.pid)
    return process.returncode, said


def _end_group(group: int) -> None:
    """Whatever the tests have started, too."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
