"""Images cut into shards, and where the parts of an evaluation lie.

Images are cut where the batches of the whole evaluation end. So every batch holds the same images
as on one machine, and no score depends on how many shards there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.dataset import digest_rows
from covidreport.dataset.files import Digests
from covidreport.dataset.split import take_labels
from covidreport.errors import RunError, StoreError, UsageError
from covidreport.records import Dataset, EvaluationPart, Shard
from covidreport.storage.parts import list_failures, list_parts, part_folder, read_part, read_rows
from covidreport.text import list_some, listed, plural

MOST_SHARDS = 100_000
MOST_NAMED = 10
"""Of many shards, or runs, so many are named."""


class Cut(Struct, frozen=True):
    """Which part of a split's images is evaluated. folder: where parts go."""

    shard: Shard
    rows: range
    """Of `whole`."""
    whole: Dataset
    data: str
    """The digest of `whole` by which parts of the same data are known."""
    folder: Path

    @classmethod
    def of(cls, shard: Shard, batch: int, whole: Dataset, folder: Path) -> Cut:
        """A shard of these images."""
        rows = cut_rows(len(whole), batch, shard)
        return cls(shard, rows, whole, digest_rows(whole), folder)

    def take(self, labels: Sequence[str]) -> Cut:
        """The same rows with these of the labels."""
        whole = take_labels(self.whole, labels)
        return replace(self, whole=whole, data=digest_rows(whole))

    def place(self, run: str, evaluation: str) -> Path:
        """Where the part of this run goes."""
        return part_folder(self.folder, evaluation, run, self.shard)


def read_shard(text: str) -> Shard:
    """What `--shard` says, such as `3/7`; UsageError where it is no shard."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST_SHARDS:
        raise UsageError(
            f"--shard {text}: give which of how many, counted from 1, such as 3/7 (at most "
            f"{MOST_SHARDS:,})"
        )
    return Shard(int(found[1]), int(found[2]))


def cut_rows(n: int, batch: int, shard: Shard) -> range:
    """The images of a shard, of `n`: whole batches, but for the last of all; none where there are
    more shards than batches."""
    batches = -(-n // batch)
    first, last = (batches * at // shard.of for at in (shard.number - 1, shard.number))
    return range(min(first * batch, n), min(last * batch, n))


class Parts(Struct):
    """The parts that are to be merged: in which folders, and of which evaluation."""

    folders: tuple[Path, ...]
    evaluation: str
    data: dict[tuple[str, ...], str] = field(default_factory=dict)
    """By labels: `Cut.data` of the images, once it is known."""
    fingerprints: dict[tuple[tuple[str, ...], Shard], str] = field(default_factory=dict)
    """By labels and shard: of its images, once it is known."""

    def locate(self, run: str) -> list[tuple[Shard, Path]]:
        """The parts of a run, one of each shard; RunError that names which are missing or there
        twice."""
        found = [
            each for folder in self.folders for each in list_parts(folder, self.evaluation, run)
        ]
        where = listed([str(folder / self.evaluation) for folder in self.folders])
        counts = sorted({shard.of for shard, _ in found})
        if not counts:
            failed = self._explain(run, None)
            raise RunError(f"no part of it stands in {where}{failed}", self._remedy("1/N"))
        if len(counts) > 1:
            raise RunError(
                f"parts of {listed([plural(of, 'shard') for of in counts])} stand in {where}, and "
                "parts belong together only where there are equally many",
                "Delete those of one cut.",
            )
        every = [Shard(number, counts[0]) for number in range(1, counts[0] + 1)]
        there: dict[Shard, list[Path]] = {shard: [] for shard in every}
        for shard, path in found:
            there[shard].append(path)
        twice = [shard for shard, paths in there.items() if len(paths) > 1]
        if twice:
            raise RunError(f"there twice in {where}: shard {_list(twice)}", "Delete one of each.")
        missing = [shard for shard, paths in there.items() if not paths]
        if missing:
            named = _list([f"{shard}{self._explain(run, shard)}" for shard in missing])
            raise RunError(
                f"missing in {where}, of {plural(counts[0], 'shard')}: {named}",
                self._remedy(str(missing[0])),
            )
        return [(shard, there[shard][0]) for shard in every]

    def _explain(self, run: str, shard: Shard | None) -> str:
        """Why a shard, or the first of any, left no part, where that was told."""
        for folder in self.folders:
            for told in list_failures(folder, self.evaluation, run):
                if shard in (None, told.shard):
                    which = f"{told.shard}: " if shard is None else ""
                    return f" (failed: {which}{told.reason})"
        return ""

    def _remedy(self, shard: str) -> str:
        return (
            f"`covidreport evaluate --shard {shard} --parts {self.folders[0]}` with the other "
            "options makes it; then merge again."
        )

    def read_digests(self, runs: Sequence[str], n: int) -> Digests:
        """The digests of all files, of the first run whose parts are all there.

        UsageError where there is none, with why.
        """
        why: dict[str, list[str]] = {}
        for run in runs:
            try:
                located = self.locate(run)
                parts = [(read_part(path), path) for _, path in located]
                digests = _join_digests(parts)
            except (RunError, StoreError) as error:
                remedy = f". {error.remedy}" if isinstance(error, RunError) else ""
                why.setdefault(f"{error}{remedy}", []).append(run)
                continue
            if len(digests) == n:
                return digests
            what = (
                f"parts of {len(digests):,} images, and the data has {n:,}: they are of other data"
            )
            why.setdefault(what, []).append(run)
        told = [f"  {list_some(names, MOST_NAMED)}: {each}" for each, names in why.items()]
        raise UsageError("\n".join(["no run has all its parts:", *told]))


def _list(shards: Sequence[object]) -> str:
    return list_some([str(shard) for shard in shards], MOST_NAMED)


def _join_digests(parts: Sequence[tuple[EvaluationPart, Path]]) -> Digests:
    # of each part no more than its digests is held while the next is read
    found = [
        (rows.sha256, rows.readable) for rows in (read_rows(path, part) for part, path in parts)
    ]
    sha256, readable = zip(*found, strict=True)
    return Digests(b"".join(sha256), np.concatenate(readable))
