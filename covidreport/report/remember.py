"""Keeps the cases of a report in the cache folder: the same scores are read once.

A report is rendered often and its scores change seldom; reading them takes longer than the rest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from covidreport import __version__
from covidreport.cache import USED_MARK, cache_folder, make_room
from covidreport.errors import StoreError
from covidreport.records import Case, CaseTable, Evaluation, LeftOut, Ranking
from covidreport.store import digest_file, read_json, write_json

KIND = "cases"
SCHEMA = "covidreport.cases/1"
FILE = "cases.json"
METHOD = "2"
"""Counted up when other cases would be chosen from the same scores, or shown otherwise."""


def cases_key(
    ranking: Ranking,
    files: Sequence[tuple[Evaluation, Path]],
    limits: Sequence[int],
    salt: str | None,
) -> str:
    """The name of the entry: the scores' bytes, the thresholds, the order, what was asked.

    salt: of the cases' digests; None where ids are shown.
    """
    facts = {
        "version": [__version__, METHOD, SCHEMA],
        "target": ranking.target,
        "images": [ranking.dataset, ranking.split, ranking.fingerprint],
        "limits": list(limits),
        "salt": salt,
        "runs": [
            (
                evaluation.run,
                evaluation.has_scores,
                evaluation.thresholds.get(ranking.target),
                dataclasses.astuple(evaluation.counts[ranking.target]),
                digest_file(path) if path.is_file() else None,
            )
            for evaluation, path in files
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def recall_cases(key: str) -> tuple[CaseTable, dict[str, str]] | None:
    """The cases under this key without their pictures, and by name what a picture's file
    is called; None where nothing was kept, or where it can't be read."""
    file = cache_folder() / KIND / key / FILE
    if not file.is_file():
        return None
    try:
        value = read_json(file, SCHEMA)
        found = _read(value["table"]), dict(value["digests"])
        (file.parent / USED_MARK).touch()
    except (StoreError, OSError, KeyError, TypeError, AttributeError):
        return None
    return found


def remember_cases(key: str, table: CaseTable, digests: Mapping[str, str]) -> None:
    """Keep them under this key. Where the cache is off, full or closed they are not kept."""
    table = dataclasses.replace(table, pictures={})
    value = {"schema": SCHEMA, "table": dataclasses.asdict(table), "digests": dict(digests)}
    folder = cache_folder() / KIND / key
    try:
        if make_room(2 * len(json.dumps(value))):
            write_json(folder / FILE, value)
            (folder / USED_MARK).touch()
    except OSError:
        return  # a folder that can't be written to costs time at the next report and nothing else


def _read(value: Mapping[str, Any]) -> CaseTable:
    return CaseTable(
        **{
            **value,
            "runs": tuple(value["runs"]),
            "thresholds": tuple(value["thresholds"]),
            "positives": tuple(map(_read_case, value["positives"])),
            "false_alarms": tuple(map(_read_case, value["false_alarms"])),
            "left_out": tuple(LeftOut(**each) for each in value["left_out"]),
        }
    )


def _read_case(value: Mapping[str, Any]) -> Case:
    return Case(**{**value, "answers": tuple(value["answers"]), "scores": tuple(value["scores"])})
