"""Keeps comparisons in the cache folder: the same scores are compared once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covidreport import __version__
from covidreport.cache import USED_MARK, cache_folder, make_room
from covidreport.compare.pairs import FLIPS, RESAMPLES, SEED, Plan
from covidreport.errors import StoreError, WriteError
from covidreport.records import (
    Comparison,
    Evaluation,
    LeftOut,
    NonInferior,
    OverallTest,
    Ranking,
    RunCombination,
    RunComparisons,
    RunStanding,
    SmallestGap,
)
from covidreport.store import digest_file, read_json, write_json

KIND = "comparisons"
SCHEMA = "covidreport.comparisons/1"
FILE = "comparisons.json"
METHOD = "1"
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
    """What was computed under this key; None where nothing was, or where it can't be read."""
    file = cache_folder() / KIND / key / FILE
    if not file.is_file():
        return None
    try:
        comparisons = _read(read_json(file, SCHEMA))
        (file.parent / USED_MARK).touch()
    except (StoreError, OSError, KeyError, TypeError, AttributeError):
        return None
    return comparisons


def remember_comparisons(key: str, comparisons: RunComparisons) -> None:
    """Keep them under this key. Where the cache is off, full or closed they are not kept."""
    value = dataclasses.asdict(comparisons)
    size = len(json.dumps(value))
    folder = cache_folder() / KIND / key
    try:
        if make_room(2 * size):
            write_json(folder / FILE, {"schema": SCHEMA, **value})
            (folder / USED_MARK).touch()
    except (OSError, WriteError):
        return  # a folder that can't be written to costs time at the next report and nothing else


_PARTS: dict[str, Any] = {
    "standings": RunStanding,
    "sensitivity": Comparison,
    "specificity": Comparison,
    "roc_auc": Comparison,
    "non_inferiority": NonInferior,
    "left_out": LeftOut,
}


def _read(value: dict[str, Any]) -> RunComparisons:
    rest = {key: item for key, item in value.items() if key != "schema"}
    for name, record in _PARTS.items():
        rest[name] = tuple(record(**item) for item in rest[name])
    rest["combinations"] = tuple(
        RunCombination(**{**item, "runs": tuple(item["runs"])}) for item in rest["combinations"]
    )
    rest["smallest_gap"] = SmallestGap(**rest["smallest_gap"])
    if rest["overall"] is not None:
        rest["overall"] = OverallTest(**rest["overall"])
    return RunComparisons(**rest)
