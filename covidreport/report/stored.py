"""What is made of the stored scores of one evaluation, once for the same scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from covidreport.compare.reading import ReadScores, digest_scores
from covidreport.errors import StoreError
from covidreport.records import Evaluation, Run, Scores
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder

Kept = TypeVar("Kept")


class StoredScores(Struct, frozen=True):
    """Where the scores of an evaluation are, and what reads them."""

    run: Run
    evaluation: Evaluation
    read: ReadScores

    @property
    def path(self) -> Path:
        """Their file, which need not be there."""
        return evaluation_folder(self.run.folder, self.evaluation.key) / SCORES_FILE

    def open(self) -> Scores | None:
        """The scores; None where they can't be read, or are none of the evaluation's images."""
        try:
            scores = self.read(self.path)
        except StoreError:
            return None  # that they can't be read is said where runs are compared
        return scores if len(scores.sample_ids) == self.evaluation.n_images else None


def make_once(
    kind: str, key: tuple[object, ...], stored: StoredScores, make: Callable[[Scores], Kept],
    record: type[Kept],
) -> Kept | None:  # fmt: skip
    """What is made of stored scores, read from the cache where these very scores were met before;
    None where there are none, or they can't be read. kind: of cache. key: all else that it hangs
    on, with the number that its method counts up."""
    if not stored.evaluation.has_scores or not stored.path.is_file():
        return None

    def compute() -> Kept | None:
        scores = stored.open()
        return None if scores is None else make(scores)

    facts = [digest_scores(stored.path, stored.read), stored.evaluation.n_images]
    return cached(kind, [*key, *facts], compute, record)
