"""Which tests reach which line, and how long each takes: measured once and kept in a file.

Loaded by pytest as a plugin, it switches coverage.py's context to each test in turn: every thread
of the test counts for it. A process that a test starts is not seen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

FOLDER = "COVIDREPORT_REACH"
"""The variable that names the folder into which each process of pytest puts what it saw."""
_HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Reach:
    """tests: by name the seconds that it took, of those that passed. lines: by file and line the
    tests that reach it."""

    tests: Mapping[str, float]
    lines: Mapping[str, Mapping[int, frozenset[str]]]

    def choose(self, file: str, line: int, budget_s: float) -> tuple[list[str], int]:
        """The tests of a line, those of its own room first, quick ones before slow ones, as many
        as the budget holds and at least one; and how many there are in all.

        A line that runs when the file is imported is reached by all tests that reach the file.
        """
        lines = self.lines.get(file, {})
        found = lines.get(line) or frozenset().union(*lines.values())
        room = "tests/" + file.removeprefix("covidreport/").split("/")[0]
        order = sorted(found, key=lambda name: (not name.startswith(room), self.tests[name], name))
        chosen: list[str] = []
        for name in order:
            budget_s -= self.tests[name]
            if chosen and budget_s < 0:
                break
            chosen.append(name)
        return chosen, len(order)


def measure_reach(root: Path, tests: Sequence[str], folder: Path, jobs: int) -> Reach:
    """Run the tests in a tree under coverage.py; `folder` is for what its processes write."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
        "benchmarks.mutants.reach", "-n", str(jobs), "--dist", "loadfile", *tests,
    ]  # fmt: skip
    paths = {"PYTHONPATH": os.pathsep.join([str(root), str(_HERE)]), FOLDER: str(folder)}
    subprocess.run(command, cwd=root, env=os.environ | paths, check=False)
    return read_reach(root, folder)


def read_reach(root: Path, folder: Path) -> Reach:
    """What the processes of a run have written."""
    seconds: dict[str, float] = {}
    for file in folder.glob("*.json"):
        seconds |= json.loads(file.read_text())
    lines: defaultdict[str, defaultdict[int, set[str]]]
    lines = defaultdict(lambda: defaultdict(set))
    for file in folder.glob("*.coverage"):
        data = coverage.CoverageData(str(file))
        data.read()
        for measured in data.measured_files():
            name = Path(measured).relative_to(root.resolve()).as_posix()
            for line, contexts in data.contexts_by_lineno(measured).items():
                lines[name][line] |= {each for each in contexts if each in seconds}
    plain = {
        name: {line: frozenset(tests) for line, tests in found.items() if tests}
        for name, found in lines.items()
    }
    return Reach(seconds, plain)


def save_reach(reach: Reach, file: Path) -> None:
    """As JSON; tests by their number."""
    numbers = {name: i for i, name in enumerate(reach.tests)}
    lines = {
        name: {line: sorted(numbers[test] for test in tests) for line, tests in found.items()}
        for name, found in reach.lines.items()
    }
    file.write_text(json.dumps({"tests": reach.tests, "lines": lines}))


def load_reach(file: Path) -> Reach:
    """What `save_reach` wrote."""
    value = json.loads(file.read_text())
    names = list(value["tests"])
    lines = {
        name: {int(line): frozenset(names[i] for i in tests) for line, tests in found.items()}
        for name, found in value["lines"].items()
    }
    return Reach(value["tests"], lines)


class _Recorder:
    """The plugin of one process of pytest."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._place = folder / f"{os.getpid()}"
        self._seconds: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=f"{self._place}.coverage", source=[str(root / "covidreport")]
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._seconds[report.nodeid] = round(report.duration, 3)

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        self._coverage.save()
        Path(f"{self._place}.json").write_text(json.dumps(self._seconds))


def pytest_configure(config: pytest.Config) -> None:
    """In each worker, or in the only process where there are none."""
    folder = os.environ.get(FOLDER)
    alone = not config.getoption("numprocesses", default=None)
    if folder and (alone or hasattr(config, "workerinput")):
        config.pluginmanager.register(_Recorder(Path(folder), config.rootpath))
