"""Whether an evaluation may take the place of one of other images that goes by the same name.

Folders of evaluations are called by data set, split and variant. A data set that grew by ten images
keeps its name, and its evaluation is replaced, with a word. Two data sets that are called alike
(both `data`) are another thing: what stands is kept, and the other one gets a longer name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from covidreport.errors import StoreError
from covidreport.records import Evaluation
from covidreport.storage.evaluation import read_evaluation
from covidreport.storage.files import format_path
from covidreport.storage.folder import SCORES_FILE
from covidreport.storage.scores import read_scores

SOURCE_DIGEST = "data_place"
"""In an evaluation's `timing`, where equal ones may differ: a digest of where its data lay."""
SAME_SET = 0.9
"""Of the images of before, the share that a data set which was moved and changed still has, with
the same truth."""


class NewImages(Struct, frozen=True):
    """What an evaluation that is to be written is of. truth: int8 `(N, K)`."""

    dataset: str
    split: str
    variant: str | None
    fingerprint: str
    source: Path
    labels: Sequence[str]
    sample_ids: Sequence[str]
    truth: NDArray[np.int8]
    label_fingerprints: Mapping[str, str] = field(default_factory=dict)


class Replacement(Struct, frozen=True):
    """What an evaluation of other images that stands there is of, and what it would be of now.

    other_data: whether they are another data set's.
    """

    what: str
    other_data: bool

    @property
    def reason(self) -> str:
        """Why it is kept, where the data are another set's."""
        return f"{self.what}: two data sets go by one name, and what stands is kept"


RENAME = "Give one of them another name (`name` in covidreport.toml, or that of its folder)"


def digest_source(source: Path) -> str:
    """A digest of where a data set lies: the path itself is nobody's business."""
    return hashlib.sha256(str(source.resolve()).encode(errors="surrogatepass")).hexdigest()[:32]


def find_replaced(folder: Path, new: NewImages) -> Replacement | None:
    """What an evaluation in this folder would replace; None where nothing of other images stands.

    An evaluation that can't be read is nothing: it is computed again.
    """
    try:
        old = read_evaluation(folder)
    except StoreError:
        return None
    names = (old.dataset, old.split, old.variant)
    if old.fingerprint == new.fingerprint and names == (new.dataset, new.split, new.variant):
        return None
    source = old.facts.source
    what = (
        f"{folder.name} was of {old.n_images:,} images or another truth"
        f"{f' from {source}' if source else ''} ({_describe(old.fingerprint)}) and is now of "
        f"{len(new.sample_ids):,} from {format_path(new.source.as_posix())} "
        f"({_describe(new.fingerprint)})"
    )
    if names != (new.dataset, new.split, new.variant):
        what = f"{folder.name} is {', '.join(filter(None, names))} as well: {what}"
        return Replacement(what, other_data=True)
    return Replacement(what, other_data=not _is_same_set(folder, old, new))


def choose_name(
    new: NewImages, names: Sequence[str], folders: Iterable[Path],
    counts: Callable[[Path, Evaluation], bool],
) -> str:  # fmt: skip
    """What a data set is filed under: the first of its names, unless another set goes by that.

    names: what it may be called, the wanted name first. folders: of evaluations, of whatever data.
    counts: whether an evaluation in such a folder counts. A name of the set by which it stands
    there already goes before one by which nothing does, so that all its splits have one.
    """
    own: set[str] = set()
    others: set[str] = set()
    shortest = min(names, key=len)
    for folder in folders:
        if f"-{shortest}-" not in f"-{folder.name}-":
            continue
        try:
            old = read_evaluation(folder)
        except StoreError:
            continue  # it is computed again
        if f"-{old.dataset}".endswith(f"-{shortest}") and counts(folder, old):
            same = _is_same_set(folder, old, new)
            if same is not None:
                (own if same else others).add(old.dataset)
    known = [name for name in names if name in own - others]
    if not known and names[0] in others:  # it may have been moved since it got its name
        known = sorted(own - others, key=len)
    free = (name for name in names if name not in others)
    return known[0] if known else next(free, names[0])


def _is_same_set(folder: Path, old: Evaluation, new: NewImages) -> bool | None:
    """Whether the evaluation in a folder is of the same data set as new images, maybe as it was
    before; None where that can't be told, as of another split of data that may have been moved."""
    shared = old.label_fingerprints.items() & new.label_fingerprints.items()
    if shared or old.fingerprint == new.fingerprint:
        return True
    there = _lies_there(old, old.facts.source, new.source)
    if there is None and old.split == new.split:
        return _overlap(folder, new) >= SAME_SET
    return there


def _describe(fingerprint: str | None) -> str:
    return "no fingerprint" if fingerprint is None else f"fingerprint {fingerprint[:12]}"


def _lies_there(old: Evaluation, source: str | None, new: Path) -> bool | None:
    """Whether the data of before are those at `new`; None where they may have been moved."""
    digest = old.times.data_place
    known = digest or (digest_source(Path(source)) if source else None)
    if known == digest_source(new):
        return True
    if source is None or not Path(source).exists():
        return None
    stands = digest_source(Path(source)) == digest if digest else Path(source).is_absolute()
    return False if stands else None


def _overlap(folder: Path, new: NewImages) -> float:
    """Of the images of before, the share that is among the new ones with the same truth."""
    try:
        old = read_scores(folder / SCORES_FILE)
    except StoreError:
        return 0.0
    both = [label for label in old.labels if label in new.labels]
    before = old.truth[:, [old.labels.index(label) for label in both]]
    after = new.truth[:, [list(new.labels).index(label) for label in both]]
    rows = {sample: row for row, sample in enumerate(new.sample_ids)}
    pairs = [(i, rows[sample]) for i, sample in enumerate(old.sample_ids) if sample in rows]
    if not pairs or not both:
        return 0.0
    ours, theirs = map(list, zip(*pairs, strict=True))
    return float((before[ours] == after[theirs]).all(axis=1).sum()) / len(old.sample_ids)
