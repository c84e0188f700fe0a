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
from covidreport.cache import read_kept, write_kept
from covidreport.records import Case, CaseTable, Evaluation, LeftOut, Ranking
from covidreport.store import digest_file

KIND = "cases"
SCHEMA = "covidreport.cases/1"
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
    is called; None where nothing was kept, or where it is damaged."""
    kept = read_kept(KIND, key)
    if kept is None:
        return None
    value = json.loads(kept)
    return _read(value["table"]), value["digests"]


def remember_cases(key: str, table: CaseTable, digests: Mapping[str, str]) -> None:
    """Keep them under this key. Where the cache is off, full or closed they are not kept."""
    table = dataclasses.replace(table, pictures={})
    value = {"table": dataclasses.asdict(table), "digests": dict(digests)}
    write_kept(KIND, key, json.dumps(value).encode())


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
