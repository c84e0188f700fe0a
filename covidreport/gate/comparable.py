"""Whether a run can be judged against a baseline: images, truth of the target, thresholds."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from covidreport.compare.ranking import (
    have_same_thresholds,
    identify_images,
    part_comparable,
)
from covidreport.errors import GateError
from covidreport.records import Counts, GateEvidence


def check_comparable(run: GateEvidence, baseline: GateEvidence) -> None:
    """Raise GateError, with all that differs, where two runs could not stand in one ranking.

    The same images and truth of the target, variant and rule of thresholds are wanted; all labels
    of files that have no fingerprint of the target.
    """
    if len(part_comparable([run, baseline], run.target)) == 1:
        return
    differences = (*_compare_options(run, baseline), *_compare_data(run, baseline))
    if not have_same_thresholds(run, baseline):
        differences += (_tell("thresholds", _format_thresholds(run), _format_thresholds(baseline)),)
    raise GateError(
        "baseline",
        f"{run.run} can't be compared with the baseline {baseline.run}: they are not of the same "
        f"images, truth and thresholds. {'; '.join(differences)}. Evaluate both on the same data, "
        "or set the baseline again with `covidreport baseline set`",
    )


def _compare_options(run: GateEvidence, baseline: GateEvidence) -> Iterator[str]:
    if sorted(run.labels) != sorted(baseline.labels) and not _have_target(run, baseline):
        yield _tell("labels", ", ".join(run.labels), ", ".join(baseline.labels))
    same = _are_same_images(run, baseline)
    if run.split != baseline.split and not same:
        yield _tell("split", run.split, baseline.split)
    if run.variant != baseline.variant:
        yield _tell("variant", run.variant or "the usual", baseline.variant or "the usual")


def _compare_data(run: GateEvidence, baseline: GateEvidence) -> list[str]:
    if _are_same_images(run, baseline):
        return []
    found = []
    if run.n_images != baseline.n_images:
        found.append(_tell("images", f"{run.n_images:,}", f"{baseline.n_images:,}"))
    for label in run.labels:
        ours, theirs = run.counts.get(label), baseline.counts.get(label)
        if ours and theirs and _format_support(ours) != _format_support(theirs):
            found.append(_tell(label, _format_support(ours), _format_support(theirs)))
    if run.fingerprint != baseline.fingerprint:
        numbers = "" if found else ", though images and positives are as many"
        said = _tell("data", _format_fingerprint(run), _format_fingerprint(baseline))
        found.append(f"{said} (ids, truth, split or the bytes of files differ{numbers})")
    elif run.dataset != baseline.dataset:
        found.append(_tell("data set", run.dataset, baseline.dataset))
    return found


def _have_target(run: GateEvidence, baseline: GateEvidence) -> bool:
    """Whether both say by a fingerprint what the truth of the target is."""
    return all(run.target in each.label_fingerprints for each in (run, baseline))


def _are_same_images(run: GateEvidence, baseline: GateEvidence) -> bool:
    same = run.fingerprint == baseline.fingerprint is not None
    ours, theirs = (replace(each, variant=None) for each in (run, baseline))
    known = identify_images(ours, run.target) == identify_images(theirs, run.target)
    return same or (known and _have_target(run, baseline))


def _tell(what: str, ours: str, theirs: str) -> str:
    return f"{what}: {ours}; the baseline's: {theirs}"


def _format_support(counts: Counts) -> str:
    unknown = f", {counts.unknown:,} unknown" if counts.unknown else ""
    return f"{counts.positives:,} positive, {counts.negatives:,} negative{unknown}"


def _format_fingerprint(evidence: GateEvidence) -> str:
    digest = evidence.fingerprint
    return "without a fingerprint" if digest is None else f"fingerprint {digest[:12]}"


def _format_thresholds(evidence: GateEvidence) -> str:
    values = ", ".join(f"{label} {value:g}" for label, value in evidence.thresholds.items())
    return f"{values} ({evidence.thresholds_from})" if values else evidence.thresholds_from
