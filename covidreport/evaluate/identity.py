"""What makes an evaluation the same as another, and which stored ones may be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.images.cache import DECODER, decoder_versions
from covidreport.inference.signs import read_signs
from covidreport.records import Evaluation, Run
from covidreport.storage.model import match_model
from covidreport.store import (
    EVALUATION_FILE,
    FAILURE_FILE,
    MODEL_FILE,
    RUN_FILE,
    SCORES_FILE,
    evaluation_folder,
    read_evaluation,
    read_failure,
)

PYDICOM = "pydicom"
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


def recorded_digest(
    run: Run, evaluation: Evaluation, *, verify: bool, use_cache: bool = True
) -> str | None:
    """The sha256 of the run's model if it is the one that was evaluated, else None.

    None too where a file of it is missing: opening it says so. verify: every byte is read.
    """
    if run.model is None or evaluation.facts.model_sha256 is None:
        return None
    match = match_model(run.model, evaluation, verify=verify, use_cache=use_cache)
    return match.found if match.same else None


def explain_foreign(run: Run, name: str) -> str | None:
    """Why an evaluation, or a file of it, is another run's through a link; None where it is not.

    What is written goes where a link points. One to a place of no run, such as a larger disk, is
    as good as a folder.
    """
    folder, home = evaluation_folder(run.folder, name), run.folder.resolve()
    files = (SCORES_FILE, EVALUATION_FILE, FAILURE_FILE)
    for path in (folder, *(folder / file for file in files)):
        for owner in path.resolve().parents:
            if owner == home:
                break
            if any((owner / file).exists() for file in (RUN_FILE, MODEL_FILE)):
                return (
                    f"{path.relative_to(run.folder)} is a link into {owner}, which is another "
                    "run: a run is judged by scores of its own; delete the link"
                )
    return None


def find_stored(
    run: Run, name: str, *, fingerprint: str, labels: Sequence[str], n_groups: int | None,
    provider: Mapping[str, Any], batch: int, verify: bool, use_cache: bool = True,
) -> Evaluation | None:  # fmt: skip
    """The stored evaluation `name` of a run, if computing it again would give the same scores."""
    folder = evaluation_folder(run.folder, name)
    try:
        if read_failure(folder) is not None or not (folder / SCORES_FILE).is_file():
            return None
        evaluation = replace(read_evaluation(folder), run=run.name)
    except StoreError:
        return None  # what can't be read is computed again
    digest = recorded_digest(run, evaluation, verify=verify, use_cache=use_cache)
    if digest is None or evaluation.n_groups != n_groups:
        return None
    key = evaluation_key(digest, fingerprint, labels, run.described, provider, batch)
    if evaluation.facts.key != key or _was_mixed(run, evaluation, batch):
        return None
    return None if _was_decoded_otherwise(evaluation) else evaluation


def _was_decoded_otherwise(evaluation: Evaluation) -> bool:
    """Whether this covidreport may read a failed image, or get other pixels of a DICOM file.

    pydicom decides those of DICOM files alone, and is no part of the key: which files are DICOM is
    not known before they are read. One that an earlier version did not record may be another.
    """
    dicom = bool(evaluation.provenance.get("dicom"))
    recorded = (evaluation.facts.versions or {}).get(PYDICOM)
    other = evaluation.facts.decoder != DECODER or (
        (dicom or recorded is not None) and recorded != decoder_versions()[PYDICOM]
    )
    return other and bool(evaluation.failures or dicom)


def _was_mixed(run: Run, evaluation: Evaluation, batch: int) -> bool:
    """Whether a covidreport that did not ask may have scored images that change each other's."""
    if evaluation.facts.company != "not asked" or batch == 1 or run.model is None:
        return False
    signs = read_signs(run.model, "")
    return bool(signs.mixes or signs.may_mix)
