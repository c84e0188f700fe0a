"""An answer to a kit, brought in as a data set of counts beside the runs that were sealed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct

from covidreport.errors import RunError, StoreError, UsageError
from covidreport.kit.words import describe_code
from covidreport.metrics import estimate_counts
from covidreport.metrics.binned import estimate_binned_auc
from covidreport.metrics.effective import sample_images
from covidreport.metrics.intervals import wilson
from covidreport.records import (
    Answer,
    AnsweredRun,
    Estimate,
    Evaluation,
    Finding,
    Kit,
    Run,
    ScoreBins,
    SealedRun,
)
from covidreport.storage.chosen import NO_SPLITS
from covidreport.storage.codec import encode
from covidreport.storage.evaluation import check_counts
from covidreport.storage.files import fits_name, format_path
from covidreport.storage.kit import name_kit, read_answer, read_kit
from covidreport.storage.model import identify_model
from covidreport.storage.runs import read_evaluations
from covidreport.store import EVALUATION_FILE, evaluation_folder, read_evaluation, write_evaluation

COUNTS_FROM = "an answer to a kit"
"""What the provenance of an evaluation says that was brought in so."""


class Brought(Struct, frozen=True):
    """What became of an answer: the folders of its evaluations, whether they stood there already,
    the runs that have none, with why, and the data sets whose counts are the very same."""

    folders: tuple[Path, ...]
    known: bool
    without: tuple[str, ...]
    alike: tuple[str, ...]


def bring_answer(file: Path, sealed: Path, runs: Sequence[Run], dataset: str) -> Brought:
    """Write the evaluation of each run that an answer has counts of into the run's folder.

    sealed: the kit that it answers. dataset: what to call the images. Raises UsageError with
    everything by which the answer, or a run here, is another than the sealed one, and where another
    answer stands under that name; StoreError where a file is none. Nothing is written then.
    """
    answer, digest = read_answer(file)
    kit = read_kit(sealed)
    if not fits_name(dataset):
        raise UsageError(f"the data set's name {dataset!r} can't be a folder's name; give --name")
    here = {run.name: run for run in runs}
    faults = [*_find_unlike(answer, kit), *_find_wrong(answer)]
    if not faults and answer.kit != name_kit(kit):
        faults = [f"it answers kit {answer.kit}, and {format_path(sealed)} is {name_kit(kit)}"]
    faults += [fault for each in kit.runs for fault in _find_moved(each, here.get(each.run))]
    if faults:
        listed = "".join(f"\n  {fault}" for fault in faults)
        raise UsageError(f"{format_path(file)}: is refused, and nothing was written:{listed}")
    if "counts" in answer.withheld:
        raise UsageError(
            f"{format_path(file)}: its sender withheld the counts, by which runs are ranked: "
            "nothing was written. What it holds can be read in it"
        )
    by_name = {each.run: each for each in kit.runs}
    made = [
        (here[each.run], _build(each, by_name[each.run], answer, digest, dataset))
        for each in answer.runs
        if each.counts is not None
    ]
    _refuse_taken(runs, dataset, digest)
    known = [_stands_already(run, evaluation, digest) for run, evaluation in made]
    for run, evaluation in made:
        write_evaluation(run.folder, evaluation)
    return Brought(
        tuple(evaluation_folder(run.folder, evaluation.key) for run, evaluation in made),
        bool(known) and all(known),
        tuple(f"{each.run} failed there ({each.failed})" for each in answer.runs if each.failed),
        tuple(_find_alike(made)),
    )


def _find_unlike(answer: Answer, kit: Kit) -> Iterator[str]:
    """What the answer says otherwise than was sealed."""
    for name in ("target", "attributes", "fewest"):
        found, asked = getattr(answer, name), getattr(kit, name)
        if found != asked:
            said = [", ".join(e) or "empty" if isinstance(e, tuple) else e for e in (found, asked)]
            yield f"`{name}` is {said[0]}, and {said[1]} was sealed"
    sealed = {each.run: each for each in kit.runs}
    found_runs = [each.run for each in answer.runs]
    if found_runs != list(sealed):
        yield f"its runs are {', '.join(found_runs)}, and {', '.join(sealed)} were sealed"
    for each in answer.runs:
        of = sealed.get(each.run)
        for name in ("model_sha256", "contract_sha256", "threshold"):
            if of is not None and getattr(each, name) != getattr(of, name):
                yield (
                    f"{each.run}: `{name}` is {getattr(each, name)}, and {getattr(of, name)} was "
                    "sealed"
                )


def _find_wrong(answer: Answer) -> Iterator[str]:
    """What of its counts can't be of the same images."""
    supports = {}
    for each in answer.runs:
        counts = each.counts
        if counts is None:
            if not each.failed and "counts" not in answer.withheld:
                yield f"{each.run}: has no counts, and nothing says why"
            continue
        try:
            check_counts({answer.target: counts}, (answer.target,))
        except StoreError as error:
            yield f"{each.run}: its counts are none ({error})"
            continue
        yield from _find_wrong_sample(each)
        supports[counts.positives, counts.negatives, counts.unknown] = each.run
        if each.curve is not None:
            wanted = (counts.fn, counts.tp), (counts.tn, counts.fp)
            bins = each.curve.positives, each.curve.negatives
            if tuple(_add_sides(one, each.threshold) for one in bins) != wanted:
                yield f"{each.run}: its curve does not add up to its counts"
        cells = [counts.tp, counts.missed, counts.false_alarms, counts.tn]
        for name, groups in each.groups.items():
            rows = [(one.tp, one.fn, one.fp, one.tn) for one in groups]
            sums = [sum(column) for column in zip(*rows, strict=True)]
            if rows and (sums != cells or min(map(min, rows)) < 0):
                yield f"{each.run}: its groups by {name} do not add up to its counts"
            if name not in answer.attributes:
                yield f"{each.run}: has groups by {name}, which nobody asked for"
    if len(supports) > 1:
        yield f"{' and '.join(supports.values())}: are not of the same images"


