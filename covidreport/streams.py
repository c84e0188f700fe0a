"""stdout and stderr as a command needs them: they write every sign, and no reader can fail them.

A stream's encoding may lack signs that are printed (Windows' code pages, the C locale), names may
hold bytes that are no text, whoever reads may stop reading (`| head -1`), a disk may be full, and a
pipeline may read what is printed for commands to itself. None of it may change what an exit code
means.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import select
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

PLAIN = {
    "≤": "<=", "≥": ">=", "≈": "~", "≠": "!=", "−": "-", "–": "-", "—": "-", "±": "+/-", "×": "x",
    "·": "*", "…": "...", "’": "'", "′": "'", "“": '"', "”": '"', "→": "->", "←": "<-",
}  # fmt: skip
"""What stands for a sign that we print ourselves where the encoding has none for it."""
ERRORS = "covidreport.plain"
_GONE = frozenset({errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET, errno.EBADF}) | (
    {errno.EINVAL} if sys.platform == "win32" else frozenset()
)
"""What a write says where nobody reads any more, or nobody ever did."""
PIPELINES = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
_COMMANDS = re.compile(rb"(?i)(?:\A|(?<=[\r\n]))([^!-~\r\n]*:)(?=:)|(##(?:vso|teamcity)?)(?=\[)")
"""`::` after nothing but blanks, and `##[`, `##vso[`, `##teamcity[` anywhere in a line."""
_BLANKS = re.compile(rb"[^!-~]*")
_LONGEST = len(b"##teamcity")


def _replace_signs(error: UnicodeError) -> tuple[str, int]:
    """A sign that an encoding lacks: in plain letters, else as JSON escapes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or _escape(sign) for sign in signs), error.end


def _escape(sign: str) -> str:
    pair = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at : at + 2].hex()}" for at in range(0, len(pair), 2))


codecs.register_error(ERRORS, _replace_signs)


def is_watched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a pipeline reads what is printed, and takes some lines for commands."""
    return any(environment.get(name) for name in PIPELINES)


class _Sink(io.BufferedIOBase):
    """The bytes of a stream: what can't be written is lost, and `fault` says why.

    It stays None where nobody reads any more, which is no fault of what was printed.
    """

    def __init__(self, raw: Any, *, watched: bool) -> None:
        self._raw = raw
        self._line = b""
        self.watched = watched
        self.fault: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def fileno(self) -> int:
        return int(self._raw.fileno())

    @property
    def name(self) -> Any:
        return getattr(self._raw, "name", None)

    def write(self, data: Any) -> int:
        whole = bytes(data)
        rest = self._defuse(whole) if self.watched else whole
        while rest:
            try:
                self._raw.write(rest)
                break
            except BlockingIOError as error:  # a pipe that somebody made non-blocking
                rest = rest[error.characters_written :]
                self._wait()
            except OSError as error:
                self._lose(error)
                break
        return len(whole)

    def flush(self) -> None:
        # one that goes after the stream below it: since Python 3.13 a finalizer's fault is told
        while not self._raw.closed:
            try:
                self._raw.flush()
            except BlockingIOError:
                self._wait()
                continue
            except OSError as error:
                self._lose(error)
            return

    def close(self) -> None:
        """Bring out what is left; the stream below belongs to Python."""
        if not self.closed:
            self.flush()
        super().close()

    def _wait(self) -> None:
        select.select([], [self._raw], [])

    def _lose(self, error: OSError) -> None:
        """Let all that follows go nowhere, what Python flushes when it ends as well."""
        if error.errno not in _GONE and self.fault is None:
            self.fault = error
        with suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), self._raw.fileno())

    def _defuse(self, data: bytes) -> bytes:
        """The bytes with a blank in what a pipeline would take for a command.

        Each command's last byte stands behind the blank, so one that comes in two writes is found
        at the second. Of a line that is not whole its end is kept, and whether it has begun.
        """
        whole = self._line + data
        spelt = _COMMANDS.sub(rb"\1\2 ", whole)
        line = spelt[max(spelt.rfind(b"\n"), spelt.rfind(b"\r")) + 1 :]
        begun = _BLANKS.sub(b"", line, 1)
        before, self._line = self._line, line
        if len(begun) > _LONGEST:
            self._line = b"x" + line[-_LONGEST:]
        elif not begun:
            self._line = b" " if line else b""
        return spelt[len(before) :]


@contextmanager
def prepare_streams() -> Iterator[list[str]]:
    """stdout and stderr as this module says, as long as it lasts.

    Gives a list that at the end holds a sentence where stdout could not be written whole, though
    somebody wanted it: a disk is full. It is said on stderr too.
    """
    _open_descriptors()
    before = sys.stdout, sys.stderr
    faults: list[str] = []
    sys.stdout, sys.stderr = map(_wrap, before)
    try:
        yield faults
    finally:
        sys.stdout.flush()
        sink = getattr(sys.stdout, "buffer", None)
        if isinstance(sink, _Sink) and sink.fault is not None:
            faults.append(f"what was printed is not whole: {sink.fault.strerror}")
            sys.stderr.write(f"covidreport: {faults[0]}\n")
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


@contextmanager
def let_commands_through() -> Iterator[None]:
    """Print commands to a pipeline meanwhile: what is in them is spelt so that it commands no more.

    Elsewhere no line that is printed is one.
    """
    streams = (sys.stdout, sys.stderr)
    buffers = [getattr(stream, "buffer", None) for stream in streams]
    sinks = [buffer for buffer in buffers if isinstance(buffer, _Sink)]
    watched = [sink.watched for sink in sinks]
    for stream in streams:
        stream.flush()
    try:
        for sink in sinks:
            sink.watched = False
        yield
    finally:
        for stream in streams:
            stream.flush()
        for sink, state in zip(sinks, watched, strict=True):
            sink.watched = state


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream's encoding has every sign."""
    return (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def _open_descriptors() -> None:
    """Open to nowhere what was closed (`>&-`): the next file opened would be printed into."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


def _wrap(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed before Python began
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - a device, kept open
    buffer = getattr(stream, "buffer", None)
    if buffer is None or isinstance(buffer, _Sink):
        return stream  # of a notebook, or prepared already
    return io.TextIOWrapper(
        _Sink(buffer, watched=is_watched()),
        encoding=stream.encoding,
        errors=ERRORS,
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )
