"""Puts verdicts where they go: a file for each output, and what the environment offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from covidreport.errors import WriteError
from covidreport.integrations import CHANNELS, OUTPUTS
from covidreport.integrations.naming import name_file
from covidreport.records import Beside, Verdict
from covidreport.store import encode_text, write_atomic

NOTHING = Beside()


def clear_outputs(folder: Path, also: str | None = None) -> None:
    """Delete what an earlier gate left there, so that no old verdict outlives a new attempt.

    also: one file more. Files of single runs in folders of their own stay until they are
    written again. Raises WriteError where one can't be deleted.
    """
    names = [output.file_name for output in OUTPUTS.values()]
    for name in (*names, *([also] if also else [])):
        file = folder / name
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"{file}: can't be written ({error.strerror})") from error


def write_outputs(
    folder: Path, verdicts: Sequence[Verdict], beside: Beside = NOTHING
) -> tuple[Path, ...]:
    """Write every output into `folder` and give the paths; WriteError where one can't be."""
    written = []
    for path, text in _render_all(folder, verdicts, beside):
        write_atomic(path, encode_text(text))
        written.append(path)
    return tuple(written)


def _render_all(
    folder: Path, verdicts: Sequence[Verdict], beside: Beside
) -> Iterator[tuple[Path, str]]:
    for output in OUTPUTS.values():
        if not output.each_run:
            yield folder / output.file_name, output.render(verdicts, beside)
            continue
        for verdict in verdicts:
            target = folder if len(verdicts) == 1 else folder / name_file(verdict.run)
            yield target / output.file_name, output.render([verdict], beside)


def post_channels(
    verdicts: Sequence[Verdict], environment: Mapping[str, str], beside: Beside = NOTHING
) -> None:
    """Hand the verdicts to every channel that the environment offers."""
    for post in CHANNELS.values():
        post(verdicts, environment, beside)
