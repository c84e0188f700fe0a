"""Which baseline is meant, and which runs it knows: a file, a run folder or the best of several."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.compare import rank_and_compare
from covidreport.compare.ranking import explain_unranked, rank_sets
from covidreport.errors import GateError, RunError, StoreError, UsageError
from covidreport.gate.comparable import check_comparable
from covidreport.gate.evidence import BASELINE, GateSide, read_baseline
from covidreport.gate.odds import take_reference
from covidreport.gate.stored import Trust, choose_evaluation, read_side, settle_images
from covidreport.records import Evaluation, GateEvidence, PickedBaseline, ReferenceDiscordance, Run
from covidreport.storage.address import Address, find_address, refuse_address
from covidreport.storage.chosen import ImageQuery, ReadAt, keep_thresholds
from covidreport.storage.codec import encode, read_json
from covidreport.storage.copied import CopiedPath, show_place
from covidreport.storage.folds import join_folds
from covidreport.storage.model import identify_model
from covidreport.storage.runs import (
    discover_runs,
    is_run_folder,
    names_runs,
    read_evaluations,
    read_run,
)
from covidreport.storage.shared import share_input
from covidreport.store import digest_file
from covidreport.text import plural

BASELINE_FILE: Final = "baseline.json"
REGISTERED: Final = "models:/"
"""What the address of a model in MLflow's registry begins with, as MLflow spells it."""
_SHORTEST_IDENTITY: Final = 16
"""Digits of `identify_run` in files of an earlier version."""


def read_run_baseline(
    run: Run, target: str, images: ImageQuery, trust: Trust | None = None
) -> GateSide:
    """A run folder as a baseline. GateError, of the stage `baseline`, as `read_side`."""
    try:
        return read_side(run, target, settle_images(images, [run]), trust)
    except GateError as error:
        raise GateError("baseline", f"the baseline {run.name}: {error}") from error


def locate_baseline(text: str | Path, runs: Sequence[Run], folder: Path | None = None) -> Path:
    """The place that is meant: a path, one relative to the configuration's folder, or a run's name.

    runs: the gated ones; a name is that of one of them or of a folder beside them. UsageError where
    nothing is there.
    """
    if isinstance(text, CopiedPath | Address):
        return text
    if (address := find_address(text)) is not None and not names_runs(address):
        return address
    text = str(text)
    refuse_address(text, "the baseline")
    candidates = [Path(text)]
    if folder is not None:
        candidates.append(folder / text)
    candidates += [run.folder for run in runs if run.name == text]
    candidates += [run.folder.parent / text for run in runs]
    for path in candidates:
        if path.exists():
            return path
    raise UsageError(
        f"the baseline {text!r} is no run folder, no folder of runs and no file that "
        "`covidreport baseline set` wrote, and no run is called so"
    )


class BaselineRequest(Struct, frozen=True):
    """Which baseline is asked for."""

    path: Path
    """A file, a run folder, or a folder of runs, of which the best is meant."""
    target: str
    images: ImageQuery
    specificity_floor: float
    gated: Sequence[Path] = ()
    """The folders of the runs that are judged; none of them is the best run of a folder."""
    trust: Trust = field(default_factory=Trust)
    shared: Mapping[str, Any] | None = None
    """What the settings say of the input of all runs."""


def find_baseline(request: BaselineRequest) -> GateSide:
    """The baseline at a place. GateError where it can't be one: no run that could not be ranked."""
    path = request.path
    if not names_runs(path):
        baseline = read_baseline(path, show_place(path))
    elif (only := find_single(path, request.shared)) is not None:
        baseline = read_run_baseline(only, request.target, request.images, request.trust)
        baseline = replace(baseline, source=show_place(path))
    else:
        baseline = _read_best(request)
    evidence = baseline.evidence
    if evidence.target != request.target:
        raise GateError(
            "baseline",
            f"the baseline {evidence.run} was set for {evidence.target}, and {request.target} is "
            "judged; make it again with `covidreport baseline set`",
        )
    if evidence.origin.exploratory:
        raise GateError(
            "baseline",
            f"the thresholds of the baseline {evidence.run} were {evidence.thresholds_from}",
        )
    useless = explain_unranked(evidence, request.target, request.specificity_floor)
    if useless is not None:
        raise GateError(
            "baseline", f"{evidence.run} is no baseline, since it could not be ranked: {useless}"
        )
    return baseline


def find_single(path: Path, shared: Mapping[str, Any] | None = None) -> Run | None:
    """The run of a run folder or an ONNX file, or the configuration whose folds alone a folder
    holds; else None. shared: what the settings say of the input of all."""
    if is_run_folder(path):
        return join_folds(share_input([read_run(path)], shared))[0]
    found = join_folds(share_input(discover_runs([path]), shared))
    alone = len(found) == 1 and (found[0].members or not path.is_dir())
    return found[0] if alone else None


