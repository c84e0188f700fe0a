"""Keeps comparisons in the cache folder: the same scores are compared once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from covidreport import __version__
from covidreport.compare.pairs import FLIPS, RESAMPLES, SEED, Plan
from covidreport.records import Evaluation, LeftOut, Ranking, RunComparisons
from covidreport.storage.kept import read_record, write_record
from covidreport.store import digest_file

KIND = "comparisons"
SCHEMA = "covidreport.comparisons/1"
METHOD = "2"
"""Counted up when the same scores would be compared otherwise."""


def comparison_key(
    ranking: Ranking,
    files: Sequence[tuple[Evaluation, Path]],
    plan: Plan,
    unranked: Sequence[LeftOut],
) -> str:
    """The name of the entry: the scores' bytes, the thresholds, the order, what was asked."""
    facts = {
        "version": [__version__, METHOD, SCHEMA],
        "draws": [RESAMPLES, FLIPS, SEED],
        "target": ranking.target,
        "images": [ranking.dataset, ranking.split, ranking.fingerprint],
        "plan": dataclasses.asdict(plan),
        "rows": [dataclasses.astuple(row) for row in ranking.rows],
        "unranked": [dataclasses.astuple(each) for each in unranked],
        "runs": [
            (
                evaluation.run,
                evaluation.key,
                evaluation.thresholds.get(ranking.target),
                dataclasses.astuple(evaluation.counts[ranking.target]),
                digest_file(path) if path.is_file() else None,
            )
            for evaluation, path in files
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def recall_comparisons(key: str) -> RunComparisons | None:
    """What was computed under this key; None where nothing was, or where it is damaged."""
    return read_record(KIND, key, RunComparisons)


def remember_comparisons(key: str, comparisons: RunComparisons) -> None:
    """Keep them under this key. Where the cache is off, full or closed they are not kept."""
    write_record(KIND, key, comparisons)
