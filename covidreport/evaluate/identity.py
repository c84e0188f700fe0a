"""What makes an evaluation the same as another, and which stored ones may be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any

from covidreport.errors import StoreError
from covidreport.records import Evaluation, Run
from covidreport.store import (
    SCORES_FILE,
    digest_file,
    evaluation_folder,
    read_evaluation,
    read_failure,
)

ENGINE = "1"
"""Counted up when a change of the loop changes a score."""


def evaluation_key(
    model_sha256: str,
    fingerprint: str,
    labels: Sequence[str],
    described: Mapping[str, Any] | None,
    provider: Mapping[str, Any],
    batch: int,
) -> str:
    """The sha256 of everything that scores depend on; thresholds are no part of it.

    provider: what ran, with its options and precision. described: `input` of run.json.
    """
    facts = {
        "engine": ENGINE,
        "model": model_sha256,
        "fingerprint": fingerprint,
        "labels": list(labels),
        "described": described or {},
        "provider": {key: provider[key] for key in provider if key != "asked"},
        "batch": batch,
        "versions": {name: _installed(name) for name in ("pillow", "imagecodecs")},
        "runtime": runtime_version(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@cache
def _installed(package: str) -> str:
    return version(package)


def runtime_version() -> str:
    """The version of ONNX Runtime, whichever package brought it."""
    from covidreport.inference.providers import describe_runtime

    return str(describe_runtime()["onnxruntime"])


def recorded_digest(run: Run, evaluation: Evaluation, *, verify: bool) -> str | None:
    """The sha256 of the run's model if it is the one that was evaluated, else None.

    Size and modification time decide, and the bytes where the time differs or `verify` is set.
    """
    recorded = evaluation.provenance.get("model") or {}
    if run.model is None or not recorded:
        return None
    facts = run.model.stat()
    if facts.st_size != recorded.get("bytes"):
        return None
    digest = str(recorded.get("sha256"))
    if facts.st_mtime_ns == evaluation.timing.get("model_mtime_ns") and not verify:
        return digest
    return digest if digest_file(run.model) == digest else None


def find_stored(
    run: Run, name: str, *, fingerprint: str, labels: Sequence[str], n_groups: int | None,
    provider: Mapping[str, Any], batch: int, verify: bool,
) -> Evaluation | None:  # fmt: skip
    """The stored evaluation `name` of a run, if computing it again would give the same scores."""
    folder = evaluation_folder(run.folder, name)
    try:
        if read_failure(folder) is not None or not (folder / SCORES_FILE).is_file():
            return None
        evaluation = replace(read_evaluation(folder), run=run.name)
    except StoreError:
        return None  # what can't be read is computed again
    digest = recorded_digest(run, evaluation, verify=verify)
    if digest is None or evaluation.n_groups != n_groups:
        return None
    described = run.settings.get("input")
    key = evaluation_key(digest, fingerprint, labels, described, provider, batch)
    return evaluation if evaluation.provenance.get("key") == key else None
