"""Stored files of earlier versions written as today's, by the same steps that reading them takes.

A run is migrated whole or not at all: all its files are read and laid out before the first is
written, and where one can't be written those that were are put back. What a newer covidreport wrote
is refused: this one would drop what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from covidreport.boundary import attempt
from covidreport.errors import StoreError
from covidreport.records import Failure, Run
from covidreport.storage.codec import Document, FileFormat, lay_out_json, lay_out_lines, read_json
from covidreport.storage.evaluation import (
    FAILURE,
    SCORE_METRICS_SCHEMA,
    THRESHOLDS,
    decode_evaluation,
    encode_evaluation,
    mend_evaluation,
)
from covidreport.storage.exploratory import drop_bounds
from covidreport.storage.files import format_path, read_bytes
from covidreport.storage.folder import (
    EVALUATION_FILE,
    EVALUATIONS_FOLDER,
    FAILURE_FILE,
    THRESHOLDS_FILE,
)
from covidreport.storage.made_here import MadeHere
from covidreport.storage.maps import MAPS, MAPS_FILE, MAPS_FOLDER
from covidreport.storage.reference import REFERENCE, REFERENCE_FILE
from covidreport.storage.runs import read_evaluations
from covidreport.storage.write import write_atomic

Rewrite = Callable[[Document, str], bytes]
"""From what a file holds and its name to its bytes of today; StoreError where it can't be read."""


class Migration(Struct, frozen=True):
    """A stored file, its bytes, and those that today's version writes of it."""

    path: Path
    schema: str
    """Of the file as it stands."""
    today: str
    """Of what is written in its place."""
    before: bytes
    after: bytes

    @property
    def changes(self) -> bool:
        """Whether the file would be another one."""
        return self.before != self.after


def rewrite_whole(kind: FileFormat[Any], value: Document, source: str) -> Document:
    """The object that today's version writes of one of any version; nothing in it is lost."""
    return kind.encode(kind.decode(value, source))


def _rewrite_evaluation(value: Document, source: str) -> bytes:
    details = value.get("details")
    if isinstance(details, dict) and details.get("schema") != SCORE_METRICS_SCHEMA:
        raise StoreError(
            f"{source}: its details are {details.get('schema')!r}, which this version does not "
            "know and would drop; migrate it with the covidreport that wrote it, or a newer one"
        )
    evaluation = mend_evaluation(decode_evaluation(value, source))
    return lay_out_lines(encode_evaluation(evaluation, value.get("scores_sha256")))


def _rewrite_thresholds(value: Document, source: str) -> bytes:
    return lay_out_json(THRESHOLDS.encode(drop_bounds(THRESHOLDS.decode(value, source))))


KINDS: Final[Mapping[str, Rewrite]] = {
    THRESHOLDS_FILE: _rewrite_thresholds,
    REFERENCE_FILE: lambda value, source: lay_out_lines(rewrite_whole(REFERENCE, value, source)),
    f"{EVALUATIONS_FOLDER}/*/{EVALUATION_FILE}": _rewrite_evaluation,
    f"{EVALUATIONS_FOLDER}/*/{FAILURE_FILE}": lambda value, source: lay_out_json(
        rewrite_whole(FAILURE, value, source)
    ),
    f"{EVALUATIONS_FOLDER}/*/{MAPS_FOLDER}/{MAPS_FILE}": lambda value, source: lay_out_lines(
        rewrite_whole(MAPS, value, source)
    ),
}
"""By place in a run folder. Of `scores.parquet`, `thumbnails.json` and `run.json` there was one
version so far, and people write the last."""


def plan_file(path: Path, rewrite: Rewrite) -> Migration:
    """What a file would become. StoreError where it can't be read, or would lose something."""
    source = format_path(path)
    value = read_json(path)
    after = rewrite(value, source)
    written = json.loads(after)
    lost = _find_lost(value, written, "$")
    if lost:
        raise StoreError(
            f"{source}: this version does not know `{lost}` and would drop it; migrate it with the "
            "covidreport that wrote it, or a newer one"
        )
    return Migration(path, str(value.get("schema")), written["schema"], read_bytes(path), after)


def _find_lost(before: object, after: object, place: str) -> str:
    """The first field that holds something and is not there any more; empty where there is none."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after and value not in (None, "", [], {}):
                return f"{place}.{key}"
            if lost := _find_lost(value, after.get(key), f"{place}.{key}"):
                return lost
    if isinstance(before, list) and isinstance(after, list):
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            if lost := _find_lost(one, other, f"{place}[{number}]"):
                return lost
    return ""


def plan_run(run: Run) -> list[Migration]:
    """What the files of a run folder would become, by path; StoreError as `plan_file`."""
    found = [(path, KINDS[kind]) for kind in KINDS for path in sorted(run.folder.glob(kind))]
    return [plan_file(path, rewrite) for path, rewrite in found]


def write_migrations(migrations: Sequence[Migration]) -> None:
    """Write all files that change, or none: WriteError, after what was written is put back."""
    written: list[Migration] = []
    try:
        for each in migrations:
            if each.changes:
                write_atomic(each.path, each.after)
                written.append(each)
    except BaseException:
        for each in reversed(written):
            write_atomic(each.path, each.before)
        raise


def migrate_run(run: Run, *, dry_run: bool) -> list[Migration] | Failure:
    """Migrate the files of a run; the failure in its place, and then nothing is changed.

    What this machine computed counts as computed here afterwards, too.
    """

    def work() -> list[Migration]:
        planned = plan_run(run)
        if not dry_run and any(each.changes for each in planned):
            with _keep_records(run, MadeHere()):
                write_migrations(planned)
        return planned

    return attempt(run.name, "read", work)


def migrate_file(path: Path, rewrite: Rewrite, *, dry_run: bool) -> list[Migration] | Failure:
    """The same of a file that stands outside of run folders."""

    def work() -> list[Migration]:
        planned = [plan_file(path, rewrite)]
        if not dry_run:
            write_migrations(planned)
        return planned

    return attempt(format_path(path), "read", work)


@contextmanager
def _keep_records(run: Run, made: MadeHere) -> Iterator[None]:
    evaluations, _ = read_evaluations(run)
    own = [each for each in evaluations if made.has_evaluation(run, each)]
    tuned = made.has_thresholds(run.folder)
    yield
    for each in own:
        made.note_evaluation(run, each)
    if tuned:
        made.note_thresholds(run.folder)
