"""A model in fp16: the graph converted, its inputs and outputs as they were.

A conversion is made by a process of its own: it takes seconds of one core and five times the
model's memory, and what a strange file does to the converter ends that process alone. Several are
made at once, as many as memory allows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from covidreport.boundary import attempt
from covidreport.errors import RunError
from covidreport.inference.children import describe_exit, limit_process
from covidreport.inference.memory import allowed_bytes, available_bytes
from covidreport.inference.providers import first_line
from covidreport.inference.runtime import ort
from covidreport.inference.watch import run_watched
from covidreport.records import ModelLimits
from covidreport.storage.cache import (
    has_entry,
    name_entry,
    read_cached_bytes,
    write_cached_bytes,
)
from covidreport.storage.cache_folder import cache_limit
from covidreport.storage.model import measure_model
from covidreport.workers import write_code

KIND = "fp16-models"
REVISION = 1
"""Counted up when the same model would be converted otherwise."""
COPIES: Final = 5
"""The memory of a conversion beside the size of the model's files; measured: 4.8 for 456 MiB."""
ROOM_BYTES: Final = 2**29
"""Of the process itself."""
_CODE = write_code(__name__)
_DONE: Final = b"+"


class _Children:
    """The processes that convert now; once they are ended, so is each that is added later."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._changing = threading.Lock()

    def add(self, child: subprocess.Popen[bytes]) -> None:
        with self._changing:
            self._running.add(child)
            if self._ended:
                child.kill()

    def discard(self, child: subprocess.Popen[bytes]) -> None:
        with self._changing:
            self._running.discard(child)

    def end(self) -> None:
        with self._changing:
            self._ended = True
            for child in self._running:
                child.kill()


def half_model(path: Path, sha256: str, limits: ModelLimits = ModelLimits()) -> bytes:  # noqa: B008 - frozen
    """A model in fp16, of the file with this sha256: from the cache, or converted.

    limits: what the conversion may take. RunError as `convert_to_half`, where it takes too long,
    and where the file ends the process that converts it.
    """
    return _half_model(path, sha256, limits, _Children())


def half_ahead(models: Sequence[tuple[Path, str]], limits: ModelLimits) -> None:
    """Let the cache hold these models (file, sha256) in fp16, converted side by side.

    Says nothing of those that can't be converted: `half_model` does. Without a cache nothing is
    done.
    """
    if cache_limit() == 0:
        return
    missing = [
        (path, sha256)
        for path, sha256 in dict.fromkeys(models)
        if not has_entry(KIND, _name(sha256))
    ]
    children = _Children()
    with ThreadPoolExecutor(_count_side_by_side([path for path, _ in missing])) as pool:
        try:
            for path, sha256 in missing:
                convert = partial(_half_model, path, sha256, limits, children)
                pool.submit(attempt, "", "load", convert)
            pool.shutdown(wait=True)
        except BaseException:  # the user wants to stop
            pool.shutdown(wait=False, cancel_futures=True)
            children.end()
            raise


def _half_model(path: Path, sha256: str, limits: ModelLimits, children: _Children) -> bytes:
    name = _name(sha256)
    content = read_cached_bytes(KIND, name)
    if content is None:
        content = _convert_in_child(path, limits, children)
        write_cached_bytes(KIND, name, content)
    return content


def _name(sha256: str) -> str:
    return name_entry({"method": REVISION, "model": sha256, "onnxruntime": ort.__version__})


def _count_side_by_side(paths: Sequence[Path]) -> int:
    """How many of these conversions the machine's cores and memory hold; at least one."""
    sizes = [attempt("", "load", partial(measure_model, path)) for path in paths]
    largest = max((size for size in sizes if isinstance(size, int)), default=0)
    return max(1, min(os.cpu_count() or 1, available_bytes() // (COPIES * largest + ROOM_BYTES)))


def _convert_in_child(path: Path, limits: ModelLimits, children: _Children) -> bytes:
    """What `convert_to_half` gives, by a process of its own."""
    most = str(allowed_bytes(limits) + ROOM_BYTES)
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, str(path), most],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise RunError(
            f"{path.name} can't be converted to fp16: no process can be started ({error.strerror})"
        ) from error
    children.add(child)
    try:
        said = run_watched(partial(_read_all, child), child.kill, limits.batch_timeout_s)
    except TimeoutError as error:
        raise RunError(
            f"{path.name} takes longer than {limits.batch_timeout_s:g} s to be converted to fp16 "
            "(batch_timeout_s)",
            "Where it is only large, use a larger --batch-timeout-s.",
        ) from error
    except EOFError as error:
        raise RunError(
            f"{path.name} ends the process that converts it to fp16 "
            f"({describe_exit(child.returncode)})"
        ) from error
    finally:
        children.discard(child)
    if not said.startswith(_DONE):
        raise RunError(said[1:].decode(errors="replace"))
    return said[len(_DONE) :]


def _read_all(child: subprocess.Popen[bytes]) -> bytes:
    said, _ = child.communicate()
    if not said:
        raise EOFError
    return said


def answer() -> None:
    """Convert the model that is named on the command line; what the process of its own does."""
    path, most = Path(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the process that asks takes care
    limit_process(most)
    try:
        said = _DONE + convert_to_half(path)
    except RunError as error:
        said = b"-" + str(error).encode()
    answers.write(said)
    answers.flush()


def convert_to_half(path: Path) -> bytes:
    """The ONNX file's bytes with weights and arithmetic in fp16, inputs and outputs as they were.

    By ONNX Runtime's own converter, which keeps in fp32 what fp16 can't hold. RunError where the
    package `onnx` is missing, or where the model can't be converted.
    """
    try:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise RunError(
            f"--precision fp16 converts the model, and that needs the package onnx ({error}); "
            "pip install 'covidreport[gpu]'"
        ) from error
    try:
        model = onnx.load(path)
        with warnings.catch_warnings():
            # one line for each weight that fp16 rounds to its smallest number: the comparison with
            # the CPU, which every evaluation on an accelerator makes, says what became of it
            warnings.simplefilter("ignore")
            converted = convert_float_to_float16(model, keep_io_types=True)
        content: bytes = converted.SerializeToString()
    except Exception as error:
        raise RunError(f"{path.name} can't be converted to fp16: {first_line(error)}") from error
    return content