def _read_best(request: BaselineRequest) -> GateSide:
    """The first run of the ranking of a folder's other runs."""
    place, taken = show_place(request.path), {folder.resolve() for folder in request.gated}
    found = join_folds(share_input(discover_runs([request.path]), request.shared))
    others = [run for run in found if run.folder.resolve() not in taken]
    if not others:
        raise GateError(
            "baseline",
            f"{place}: every run there is judged ({len(found):,}), and none is left to be "
            "the baseline: name a run of another folder, or a file that `covidreport baseline set` "
            "wrote",
        )
    images = settle_images(request.images, others)
    evaluated = _list_evaluated(others, images, request.trust)
    evaluations = [evaluation for _, evaluation in evaluated]
    for each in rank_sets(evaluations, request.target, request.specificity_floor):
        first = each.ranking.rows[0]
        if first.rank is not None:
            best = next(run for run, of in evaluated if of.run == first.run)
            baseline = read_run_baseline(best, request.target, images, request.trust)
            picked = find_picked(baseline, others, request.specificity_floor, images.at)
            return replace(
                baseline,
                evidence=replace(baseline.evidence, picked=picked),
                source=f"{place} ({first.run})",
                kind="best",
            )
    raise GateError(
        "baseline",
        f"{place}: none of its {plural(len(others), 'run')} that are not judged was "
        f"evaluated on {images.describe()} and could be ranked",
    )


def _list_evaluated(
    runs: Sequence[Run], images: ImageQuery, trust: Trust
) -> list[tuple[Run, Evaluation]]:
    """The runs that have evidence which may be judged."""
    found = []
    for run in runs:
        try:
            evaluation = choose_evaluation(run, images)
        except GateError:
            continue  # a run without evidence is not the best one; `render` shows why
        if trust.stored or trust.made.has_evaluation(run, evaluation):
            found.append((run, evaluation))
    return found


def find_baseline_file(named: str | None, folder: Path) -> Path | None:
    """The file of a baseline: the one that the configuration in `folder` names, else baseline.json.

    None where there is none, or where a run or a folder is named.
    """
    if named is not None and (address := find_address(named)) is not None:
        return address if address.is_file() else None
    candidates = [BASELINE_FILE] if named is None else [named]
    found = (path / name for name in candidates for path in (Path(), folder))
    return next((file for file in found if file.is_file()), None)


def peek_split(path: Path) -> str | None:
    """The split that a baseline was set on; None for a file that is none: `gate` says why."""
    try:
        split = read_json(path, BASELINE.schema).get("split")
    except StoreError:
        return None
    return split if isinstance(split, str) else None


def compare_at_hand(
    baseline: GateSide, runs: Sequence[Run], specificity_floor: float, at: ReadAt = keep_thresholds
) -> ReferenceDiscordance | None:
    """How far runs at hand differ from a baseline that is a run; None where none tells.

    Those that were not evaluated on its images, or could not be ranked, tell nothing.
    """
    of, stored = baseline.evidence, baseline.stored
    images = ImageQuery(of.dataset, of.split, of.variant or "", at=at)
    others = []
    for run in runs:
        try:
            side = read_side(run, of.target, images)
            check_comparable(side.evidence, of)
        except GateError:
            continue
        own = stored is not None and run.folder.resolve() == stored.folder.resolve()
        if not own and explain_unranked(side.evidence, of.target, specificity_floor) is None:
            others.append(side)
    return take_reference(baseline, others)


def find_picked(
    baseline: GateSide, runs: Sequence[Run], specificity_floor: float, at: ReadAt = keep_thresholds
) -> PickedBaseline | None:
    """What it does to a baseline to be the best of these runs; None where it is not."""
    of = baseline.evidence
    images = ImageQuery(of.dataset, of.split, of.variant or "", at=at)
    once = {run.folder.resolve(): run for run in runs}
    evaluated = _list_evaluated(list(once.values()), images, Trust())
    for each in rank_and_compare(evaluated, of.target, specificity_floor):
        comparisons = each.ranking.comparisons
        first = {row.run for row in each.ranking.rows if row.rank == 1}
        if of.run in first and comparisons is not None and comparisons.picked is not None:
            return PickedBaseline(comparisons.picked.runs, comparisons.picked.missed)
    return None


def carry_judged(output: Path, evidence: GateEvidence) -> tuple[str, ...]:
    """The models that a baseline's file counts, where it is of the images of another; none without
    a file.

    StoreError where the file can't be read.
    """
    if not output.exists():
        return ()
    earlier = BASELINE.read(output)
    known = evidence.label_fingerprints.get(evidence.target)
    alike = known is not None and earlier.label_fingerprints.get(evidence.target) == known
    return earlier.judged if alike or earlier.fingerprint == evidence.fingerprint else ()


def identify_run(run: Run) -> str:
    """What changes when a run's answers do: of its model and how that is fed, else of its counts.

    Reads the bytes of all files of the model and loads nothing. A model that is not whole is known
    by its fault and the bytes that are there.
    """
    if run.members:
        facts: dict[str, Any] = {each.fold or "": identify_run(each) for each in run.members}
    elif run.model is not None:
        facts = {"input": run.described}
        try:
            facts["model"] = identify_model(run.model, verify=True).sha256
        except RunError as error:
            there = digest_file(run.model) if run.model.is_file() else None
            facts |= {"model": there, "fault": str(error)}
    else:
        facts = {each.key: encode(each.counts) for each in read_evaluations(run)[0]}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_known(baseline: GateSide, run: Run) -> bool:
    """Whether a run is as it was when the baseline was set.

    Older files have the first digits alone, which two models could be made to share.
    """
    noted = baseline.evidence.known.get(run.name, "")
    return len(noted) >= _SHORTEST_IDENTITY and identify_run(run).startswith(noted)
