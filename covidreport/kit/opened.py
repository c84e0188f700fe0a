"""A kit opened where the images are: in a folder that is gone again afterwards, cache and all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import StoreError, UsageError
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.thresholds import Thresholds
from covidreport.metrics.small_cells import FEWEST
from covidreport.records import Kit
from covidreport.storage.files import format_path
from covidreport.storage.kit import name_kit, unpack_kit

PREFIX = "covidreport-kit-"
"""How the folder is called in which a kit is opened."""
CACHE = "COVIDREPORT_CACHE"
_TRIES = 10
_OWN: Mapping[str, str] = {
    "thresholds": "--threshold", "labels": "labels", "occlusion": "--occlude", "maps": "--maps",
    "disturb": "--disturb", "foreign": "--foreign", "thumbnails": "--thumbnails",
    "check_preprocessing": "--check-preprocessing", "precision": "--precision",
}  # fmt: skip
"""What a sender can't choose: the first three are sealed, the others ask for other figures, or for
files that nobody sends."""


class OpenedKit(Struct, frozen=True):
    """A kit whose files were all checked. runs: the folder of its run folders."""

    kit: Kit
    sha256: str
    runs: Path

    def complete(self, options: EvaluateOptions) -> EvaluateOptions:
        """What the sender says of data and machine, with what is sealed; nothing of that is left to
        the settings of the place. UsageError where the sender asks for something else."""
        asked = [word for name, word in _OWN.items() if _is_asked(options, name)]
        if asked:
            raise UsageError(
                f"{asked[0]}: a kit is evaluated as it was sealed; leave it out with --counts-only"
            )
        first = self.kit.runs[0]
        if first.tuning is not None:
            thresholds = Thresholds(tuned=True)
        else:
            thresholds = Thresholds(first.threshold, origin=first.thresholds_from)
        return replace(
            options, target=self.kit.target, thresholds=thresholds, input={}, thumbnails=False,
            check_preprocessing=False, precision=options.precision or "fp32",
        )  # fmt: skip


def _is_asked(options: EvaluateOptions, name: str) -> bool:
    value = getattr(options, name)
    return value not in (None, False) and not (name == "precision" and value == "fp32")


@contextmanager
def open_kit(path: Path, keep: Path | None = None) -> Iterator[OpenedKit]:
    """A kit, unpacked and checked; all that is left of it is removed at the end, however that comes
    about, and so is all that was cached meanwhile.

    keep: a folder that does not exist, where runs and scores are to stay instead. StoreError where
    the kit is none, or was changed.
    """
    if keep is not None:
        if keep.exists():
            raise UsageError(f"{format_path(keep)}: is there already; name a new folder to keep")
        try:
            opened = _unpack(path, keep)
        except BaseException:
            _remove(keep)
            raise
        yield opened
        return
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with _cache_in(folder / "cache"):
            yield _unpack(path, folder)
    finally:
        _remove(folder)


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Cache below a folder, in processes that are started too."""
    before = os.environ.get(CACHE)
    os.environ[CACHE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[CACHE]
        else:
            os.environ[CACHE] = before


def _unpack(path: Path, folder: Path) -> OpenedKit:
    kit = unpack_kit(path, folder)
    if kit.fewest != FEWEST:
        raise StoreError(
            f"{format_path(path)}: asks for counts of {kit.fewest} images and more, and none is "
            f"told of fewer or more than {FEWEST}: use the covidreport that made the kit"
        )
    if not kit.runs:
        raise StoreError(f"{format_path(path)}: holds no run")
    return OpenedKit(kit, name_kit(kit), folder / "runs")


def _remove(folder: Path) -> None:
    """Remove a folder; what still writes there is given a moment to end."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
