"""An evaluation that is shared out over machines: what is a shard's, and what is merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from covidreport.errors import UsageError
from covidreport.evaluate.cut import Cut, Parts
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.request import default_batch, join_variants
from covidreport.inference.execution import Execution
from covidreport.records import Dataset, Run, Shard, name_evaluation
from covidreport.storage.parts import PARTS_FOLDER
from covidreport.text import listed


class Sharing(Struct, frozen=True):
    """How an evaluation is shared out. runs: their names; shard: None where parts are merged."""

    runs: Sequence[str]
    shard: Shard | None
    folders: tuple[Path, ...]
    batch: int
    variant: str | None

    @classmethod
    def of(cls, options: EvaluateOptions, execution: Execution, runs: Sequence[str]) -> Sharing:
        """What options say of it."""
        folders = options.parts or (Path(PARTS_FOLDER),)
        batch = options.batch_size or default_batch(execution)
        variant = join_variants(execution, options.occlusion)
        return cls(runs, options.shard, folders, batch, variant)

    def cut(self, dataset: Dataset) -> Cut | None:
        """The part of these images that is a shard's; None where parts are merged."""
        if self.shard is None:
            return None
        return Cut.of(self.shard, self.batch, dataset, self.folders[0])

    def find_parts(self, dataset: Dataset, split: str) -> Parts | None:
        """Where the parts of these images are; None where a shard is scored."""
        if self.shard is not None:
            return None
        return Parts(self.folders, name_evaluation(dataset.name, split, self.variant))


def check_sharing(stated: EvaluateOptions, runs: Sequence[Run]) -> None:
    """UsageError where what is asked for besides can't be done for a part of the images.

    stated: by whoever asks, without the settings: what these say holds when all parts are merged.
    """
    if stated.shard is None and stated.parts is None:
        return
    if any(run.members for run in runs):
        names = listed([run.name for run in runs if run.members], 3)
        raise UsageError(
            f"{names}: trained once a fold, and each model is run on its fold alone: evaluate "
            "folds without --shard, each run on another machine if that takes too long"
        )
    if stated.shard is None:
        return
    asked = {
        "--thumbnails": stated.thumbnails,
        "--maps": stated.maps,
        "--disturb": stated.disturb and stated.disturb.asked,
        "--foreign": stated.foreign and stated.foreign.asked,
        "--check-preprocessing": stated.check_preprocessing,
    }
    named = [name for name, value in asked.items() if value]
    if named:
        raise UsageError(
            f"{listed(named)} with --shard: merge the parts first; `covidreport evaluate "
            f"{' '.join(named)}` without --shard then keeps what was merged and does the rest"
        )
    if stated.thresholds is not None:
        raise UsageError(
            "--threshold and --thresholds with --shard: a part holds scores alone; give them to "
            "`covidreport merge`"
        )
    if stated.parts is not None and len(stated.parts) > 1:
        raise UsageError("--parts with --shard: one folder, into which its part is written")