def _find_wrong_sample(answered: AnsweredRun) -> Iterator[str]:
    """That its effective samples are none of its images."""
    counts, effective = answered.counts, answered.effective
    if counts is None or effective is None:
        return
    for images, size in (
        (counts.positives, effective.positives), (counts.negatives, effective.negatives)
    ):  # fmt: skip
        if not min(images, 1) <= size <= images:
            yield f"{answered.run}: {images} images can't count as {size}"


def _add_sides(bins: ScoreBins, threshold: float) -> tuple[int, int] | None:
    """How many lie up to a threshold and above it; None where that is no edge, or bins are none."""
    edges, counts = bins.edges, bins.counts
    rising = all(low < high for low, high in pairwise(edges))
    fits = len(edges) == len(counts) + 1 and rising and min(counts, default=-1) >= 0
    if not fits or threshold not in edges or (edges[0], edges[-1]) != (0, 1):
        return None
    place = edges.index(threshold)
    return sum(counts[:place]), sum(counts[place:])


def _find_moved(sealed: SealedRun, run: Run | None) -> Iterator[str]:
    """What a run here has otherwise than when it was sealed."""
    if run is None or run.model is None:
        there = "has no model here" if run is not None else "is not here"
        yield f"{sealed.run}: {there}; name the folder of the sealed runs with --output"
        return
    if run.faults:
        yield f"{sealed.run}: {'; '.join(run.faults)}"
        return
    try:
        found = identify_model(run.model).sha256
    except RunError as error:
        yield f"{sealed.run}: {error}"
        return
    if found != sealed.model_sha256:
        yield f"{sealed.run}: its model here is {found}, and {sealed.model_sha256} was sealed"
    if encode(run.described) != encode(sealed.input):
        yield f"{sealed.run}: `input` of its run.json is another than the sealed one"


def _refuse_taken(runs: Sequence[Run], dataset: str, digest: str) -> None:
    """UsageError where the name is that of another data set, or the answer stands under another."""
    for run in runs:
        for each in read_evaluations(run)[0]:
            of = each.facts.answer
            if of is None and each.dataset == dataset:
                raise UsageError(
                    f"{run.name} has an evaluation on other data that are called {dataset}; give "
                    "another --name"
                )
            if of is not None and of.sha256 == digest and each.dataset != dataset:
                raise UsageError(
                    f"this very answer was brought in before, as {each.dataset}; a second time it "
                    "would count twice"
                )


