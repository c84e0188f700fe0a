"""Keeps the cases of a report in the cache folder: the same scores are read once.

A report is rendered often and its scores change seldom; reading them takes longer than the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from covidreport import __version__
from covidreport.records import CaseTable, Evaluation, Ranking
from covidreport.storage.kept import read_record, write_record
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
                astuple(evaluation.counts[ranking.target]),
                digest_file(path) if path.is_file() else None,
            )
            for evaluation, path in files
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Kept:
    table: CaseTable
    """Without its pictures."""
    digests: Mapping[str, str]


def recall_cases(key: str) -> tuple[CaseTable, Mapping[str, str]] | None:
    """The cases under this key without their pictures, and by name what a picture's file
    is called; None where nothing was kept, or where it is damaged."""
    kept = read_record(KIND, key, _Kept)
    return None if kept is None else (kept.table, kept.digests)


def remember_cases(key: str, table: CaseTable, digests: Mapping[str, str]) -> None:
    """Keep them under this key. Where the cache is off, full or closed they are not kept."""
    write_record(KIND, key, _Kept(replace(table, pictures={}), digests))
