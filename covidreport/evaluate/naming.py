"""What a data set is called in run folders where another one goes by its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from covidreport.dataset.index import DataQuery
from covidreport.dataset.source import list_names, name_source
from covidreport.records import Dataset, Evaluation, Noted, OnEvent, Run
from covidreport.storage.made_here import MadeHere
from covidreport.storage.replaced import NewImages, choose_name
from covidreport.store import EVALUATION_FILE, EVALUATIONS_FOLDER


def name_in_runs(
    images: NewImages, runs: Sequence[Run], made: MadeHere | None = None, *, trusted: bool = True
) -> str:
    """The name of a data set in these runs and those beside them, which should all have one.

    made: what was computed here, where nothing else is trusted.
    """
    by_folder = {run.folder.resolve(): run for run in runs}

    def counts(folder: Path, evaluation: Evaluation) -> bool:
        run = by_folder.get(folder.parent.parent.resolve())
        return trusted or (run is not None and (made or MadeHere()).has_evaluation(run, evaluation))

    names = list_names(images.source, images.dataset)
    return choose_name(images, names, _list_evaluations(runs), counts)


def _list_evaluations(runs: Sequence[Run]) -> Iterator[Path]:
    """The folders of evaluations in the folders that hold these runs."""
    for home in dict.fromkeys(run.folder.absolute().resolve().parent for run in runs):
        found = home.glob(f"*/{EVALUATIONS_FOLDER}/*/{EVALUATION_FILE}")
        yield from (file.parent for file in sorted(found))


def rename(dataset: Dataset, name: str) -> Dataset:
    """The data set under another name."""
    return dataset if name == dataset.name else replace(dataset, name=name)


def tell_name(query: DataQuery, name: str, on_event: OnEvent) -> None:
    """Say once that a data set does not go by the name that it would have alone."""
    wanted = name_source(query.source, query.name)
    if name != wanted:
        where = query.source.as_posix()
        on_event(Noted(f"{where} is filed as {name}: in these runs {wanted} is another data set"))
