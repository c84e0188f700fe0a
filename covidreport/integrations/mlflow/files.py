"""Which files of a run folder go to a server, and the list that says so there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct

from covidreport.errors import StoreError
from covidreport.integrations.naming import is_plain_name
from covidreport.records import Evaluation, Run
from covidreport.storage.model import locate_files
from covidreport.store import (
    EVALUATION_FILE,
    EVALUATIONS_FOLDER,
    FAILURE_FILE,
    HISTORY_FILE,
    REFERENCE_FILE,
    RUN_FILE,
    SCORES_FILE,
    THRESHOLDS_FILE,
    digest_file,
)

LIST_SCHEMA = "covidreport.pushed/1"
LIST_FILE = "covidreport.json"
"""On the server: which files of the run were pushed last. What is not in it is of an older push."""


class PushedFile(Struct, frozen=True):
    """A file of a run folder: its path in it, with forward slashes, and what is in it."""

    path: str
    sha256: str
    size_bytes: int


class PushedList(Struct, frozen=True):
    """What was pushed last of a run folder of this name.

    report: the digest of how its report was made; empty where an earlier version pushed it.
    """

    folder: str
    files: tuple[PushedFile, ...]
    report: str = ""


def list_files(
    run: Run, evaluations: Sequence[Evaluation], *, scores: bool, model: bool
) -> Iterator[tuple[PushedFile, Path]]:
    """The files that are pushed, each with its place here. model: with all that it refers to,
    and its reference answers."""
    names = [RUN_FILE, HISTORY_FILE, THRESHOLDS_FILE]
    names += [f"{EVALUATIONS_FOLDER}/{one.key}/{EVALUATION_FILE}" for one in evaluations]
    if scores:
        names += [f"{EVALUATIONS_FOLDER}/{one.key}/{SCORES_FILE}" for one in evaluations]
    found = [run.folder / name for name in names]
    found += sorted((run.folder / EVALUATIONS_FOLDER).glob(f"*/{FAILURE_FILE}"))
    placed = {source.relative_to(run.folder).as_posix(): source for source in found}
    if model and run.model is not None:
        placed[REFERENCE_FILE] = run.folder / REFERENCE_FILE
        inside = run.model.is_relative_to(run.folder)  # else it lies beside the folder
        home = run.folder if inside else run.model.parent
        files = [run.model.parent / name for name in locate_files(run.model)]
        placed |= {source.relative_to(home).as_posix(): source for source in files}
    for path, source in placed.items():
        if source.is_file():
            yield describe_file(source, path), source


def describe_file(source: Path, path: str) -> PushedFile:
    """What is in a file, under the path that it has in a run folder."""
    return PushedFile(path, digest_file(source), source.stat().st_size)


def format_list(pushed: PushedList) -> str:
    """The list as JSON, by path: the same files give the same text."""
    rows = {
        one.path: {"sha256": one.sha256, "bytes": one.size_bytes}
        for one in sorted(pushed.files, key=lambda one: one.path)
    }
    facts = {
        "schema": LIST_SCHEMA, "folder": pushed.folder, "report": pushed.report, "files": rows
    }  # fmt: skip
    return json.dumps(facts, indent=2) + "\n"


def read_list(text: str, where: str) -> PushedList:
    """What a list says; StoreError where a path leads out of the folder.

    The text is from a server: nothing in it is believed that was not looked at.
    """
    try:
        value: Mapping[str, Any] = json.loads(text)
        if value["schema"] != LIST_SCHEMA:
            raise StoreError(
                f"{where}: {LIST_FILE} has the schema {value['schema']!r}, this version reads "
                f"{LIST_SCHEMA!r}; push the run again"
            )
        folder, report = str(value["folder"]), str(value.get("report", ""))
        files = tuple(
            PushedFile(str(path), str(row["sha256"]), int(row["bytes"]))
            for path, row in value["files"].items()
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{where}: {LIST_FILE} is not whole ({error}); push again") from error
    for one in files:
        parts = PurePosixPath(one.path).parts
        if not is_plain_name(folder) or not parts or not all(is_plain_name(p) for p in parts):
            raise StoreError(
                f"{where}: {LIST_FILE} names {one.path!r} of {folder!r}, which is no place in a "
                "run folder; it was not made by covidreport, and nothing of it was written"
            )
    return PushedList(folder, files, report)
