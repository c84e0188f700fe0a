"""The command under trial: in forked children for thousands of calls, or as a whole process."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hostile.outcome import Mark

SERVER = Path(__file__).with_name("server.py")
ORACLE = Path(__file__).with_name("oracle.py")
STARTS = """
import os, sys
sys.argv[0] = 'covidreport'
from covidreport.cli import main
mark = os.environ.pop('HOSTILE_MARK', None)
if mark:
    open(mark, 'w').close()
main()
"""
WARM: Sequence[Sequence[str]] = (
    ("evaluate", "runs", "--data", "data/manifest.csv"),
    ("render", "runs", "--format", "html", "--format", "markdown", "--output", "report"),
    ("ci", "runs", "--baseline", "runs/good", "--data", "data/manifest.csv"),
)
LIMITED = {"AS": 6 * 2**30}
"""What a child that runs a model may address: one that asks for 16 GiB is refused by the system,
and nothing swaps. Not for commands that draw charts, whose engine reserves more than that."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. code: negative where a signal ended it; hung: we ended it."""

    code: int
    out: str
    err: str
    hung: bool = False
    seconds: float = 0.0

    @property
    def marks(self) -> set[Mark]:
        """What must not happen to a process, whatever it was given."""
        marks: set[Mark] = set()
        if self.hung:
            marks.add("hung")
        elif self.code < 0:
            marks.add("ended")
        if "Traceback (most recent call last)" in self.err + self.out:
            marks.add("traceback")
        return marks

    @property
    def last(self) -> str:
        """The last line that it said, for a report."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"

    def document(self) -> dict[str, Any]:
        """What it printed as JSON; empty where that is none."""
        try:
            value = json.loads(self.out)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Bench:
    """What every kind of trial needs: the code under trial, room to work in, and its servers."""

    code: Path
    work: Path
    share: float
    workers: int
    servers: queue.Queue[Server]
    limited: bool
    """Whether the code knows limits of time and memory."""

    def scale(self, n: int) -> int:
        """How many of `n` trials are to be made."""
        return max(1, round(n * self.share))

    def environment(self, cache: Path | None = None, **more: str) -> dict[str, str]:
        """The environment of a child: its own home and cache, one thread, nothing of ours."""
        home = self.work / "home"
        home.mkdir(exist_ok=True)
        return {
            "PYTHONPATH": str(self.code),
            "HOME": str(home),
            "COVIDREPORT_CACHE": str(cache or self.work / "cache"),
            "OMP_NUM_THREADS": "1",
            "ORT_DISABLE_TELEMETRY": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
            **more,
        }

    def run(
        self, args: Sequence[str], cwd: Path, *, timeout: float = 60.0, cache: Path | None = None,
        env: Mapping[str, str] | None = None, limits: Mapping[str, int] | None = None,
    ) -> Ended:  # fmt: skip
        """Run `covidreport ARGS` in a forked child and wait for it, `timeout` seconds at most."""
        request = {
            "args": list(args), "cwd": str(cwd), "timeout": timeout,
            "env": {**self.environment(cache), **(env or {})},
            "limits": {**(LIMITED if args[0] == "evaluate" else {}), **(limits or {})},
        }  # fmt: skip
        server = self.servers.get()
        try:
            return server.ask(request)
        finally:
            self.servers.put(server)

    def ask_oracle(self, questions: Sequence[tuple[Path, Any]], pixels: Path) -> list[Any]:
        """What ONNX Runtime gives for each (model, described); an error where it gives nothing."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            asked, answered = Path(folder, "questions"), Path(folder, "answers")
            asked.write_text(json.dumps([[str(model), words] for model, words in questions]))
            request = {
                "oracle": str(ORACLE), "args": [str(asked), str(pixels), str(answered)],
                "cwd": folder, "timeout": 10.0 + 0.2 * len(questions), "env": self.environment(),
                "limits": LIMITED,
            }  # fmt: skip
            server = self.servers.get()
            try:
                ended = server.ask(request)
            finally:
                self.servers.put(server)
            if answered.exists():
                given: list[Any] = json.loads(answered.read_text())
                return given
        if len(questions) == 1:
            return [{"error": f"the oracle ended: {ended.last}"}]
        half = len(questions) // 2
        return self.ask_oracle(questions[:half], pixels) + self.ask_oracle(questions[half:], pixels)

    def start(
        self, args: Sequence[str], cwd: Path, *, cache: Path | None = None,
        env: Mapping[str, str] | None = None, wrap: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Start `covidreport ARGS` as a whole process, in a group of its own."""
        return subprocess.Popen(
            [*wrap, sys.executable, "-P", "-c", STARTS, *args],
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", ""), **self.environment(cache), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def wait_for(process: subprocess.Popen[bytes], timeout: float) -> Ended:
    """Wait for a process of `Bench.start`; its whole group is ended where it takes longer."""
    began = time.monotonic()
    hung = False
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        hung = True
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return Ended(
        process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), hung,
        time.monotonic() - began,
    )  # fmt: skip


def has_limits(code: Path) -> bool:
    """Whether a checkout knows the settings that limit a model's time and memory."""
    return any(
        "batch_timeout_s" in file.read_text(encoding="utf-8")
        for name in ("config.py", "settings.py")
        for file in (code / "covidreport").rglob(name)
    )


class Server:
    """One process that forks a child for each request; used by one thread at a time."""

    def __init__(self, code: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self._out, self._err = folder / "out", folder / "err"
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(SERVER)],
            env={"PATH": os.environ.get("PATH", ""), **environment, "PYTHONPATH": str(code)},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: Mapping[str, Any]) -> Ended:
        """Run what is asked for and give how it ended."""
        given = self.send({**request, "out": str(self._out), "err": str(self._err)})
        out, err = (file.read_text(errors="replace") for file in (self._out, self._err))
        return Ended(given["code"], out, err, given["hung"], given["seconds"])

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one line and read the answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a server without pipes")
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def open_bench(
    code: Path, work: Path, share: float, workers: int,
    warm: Sequence[Sequence[str]] = WARM,
) -> Iterator[Bench]:  # fmt: skip
    """A bench whose servers have loaded what the commands of this checkout load.

    warm: commands that are called once, to learn what that is.
    """
    servers: queue.Queue[Server] = queue.Queue()
    plain = Bench(code, work, share, workers, servers, limited=False)
    started: list[Server] = []
    try:
        for i in range(workers):
            folder = work / f"server{i}"
            folder.mkdir()
            server = Server(code, folder, plain.environment())
            started.append(server)
            servers.put(server)
        limited = _warm(plain, started, warm)
        yield Bench(code, work, share, workers, servers, limited)
    finally:
        for server in started:
            server.close()


def _warm(bench: Bench, servers: Sequence[Server], commands: Sequence[Sequence[str]]) -> bool:
    """Let every server load the modules of some commands; whether the code knows limits."""
    from benchmarks.hostile.places import write_good_place

    place = write_good_place(bench.work / "warm")
    names: set[str] = set()
    modules = bench.work / "modules"
    for args in commands:
        request = {
            "args": list(args), "cwd": str(place), "timeout": 120.0, "modules": str(modules),
            "env": bench.environment(),
        }  # fmt: skip
        servers[0].ask(request)
        if modules.exists():
            names.update(modules.read_text().splitlines())
    wanted = sorted(name for name in names if name != "__main__")
    for server in servers:
        server.send({"import": wanted})
    return has_limits(bench.code)
