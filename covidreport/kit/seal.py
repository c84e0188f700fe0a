"""Run folders to one sealed file: models, contracts, thresholds, and the digest of each file."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from covidreport import __version__
from covidreport.boundary import attempt
from covidreport.errors import RunError, UsageError
from covidreport.evaluate.opening import open_model
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.tuned import ReportedImages, choose_thresholds
from covidreport.metrics.small_cells import FEWEST
from covidreport.records import ARGMAX, Failure, Kit, ModelLimits, Run, SealedRun
from covidreport.storage.codec import encode, write_json
from covidreport.storage.kit import name_kit, seal_member, stays_inside, write_kit
from covidreport.storage.model import identify_model
from covidreport.store import REFERENCE_FILE, RUN_FILE, RUN_SCHEMA, THRESHOLDS_FILE


class KitRequest(Struct, frozen=True):
    """What is asked of other hospitals, and of which runs.

    thresholds: those that are sealed; each run's own tuned ones where nobody stated any.
    attributes: by which counts are asked for. limits: what a model may take as it is looked at.
    """

    runs: Sequence[Run]
    target: str
    thresholds: Thresholds
    attributes: tuple[str, ...] = ()
    limits: ModelLimits = ModelLimits()


class _Sealed(Struct, frozen=True):
    """A run and the files of its own that go into the kit, by their names in its folder."""

    run: SealedRun
    files: Mapping[str, Path]


def seal_runs(request: KitRequest, output: Path, work: Path) -> tuple[Kit, str]:
    """Write a kit of the runs to `output`; the kit, and the sha256 that it is known by.

    work: an empty folder for what is written on the way. Raises RunError with every run that can't
    be sealed and why, UsageError for wrong usage; nothing is written then. The same runs give the
    same bytes.
    """
    names = Counter(run.name for run in request.runs)
    if not names:
        raise UsageError("no run is named, and a kit without one asks nothing")
    sealed, faults, digests = [], [], dict[str, str]()
    for place, run in enumerate(request.runs, start=1):
        one = attempt(run.name, "load", partial(_seal, request, run, f"runs/{place}", work))
        if isinstance(one, Failure):
            faults.append(f"{run.name}: {one.explanation}")
            continue
        # two thresholds of one model would tell the images between them
        same = digests.setdefault(one.run.model_sha256, run.name)
        if same != run.name:
            faults.append(f"{run.name}: has the very model of {same}; seal one of the two")
        sealed.append(one)
    if faults:
        raise RunError("can't be sealed:\n" + "\n".join(f"  {each}" for each in faults))
    files = {
        f"{each.run.folder}/{name}": file for each in sealed for name, file in each.files.items()
    }
    kit = Kit(
        target=request.target,
        attributes=request.attributes,
        fewest=FEWEST,
        runs=tuple(each.run for each in sealed),
        members={name: seal_member(files[name]) for name in sorted(files)},
        versions={"covidreport": __version__},
    )
    write_kit(output, kit, files)
    return kit, name_kit(kit)


def _seal(request: KitRequest, run: Run, folder: str, work: Path) -> _Sealed:
    """One run; RunError where it has no contract or no threshold that stays as it is."""
    if run.members or run.fold is not None:
        raise RunError(
            "is of folds, each of which answers images that it never saw: seal a run that was "
            "trained on all"
        )
    session = open_model(run, limits=request.limits)
    if isinstance(session, Failure):
        raise RunError(session.reason, session.remedy)
    if request.target not in session.spec.labels:
        raise RunError(
            f"has no output for {request.target}; its labels are {', '.join(session.spec.labels)}"
        )
    if session.spec.decision == ARGMAX:
        raise RunError(
            "predicts the label that scores highest (argmax), and has no threshold to seal",
            'Say `"decision": "threshold"` under "input" in its run.json, and tune one.',
        )
    assert run.model is not None
    identity = identify_model(run.model, verify=True)
    thresholds = request.thresholds
    if not thresholds.stated:
        thresholds = replace(thresholds, tuned=True)
    images = ReportedImages("", "", None, session.spec.labels, ())
    chosen = choose_thresholds(thresholds, run, images, identity.sha256)
    tuned_for = None if chosen.tuning is None else chosen.tuning["targets"]
    if tuned_for is not None and request.target not in tuned_for:
        raise RunError(
            f"its thresholds were tuned for {', '.join(tuned_for)} and not for {request.target}: "
            "run `covidreport tune`, or give --threshold"
        )
    contract = encode(session.spec)
    sealed = SealedRun(
        run.name, folder, identity.sha256, contract, digest_contract(contract), run.described,
        chosen.values[request.target], chosen.origin, chosen.tuning,
    )  # fmt: skip
    files = {file.path: run.model.parent / file.path for file in identity.files}
    files[identity.files[0].path] = run.model
    written = work / folder / RUN_FILE
    write_json(written, _describe_run(run, identity.files[0].path))
    files |= {RUN_FILE: written}
    beside = [REFERENCE_FILE, *([THRESHOLDS_FILE] if tuned_for is not None else [])]
    files |= {name: run.folder / name for name in beside if (run.folder / name).is_file()}
    odd = [name for name in files if not stays_inside(name)]
    if odd:
        raise RunError(f"a file of its model is called {odd[0]!r}, which no kit can hold")
    return _Sealed(sealed, files)


def _describe_run(run: Run, model: str) -> Mapping[str, Any]:
    """Its run.json in a kit: what evaluating it takes, and nothing of how or on what it was
    trained."""
    described: dict[str, Any] = {"schema": RUN_SCHEMA, "name": run.name, "model": model}
    if run.described is not None:
        described["input"] = dict(run.described)
    export = run.part("export")
    if "sha256" in export:
        described["export"] = {"sha256": export["sha256"]}
    return described


def digest_contract(contract: Any) -> str:
    """The sha256 by which a contract is known."""
    return hashlib.sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()
