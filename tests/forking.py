"""Python that has imported already: a real process for a tenth of what its start would take.

Two fifths of what the commands of the tests take is the import of the same libraries. `serve` is a
process that has them, and forks for each command; `python` and `covidreport` in the folders that
`Forks` names ask it to. A command has the streams, folder, environment and signals that it was
given, and ends as any other. What starts Python in another way than the server was (options,
variables that Python or the libraries read as they start) gets a Python of its own; so does a test
that asks about starts and imports, by `sys.executable`. What a command itself starts by that name,
or with multiprocessing, is forked as well.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = "COVIDREPORT_FORKS"
KINDS = {
    "covidreport": ("imagecodecs", "onnxruntime", "pandas", "pyarrow.compute", "pyarrow.parquet",
                    "pydantic.type_adapter", "scipy.special", "typer._adapters", "vl_convert"),
    "train": ("onnxscript", "torch.onnx", "torchvision"),
}  # fmt: skip
"""What each kind of server has imported, beside all of the program after which it is called."""
FIXED = (
    "PYTHON", "LC_", "LANG", "OMP_", "CUDA_", "COVERAGE", "TERMINAL_", "NO_COLOR", "FORCE_COLOR",
)  # fmt: skip
"""Beginnings of variables that are read as Python or a module starts."""
OWN = "CUDA_DEVICE_ORDER"
"""That covidreport sets itself before it looks for cards, which no server does."""
DRAWINGS = "drawings"
"""The folder of charts that were drawn, beside the programs."""
MOST_FILES = 200
"""That a process is handed when it starts."""

CLIENT = """#!{python} -IS
import itertools, json, os, signal, socket, sys
FIXED, KNOWN, REAL, WORDS = {fixed!r}, {known!r}, {python!r}, {words!r}
words = WORDS + sys.argv[1:]
flags = list(itertools.takewhile(("-B", "-P").__contains__, words))
words = words[len(flags):]
given = {{key: value for key, value in os.environ.items() if key.startswith(FIXED)}}
given.pop({own!r}, None)
plain = words and (words[0] in ("-c", "-m") or not words[0].startswith("-"))
if given != KNOWN or not plain:
    os.execv(REAL, [REAL, *flags, *words])
streams = []
for number in map(int, os.listdir("/proc/self/fd")):
    try:
        os.fstat(number)
    except OSError:
        continue
    streams.append(number)
heard = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]
ignored = [int(each) for each in heard if signal.getsignal(each) == signal.SIG_IGN]
signal.pthread_sigmask(signal.SIG_BLOCK, heard)
os.umask(umask := os.umask(0))
facts = [words, "-P" in flags, os.getcwd(), dict(os.environ), streams, ignored, umask]
request = json.dumps(facts).encode()
talk = socket.socket(socket.AF_UNIX)
talk.connect({socket!r})
socket.send_fds(talk, [len(request).to_bytes(4, "big")], streams)
talk.sendall(request)
pid = int.from_bytes(talk.recv(4), "big")
for each in heard:
    if each not in ignored:
        signal.signal(each, lambda number, _: os.kill(pid, number))
signal.pthread_sigmask(signal.SIG_UNBLOCK, heard)
for number in streams:
    os.close(number)
status = talk.recv(4) or sys.exit("the server of forks has ended")
status = int.from_bytes(status, "big")
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != 9 else None
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Forks:
    """Where the programs stand that ask the servers: `folder/KIND/python`, `folder/covidreport`."""

    folder: Path

    def python(self, kind: str) -> str:
        """In place of `sys.executable`."""
        return str(self.folder / kind / "python")

    @property
    def programs(self) -> Path:
        """A folder with `covidreport` and `python`, which fits networks."""
        return self.folder / "programs"


def find_forks() -> Forks:
    """Those of this run of pytest."""
    return Forks(Path(os.environ[VARIABLE]))


def start_python(kind: str, *words: object, cwd: Path = ROOT, **more: str) -> subprocess.Popen[str]:
    """Start Python with these words, in the checkout or `cwd`, and with these variables more."""
    return subprocess.Popen(
        [find_forks().python(kind), *map(str, words)], cwd=cwd, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
    )  # fmt: skip


def run_python(kind: str, *words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """As `start_python`, to the end of that process, whatever its exit code is."""
    process = start_python(kind, *words, **more)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextmanager
def offer_forks(folder: Path) -> Iterator[Forks]:
    """Write the programs and start the servers, which import nothing until they are asked."""
    forks = Forks(folder)
    (folder / DRAWINGS).mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("COLUMNS", None)  # a terminal asks for it whenever there is none as it starts
    known = {key: value for key, value in environment.items() if key.startswith(FIXED)}
    known.pop(OWN, None)
    servers = []
    for kind in KINDS:
        address = str(folder / f"{kind}.socket")
        facts = {"python": sys.executable, "fixed": FIXED, "own": OWN, "known": known}
        facts["socket"] = address
        _write_program(folder / kind / "python", words=[], **facts)
        if kind == "train":
            _write_program(forks.programs / "python", words=[], **facts)
        else:
            code = (
                "import sys; sys.argv[0] = 'covidreport'; from covidreport.cli import main; main()"
            )
            _write_program(forks.programs / "covidreport", words=["-c", code], **facts)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen(64)
            servers.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "tests.forking",
                        kind,
                        str(listening.fileno()),
                        forks.python(kind),
                    ],
                    env=environment,
                    cwd=ROOT,
                    pass_fds=[listening.fileno()],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,  # no terminal
                )
            )
    try:
        yield forks
    finally:
        for server in servers:
            server.stdin.close()
            server.wait(timeout=30)