def _find_alike(made: Sequence[tuple[Run, Evaluation]]) -> Iterator[str]:
    """Other data sets that came as counts, and the same ones for every run."""
    found = [
        {
            each.dataset for each in read_evaluations(run)[0]
            if each.facts.answer is not None and each.dataset != evaluation.dataset
            and each.counts == evaluation.counts
        }
        for run, evaluation in made
    ]  # fmt: skip
    yield from sorted(set.intersection(*found)) if found else ()


def _stands_already(run: Run, evaluation: Evaluation, digest: str) -> bool:
    """Whether this very answer stands there; UsageError where something else does."""
    folder = evaluation_folder(run.folder, evaluation.key)
    if not (folder / EVALUATION_FILE).exists():
        return False
    try:
        before = read_evaluation(folder).facts.answer
    except StoreError:
        before = None
    if before is None or before.sha256 != digest:
        raise UsageError(
            f"{run.name}: {evaluation.dataset} stands there with other figures; give --name"
        )
    return True


def _build(
    answered: AnsweredRun, sealed: SealedRun, answer: Answer, digest: str, dataset: str
) -> Evaluation:
    """The evaluation that a run's counts make."""
    counts, target = answered.counts, answer.target
    assert counts is not None
    provenance: dict[str, Any] = {
        "counts_from": COUNTS_FROM,
        "answer": {
            "sha256": digest,
            "kit": answer.kit,
            "fewest": answer.fewest,
            "withheld": answer.withheld,
            "effective": answered.effective,
            "curve": answered.curve,
            "groups": answered.groups,
        },
        "model": {"sha256": sealed.model_sha256},
        "contract_sha256": sealed.contract_sha256,
        "versions": answer.versions,
        **({} if sealed.tuning is None else {"tuning": sealed.tuning}),
    }
    return Evaluation(
        run=answered.run,
        dataset=dataset,
        split=NO_SPLITS,
        variant=None,
        fingerprint=None,
        labels=(target,),
        n_images=counts.total,
        n_groups=None,
        thresholds={target: sealed.threshold},
        thresholds_from=sealed.thresholds_from,
        counts={target: counts},
        estimates=_estimate(answered, target),
        findings=tuple(_describe(answered)),
        provenance=encode(provenance),
        has_scores=False,
    )


def _estimate(answered: AnsweredRun, target: str) -> dict[str, dict[str, Estimate]]:
    """The metrics of counts, and the area of the binned scores.

    Where patients have several images only the two rates have intervals, on the effective sample.
    """
    counts, effective = answered.counts, answered.effective
    assert counts is not None
    found = {label: dict(of) for label, of in estimate_counts({target: counts}).items()}
    own = found[target]
    if effective is not None:
        own = {
            key: Estimate(one.value, None, None, one.numerator, one.denominator)
            for key, one in own.items()
        }
        for key, size in (
            ("sensitivity", effective.positives), ("specificity", effective.negatives)
        ):  # fmt: skip
            own[key] = _on_sample(own[key], size)
    if answered.curve is not None:
        own["roc_auc"] = estimate_binned_auc(
            answered.curve.positives, answered.curve.negatives,
            (counts.failed_positive, counts.failed_negative), interval=effective is None,
        )  # fmt: skip
    return {**found, target: own}


def _on_sample(rate: Estimate, size: int) -> Estimate:
    """A rate with Wilson's interval on so many independent images."""
    if not rate.denominator or rate.numerator is None:
        return rate
    sample = sample_images(rate.numerator, rate.denominator, size)
    low, high = wilson(float(sample.proportion) * size, size)
    return Estimate(rate.value, low, high, rate.numerator, rate.denominator, "wilson over groups")


def _describe(answered: AnsweredRun) -> Iterator[Finding]:
    """Its findings, whose words stayed where the images are."""
    for each in answered.findings:
        yield Finding(
            each.severity, each.code, f"Who answered the kit was told: {describe_code(each.code)}",
            f"What was found of which images stayed there; the finding is {each.code}",
            "Ask whoever sent the answer.",
            (answered.run,),
        )  # fmt: skip
