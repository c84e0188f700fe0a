"""The package's own exceptions: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import copyreg
import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from covidreport.records import Stage

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""What an OSError says where a disk is full or can't be written to: what a user can mend."""


class CovidReportError(Exception):
    """Base of every error that a user can mend. The CLI prints it and exits with `exit_code`."""

    exit_code = 2
    remedy = ""
    """What to do about it, where the text does not say so itself."""

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is unpickled by its `args`, which for some of these are not the arguments.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class UsageError(CovidReportError):
    """The command or the configuration asks for something that can't be done."""


class NothingEvaluatedError(UsageError):
    """No run has an evaluation, so there is nothing to report on."""


class DatasetError(CovidReportError):
    """A data set is refused. Holds every fault that was found, not only the first.

    `faults` are sentences that each begin with their place, such as `line 14: …`.
    """

    shown = 20

    def __init__(self, where: str, faults: Sequence[str]) -> None:
        self.where = where
        self.faults = tuple(faults)
        lines = list(self.faults[: self.shown])
        if len(self.faults) > self.shown:
            lines.append(f"… and {len(self.faults) - self.shown} more")
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n".join([f"{where}: {count}", *(f"  {line}" for line in lines)]))


class ImageError(CovidReportError):
    """One image can't be turned into pixels; the text is the reason, without the file's name."""


class RunError(CovidReportError):
    """One run can't be read or evaluated; the others go on."""

    exit_code = 3

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(reason)


class ProviderError(CovidReportError):
    """The execution provider that was asked for can't run here."""


class StoreError(CovidReportError):
    """A file of a run folder can't be read as what it should be."""


class ServiceError(CovidReportError):
    """A server that results go to, or come from, can't be reached or refuses."""

    exit_code = 3


class UnreachableError(ServiceError):
    """A store of objects answers nobody, which is no fault of the image that was asked for."""


class WriteError(StoreError):
    """A file can't be written: the disk is full, or the folder can't be written to."""

    exit_code = 3


class GateError(CovidReportError):
    """A run can't be judged, which is neither a pass nor a fail; `stage` says what went wrong."""

    exit_code = 3

    def __init__(self, stage: Stage, reason: str) -> None:
        self.stage = stage
        super().__init__(reason)