def _write_program(path: Path, **facts: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(CLIENT.format(**facts))
    path.chmod(0o755)


class _Server:
    """Forks for each that connects; says how that process ended, and ends it where nobody waits."""

    def __init__(self, kind: str, listening: socket.socket) -> None:
        self._kind = kind
        self._listening = listening
        self._running: dict[int, socket.socket] = {}
        self._ended, self._tell = socket.socketpair()
        self._tell.setblocking(False)
        self._loaded = False
        self._selector = selectors.DefaultSelector()
        for each in (sys.stdin, listening, self._ended):
            self._selector.register(each, selectors.EVENT_READ)

    def serve(self) -> Any:
        """What a forked process is asked for; it alone returns."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the tests are asked to end
        signal.set_wakeup_fd(self._tell.fileno(), warn_on_full_buffer=False)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    self._end()
                elif key.fileobj is self._ended:
                    self._ended.recv(4096)
                    self._reap()
                elif key.fileobj is self._listening:
                    asked = self._take()
                    if asked is not None:
                        return asked
                else:
                    os.kill(key.data, signal.SIGKILL)  # whoever waited for it was killed
                    self._selector.unregister(key.fileobj)

    def _take(self) -> Any:
        talk, _ = self._listening.accept()
        length, streams, _, _ = socket.recv_fds(talk, 4, MOST_FILES)
        with talk.makefile("rb") as file:
            request = file.read(int.from_bytes(length, "big"))
        if not self._loaded:
            self._loaded = True
            _load(self._kind)
        pid = os.fork()
        if pid:
            for each in streams:
                os.close(each)
            self._running[pid] = talk
            self._selector.register(talk, selectors.EVENT_READ, pid)
            with contextlib.suppress(OSError):
                talk.sendall(pid.to_bytes(4, "big"))
            return None
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for end in (self._ended, self._tell, self._listening, talk, *self._running.values()):
            end.close()
        return json.loads(request), streams

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            talk = self._running.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(talk)
            with contextlib.suppress(OSError):
                talk.sendall(status.to_bytes(4, "big"))
            talk.close()

    def _end(self) -> NoReturn:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def _load(kind: str) -> None:
    package = importlib.import_module(kind)
    rooms = pkgutil.walk_packages(package.__path__, f"{kind}.")
    for name in (*KINDS[kind], *(each.name for each in rooms)):
        if not name.endswith("__main__"):
            importlib.import_module(name)
    if kind == "train":
        from tests.train.exporter import make_tables

        make_tables()
    else:
        from tests.warm import warm_up

        warm_up(Path(sys.executable).parents[1] / DRAWINGS)
    os.fsync = lambda fd: None  # as in the tests' own processes
    threads = [each.read_text().strip() for each in Path("/proc/self/task").glob("*/comm")]
    assert set(threads[1:]) <= {"jemalloc_bg_thd"}, threads  # that of pyarrow survives a fork
    gc.collect()
    gc.freeze()


def _become(asked: Any, passed: list[int]) -> None:
    """Take over what the program was given that asked for this process."""
    (_, _, folder, environment, streams, ignored, umask) = asked
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    # none of those passed may stand where another one goes
    first = MOST_FILES + max([*streams, *passed, 0])
    high = [os.dup2(each, first + place) for place, each in enumerate(passed)]
    os.closerange(0, first)
    for number, each in zip(streams, high, strict=True):
        os.dup2(each, number)
        os.close(each)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _open_stream(number) if number in streams else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.umask(umask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if sys.stdout is not None and sys.stdout.isatty():
        terminal = sys.modules["covidreport.cli.terminal"]
        for console, to in ((terminal.out, False), (terminal.err, True)):  # of none
            console.__init__(stderr=to, highlight=False)


def _open_stream(number: int) -> io.TextIOWrapper:
    """As Python opens its own."""
    file = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(
        file, "utf-8", "backslashreplace" if number == 2 else "strict",
        line_buffering=number == 2 or file.isatty(),
    )  # fmt: skip


def _run(words: list[str], *, safe: bool) -> None:
    """As Python runs `-c CODE`, `-m MODULE` or a file; `safe` as it does with `-P`."""
    first, *rest = words
    sys.path.pop(0)
    if first == "-c":
        sys.path[:0] = [] if safe else [""]
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)  # noqa: S102
    elif first == "-m":
        sys.path.insert(0, str(Path.cwd()))
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(first).resolve().parent))
        sys.argv = words
        runpy.run_path(first, run_name="__main__")


def _end(code: int) -> None:
    """As Python ends, but that its memory is left to the system: to free what was imported takes
    longer than most commands. Returns where Python has to say what can't be written."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for all threads, as Python does
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        os._exit(code & 0xFF)


if __name__ == "__main__":
    sys.executable = sys.argv[3]
    server = _Server(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
    asked, passed = server.serve()
    _become(asked, passed)
    try:
        _run(asked[0], safe=asked[1])
    except SystemExit as stop:
        if isinstance(stop.code, int | None):
            _end(stop.code or 0)
        raise
    _end(0)
