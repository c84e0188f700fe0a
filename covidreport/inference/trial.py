"""A model that was never opened here is opened in a process of its own first.

What the runtime's limits do not cover ends that process and no other: native code that crashes, a
file whose loading never ends or takes all memory. Of 9,000 models with changed bytes none did that;
of 38 that were made to, one divided the smallest integer by -1 (the processor stops the process),
and one held functions that double thirty times. What was opened once without harm is cached.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from covidreport.errors import CovidReportError
from covidreport.inference.children import describe_exit, limit_process
from covidreport.inference.memory import allowed_bytes, peak_bytes, restart_peak
from covidreport.inference.runtime import ort
from covidreport.inference.session import (
    TimeLimitError,
    measure_variation,
    open_session,
    renew_memory,
)
from covidreport.inference.watch import run_watched
from covidreport.records import ModelLimits
from covidreport.storage.cache import read_cached, write_cached
from covidreport.workers import write_code

KIND = "tried-models"
READY: Final = "ready"
REMEDY: Final = (
    "Where the model is only large or slow, use a larger --batch-timeout-s; a loop in its graph "
    "may have no end."
)
_CODE = write_code(__name__)
_ROOM_BYTES = 2**30
"""Of the process itself, beside what models may take."""
_START_S = 60.0
_MORE_S = 5.0
"""The child ends what takes too long by itself; so much later it is ended."""


class NativeCrashError(CovidReportError):
    """A model ended the process that opened it."""

    exit_code = 3
    remedy = "Export the model again; no process here opens this file as it is."


class Tried(Struct, frozen=True):
    """What the child says of a model."""

    fault: str = ""
    """Why it took too long; empty where it did not."""
    memory_bytes: int | None = None
    """That opening it and asking it for one image took at most, on the CPU; None where it could not
    be asked, or the system does not say."""


class Trial:
    """A child process that opens models one after the other; a new one where it ended."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._asked: str | None = None
        """What the child is at, or has answered: one model at a time, to blame for its end."""

    def begin(
        self, path: Path, sha256: str, described: Mapping[str, Any] | None, limits: ModelLimits,
        *, use_cache: bool = True,
    ) -> None:  # fmt: skip
        """Let a model be tried while something else is done; `try_model` takes what came of it."""
        if self._asked is not None:
            self.close()
        facts = _list_facts(sha256, described)
        known = read_cached(KIND, facts, Tried) if use_cache else None
        child = self._start() if known is None else None
        if child is None:
            return
        try:
            self._ask(child, _write_request(path, described, limits))
        except OSError:  # it has ended, by no fault of this model
            self.close()

    def try_model(
        self, path: Path, sha256: str, described: Mapping[str, Any] | None, limits: ModelLimits,
        *, use_cache: bool = True,
    ) -> int | None:  # fmt: skip
        """Open a model and ask it once, elsewhere, unless that was done before.

        Gives the bytes of memory that this took at most, of one image on the CPU; None where the
        system does not say, or the model could not be asked. Raises NativeCrashError where that
        process ended, TimeLimitError where it took too long. Whatever else is wrong with the model
        shows where it is opened here.
        """
        facts = _list_facts(sha256, described)
        known = read_cached(KIND, facts, Tried) if use_cache else None
        if known is not None:
            return known.memory_bytes
        request = _write_request(path, described, limits)
        if self._asked not in (None, request):
            self.close()
        child = self._child if self._asked else self._start()
        if child is None:
            return None
        try:
            # opening, and two answers
            seconds = 3 * limits.batch_timeout_s + _MORE_S
            said = run_watched(partial(self._hear, child, request), child.kill, seconds)
        except TimeoutError as error:
            self.close()
            raise TimeLimitError(
                f"{path.name} takes longer than {limits.batch_timeout_s:g} s to be loaded "
                "(batch_timeout_s)",
                REMEDY,
            ) from error
        except (EOFError, OSError) as error:
            raise NativeCrashError(
                f"{path.name} ends the process that opens it ({self._describe_end()})"
            ) from error
        if said.fault:
            raise TimeLimitError(said.fault, REMEDY)
        if use_cache:
            write_cached(KIND, facts, said)
        return said.memory_bytes

    def close(self) -> None:
        """End the child."""
        child, self._child, self._asked = self._child, None, None
        if child is not None:
            child.kill()
            child.communicate()

    def _start(self) -> subprocess.Popen[str] | None:
        """The child, ready; None where no process can be started."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE], text=True, encoding="utf-8",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError:
            return None
        self._child = child
        try:
            ready = run_watched(partial(_read, child), child.kill, _START_S) == READY
        except (EOFError, OSError, TimeoutError):
            ready = False
        if not ready:
            self.close()
        return self._child

    def _ask(self, child: subprocess.Popen[str], request: str) -> None:
        assert child.stdin is not None
        self._asked = request
        child.stdin.write(f"{request}\n")
        child.stdin.flush()

    def _hear(self, child: subprocess.Popen[str], request: str) -> Tried:
        """What the child says of a model, which it is asked for unless that was done before."""
        if self._asked is None:
            self._ask(child, request)
        said = msgspec.json.decode(_read(child), type=Tried)
        self._asked = None
        return said

    def _describe_end(self) -> str:
        child, self._child, self._asked = self._child, None, None
        if child is None:
            return "it is gone"
        child.communicate()
        return describe_exit(child.returncode)


TRIAL = Trial()


def _list_facts(sha256: str, described: Mapping[str, Any] | None) -> list[object]:
    """All that a trial depends on."""
    return [sha256, ort.__version__, dict(described or {})]


def _write_request(path: Path, described: Mapping[str, Any] | None, limits: ModelLimits) -> str:
    return json.dumps(
        {"path": str(path), "described": dict(described or {}), "memory": limits.memory,
         "seconds": limits.batch_timeout_s}
    )  # fmt: skip


def _read(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def answer() -> None:
    """Open the models that are asked for on stdin, a line each; what the child does."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the process that asks takes care
    print(READY, file=answers, flush=True)
    warm = False
    gc.freeze()  # each model is followed by a collection, which need not walk what stays
    for line in sys.stdin:
        request = json.loads(line)
        tried = _try_open(request)
        if not warm and not tried.fault:  # what the runtime takes once is no model's own
            warm, tried = True, _try_open(request)
        print(msgspec.json.encode(tried).decode(), file=answers, flush=True)


def _try_open(request: Mapping[str, Any]) -> Tried:
    """Opens a model and asks it once; whatever is wrong with it, but the time that it takes, shows
    where it is opened to be used."""
    limits = ModelLimits(request["seconds"], request["memory"])
    limit_process(allowed_bytes(limits) + _ROOM_BYTES)
    renew_memory(limits=limits)  # what the model before it took is given back
    before = restart_peak()
    try:
        measure_variation(
            open_session(Path(request["path"]), described=request["described"], limits=limits)
        )
    except TimeLimitError as error:
        return Tried(str(error))
    except (Exception, SystemExit):  # noqa: BLE001 - it is raised again where it is opened
        return Tried()
    peak = peak_bytes()
    return Tried(memory_bytes=None if before is None or peak is None else peak - before)
