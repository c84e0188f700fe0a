"""The one boundary around what is done for one run: whatever is raised there stays with that run.

It becomes the run's `Failure`, with the stage, the reason and the remedy, and the others go on.
What is neither one of our own errors nor the machine's is a defect of covidreport and is named as
one, with its type and its place; its traceback goes to the log, which `--verbose` shows.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from covidreport.errors import (
    NO_ROOM,
    CovidReportError,
    DatasetError,
    GateError,
    ImageError,
    ProviderError,
    UnreachableError,
    WriteError,
)
from covidreport.records import Failure, Stage

PACKAGE = Path(__file__).resolve().parent
MOST_CHARACTERS = 2_000
"""Of a reason: what a broken model makes a library say may be as long as the model."""

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)


def attempt(
    subject: str,
    stage: Stage,
    work: Callable[[], _T],
    *,
    through: tuple[type[Exception], ...] = (),
) -> _T | Failure:
    """What `work` gives, or why it failed, whatever it raised.

    subject: the run's name. stage: where it is, unless the error itself says that. through: what is
    about the whole call and not about this run, and is raised on. Ctrl-C, the end of the process,
    and a store that answers nobody always are.
    """
    stops: tuple[type[Exception], ...] = (UnreachableError, *through)
    try:
        return work()
    except stops:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: the only one around a run
        raise_stop(error)
        failure = explain_error(subject, stage, error)
        _LOG.debug("%s (%s): %s", subject, failure.stage, failure.reason, exc_info=error)
        return failure


def raise_stop(error: Exception) -> None:
    """Raise the end of the process that an error was made of, if it was.

    What Ctrl-C or a signal interrupts may make another error of it, as the import of native code.
    """
    cause: BaseException | None = error
    seen: set[int] = set()  # two errors may each name the other
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, KeyboardInterrupt | SystemExit):
            raise cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__


def explain_error(subject: str, stage: Stage, error: Exception) -> Failure:
    """The failure that an exception means for a run, in words that hold no path of the machine."""
    if isinstance(error, CovidReportError):
        return Failure(subject, stage_of(error, stage), _cut(error), error.remedy)
    if isinstance(error, OSError):
        name = f"{Path(str(error.filename)).name}: " if error.filename else ""
        said = error.strerror or _cut(error) or type(error).__name__
        if error.errno in NO_ROOM:
            return Failure(subject, "write", f"{name}can't be written ({said})", "Make room.")
        return Failure(subject, stage, f"{name}{said}", "See that the file is there and readable.")
    if isinstance(error, MemoryError):
        return Failure(
            subject,
            stage,
            f"not enough memory ({_cut(error) or 'an allocation was refused'})",
            "Use a smaller --batch-size, fewer --jobs or a machine with more memory.",
        )
    return Failure(
        subject,
        stage,
        f"a defect of covidreport: {type(error).__name__} at {locate_error(error)}: {_cut(error)}",
        "Please report it; `--verbose` shows the traceback.",
    )


def locate_error(error: BaseException) -> str:
    """The last line of our own that an exception went through, such as `evaluate/loop.py:210`."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(PACKAGE) and file != Path(__file__):
            return f"{file.relative_to(PACKAGE.parent).as_posix()}:{frame.lineno}"
    return "an unknown place"


def stage_of(error: CovidReportError, stage: Stage) -> Stage:
    """Where it failed, by what was raised: the error knows it better than the boundary."""
    if isinstance(error, GateError):
        return error.stage
    if isinstance(error, WriteError):
        return "write"
    if isinstance(error, ProviderError):
        return "provider"
    return "data" if isinstance(error, DatasetError | ImageError) else stage


def _cut(error: Exception) -> str:
    """An error's text as any file can hold it, cut where it is endless."""
    text = str(error).encode("utf-8", "replace").decode()
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} …"
