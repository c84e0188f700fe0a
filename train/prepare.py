"""All that can be settled, and go wrong, before the first epoch: splits, weights, images."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from covidreport.audit import DataEvidence, audit_data
from covidreport.dataset import fingerprint, select_split, select_splits
from covidreport.dataset.digests import digest_files
from covidreport.dataset.files import Digests
from covidreport.dataset.survey import survey_images
from covidreport.errors import CovidReportError, DatasetError
from covidreport.records import UNKNOWN, Dataset, Failure, Finding, PixelSpec

from .batches import Split
from .images import ImageStore
from .progress import Advanced, Begun, Tell
from .sampling import Indices, apply_convention, draw_images
from .settings import (
    TENTH,
    Augmentation,
    Experiment,
    FitSettings,
    Study,
    Transforms,
    find_augmentation,
)
from .study import StudyError
from .weights import Weights, WeightsError, find_weights

Advance = Callable[[int], None]
STOPPING = frozenset({"fewer-bits-in-use"})
"""Codes of the audit that stop a fit beside its errors: such images would train on a few greys."""


def split_roles(settings: FitSettings) -> dict[str, str]:
    """By role, the splits that an experiment needs.

    `train`, `validation`, and `selection` where the exported epoch is chosen on a third one.
    """
    roles = {"train": settings.train_split, "validation": settings.validation_split}
    chosen_on = settings.exported_epoch.split
    if chosen_on is not None and chosen_on not in roles.values():
        roles["selection"] = chosen_on
    return roles


def stored_splits(settings: FitSettings) -> list[str]:
    """The splits of the data that an experiment needs."""
    return [name for name in split_roles(settings).values() if name != TENTH]


def find_all_weights(study: Study, experiments: Iterable[Experiment]) -> dict[str, Weights]:
    """The weights that each experiment starts from, by its name; StudyError lists all that lack."""
    found: dict[str, Weights] = {}
    faults: dict[str, list[str]] = {}
    known: dict[tuple[str, str], Weights | WeightsError] = {}
    folder = study.path.resolve().parent
    for experiment in experiments:
        key = (experiment.settings.weights, experiment.settings.architecture)
        if key not in known:
            try:
                known[key] = find_weights(experiment.settings, folder)
            except WeightsError as error:
                known[key] = error
        weights = known[key]
        if isinstance(weights, Weights):
            found[experiment.name] = weights
        else:
            faults.setdefault(str(weights), []).append(experiment.number)
    if faults:
        raise StudyError(
            study.path, [f"experiments {', '.join(who)}: {why}" for why, who in faults.items()]
        )
    return found


def find_split_rows(dataset: Dataset, names: Iterable[str]) -> dict[str, Indices]:
    """The images of each split, as indices in the data set; DatasetError where one is empty.

    In the order of their ids: the same images give the same weights in whatever order they are
    listed.
    """
    indices = {sample: i for i, sample in enumerate(dataset.ids)}
    return {
        name: np.array(
            [indices[sample] for sample in sorted(select_split(dataset, name).ids)], np.intp
        )
        for name in dict.fromkeys(names)
    }


def refuse_unlabelled(dataset: Dataset, rows: Mapping[str, Indices]) -> None:
    """Raise DatasetError for images of these splits of which no label at all is known.

    A single unknown label counts for nothing; a batch of such images alone would have no loss.
    """
    faults = []
    for name, indices in rows.items():
        mute = indices[(dataset.truth[indices] == UNKNOWN).all(axis=1)]
        if mute.size:
            faults.append(
                f"split {name}: {mute.size} images without any known label, the first "
                f"{dataset.ids[mute[0]]}; leave them out, there is nothing to learn from them"
            )
    if faults:
        raise DatasetError(str(dataset.source), faults)


def digest_splits(dataset: Dataset, names: Iterable[str], tell: Tell) -> tuple[Dataset, Digests]:
    """The images of these splits, and the digests of their files, which are cached."""
    used = select_splits(dataset, tuple(dict.fromkeys(names)))
    tell(Begun("Reading files", len(used)))
    return used, digest_files(used, advance=lambda n: tell(Advanced(n)))


def fingerprint_splits(
    used: Dataset, digests: Sequence[str], names: Iterable[str]
) -> dict[str, str]:
    """The fingerprint of each split: its ids, truth, and the bytes of its files."""
    of = dict(zip(used.ids, digests, strict=True))
    parts = {name: select_split(used, name) for name in dict.fromkeys(names)}
    return {
        name: fingerprint(part, [of[sample] for sample in part.ids]) for name, part in parts.items()
    }


def refuse_faulty(
    used: Dataset, digests: Digests, study: Study, ignored: Collection[str], advance: Advance
) -> tuple[str, ...]:
    """Raise DatasetError for what a model would learn in place of the labels; the codes that were
    found and ignored.

    What the audit calls an error in the splits that are used, grey levels that 16 bits leave
    unused, and a label without positives. What was measured of the images is cached.
    """
    survey = survey_images(used, digests, advance=advance)
    found = [
        each
        for each in audit_data(DataEvidence(used, study.target, digests, survey))
        if each.severity == "error" or each.code in STOPPING
    ]
    found += _find_empty_labels(used)
    faults = [
        f"{each.what}\n    {each.evidence}\n    {each.remedy}\n    To fit all the same: --ignore "
        f"{each.code}"
        for each in found
        if each.code not in ignored
    ]
    if faults:
        raise DatasetError(str(used.source), faults)
    return tuple(sorted({each.code for each in found}))


def _find_empty_labels(used: Dataset) -> list[Finding]:
    """Labels that no image of a split has: nothing is learned of them, and none can be missed."""
    empty = [
        f"{label} in {name}"
        for name in dict.fromkeys(used.splits or ())
        for label, n in zip(
            used.labels, (select_split(used, name).truth == 1).sum(axis=0), strict=True
        )
        if not n
    ]
    if not empty:
        return []
    return [
        Finding(
            "error", "label-without-positives", f"No image has {', '.join(empty)}",
            "Nothing can be learned of such a label, nor be missed", "Leave it out of `labels`, or "
            "draw other splits",
        )
    ]  # fmt: skip


def check_images(
    store: ImageStore, rows: Mapping[str, Indices], experiments: Sequence[Experiment],
    workers: int, tell: Tell,
) -> tuple[Failure, ...]:  # fmt: skip
    """Decode every image that an experiment needs, each once; gives those that can't be.

    What is decoded is kept for the epochs; see `ImageStore`.
    """
    needed: dict[tuple[str, PixelSpec, Augmentation | Transforms | None], None] = {}
    for experiment in experiments:
        settings = experiment.settings
        for role, name in split_roles(settings).items():
            given = settings.augmentation if role == "train" else settings.validation_augmentation
            if name != TENTH:  # of the training split, and so of its images
                needed[name, settings.pixels, find_augmentation(given)] = None
    tell(Begun("Reading images", sum(len(rows[name]) for name, _, _ in needed)))
    failures: dict[str, Failure] = {}
    for name, spec, kind in needed:
        found = store.check(rows[name], spec, workers, kind, lambda n: tell(Advanced(n)))
        failures |= {failure.subject: failure for failure in found}
    return tuple(failures.values())


def make_splits(
    dataset: Dataset, rows: Mapping[str, Indices], study: Study, settings: FitSettings,
    failures: Sequence[Failure],
) -> dict[str, Split]:  # fmt: skip
    """By role, the images of each split under its label convention.

    Raises CovidReportError where no image of a split could be read.
    """
    broken = {failure.subject for failure in failures}
    splits = {}
    for role, name in split_roles(settings).items():
        convention = settings.train_labels if role == "train" else settings.validation_labels
        truth = apply_convention(dataset.truth[rows[name]], study.labels, convention)
        lost = np.array([dataset.ids[row] in broken for row in rows[name]], np.bool_)
        if lost.all():
            raise CovidReportError(f"split {name}: none of its {len(lost)} images can be read")
        readable, known = rows[name][~lost], truth[~lost]
        if role == "train" and settings.images is not None:
            # by the labels as given, so that studies of two conventions train on the same images
            drawn = draw_images(dataset.truth[readable], settings.images, settings.seed)
            readable, known = readable[drawn], known[drawn]
        splits[role] = Split(name, readable, known, truth[lost])
    return splits
