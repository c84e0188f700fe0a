"""A data set of records without files that nothing is wrong with, and how to spoil it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.audit import DataEvidence, polarity
from covidreport.records import Dataset, ImageSurvey

N = 1600


def make_evidence(n: int = N) -> DataEvidence:
    """Images of as many patients: a quarter covid-19, half train, everything balanced.

    The label goes by i mod 4, the split by the next bit, then sex, view and size; so nothing
    depends on anything else. Pictures are noise, no two alike.
    """
    i = np.arange(n)
    label = (i % 4 == 0).astype(np.int8)
    rng = np.random.default_rng(1)
    views = ("PA", "AP", "AP supine")
    dataset = Dataset(
        name="made",
        root=Path("made"),
        source=Path("made/manifest.csv"),
        labels=("covid-19", "normal"),
        ids=tuple(f"{each:04}.png" for each in i),
        paths=tuple(f"{each:04}.png" for each in i),
        truth=np.stack([label, 1 - label], axis=1),
        splits=tuple(("train", "validation")[each] for each in (i // 4) % 2),
        groups=tuple(f"p{each}" for each in i),
        attributes={
            "sex": tuple("FM"[each] for each in (i // 8) % 2),
            "view": tuple(views[each] for each in (i // 16) % 3),
        },
    )
    survey = ImageSurvey(
        reasons=(None,) * n,
        pixels=tuple(f"pixels {each}" for each in i),
        formats=("PNG",) * n,
        colours=("grey",) * n,
        bits=np.full(n, 8, np.int32),
        sizes=np.stack([np.full(n, 512), 512 + 128 * ((i // 16) % 2)], axis=1).astype(np.int32),
        brightness=rng.uniform(90, 150, n).astype(np.float32),
        peaks=(None,) * n,
        assumed=((),) * n,
        contents=rng.integers(0, 256, (n, 64, 64), dtype=np.uint8),
        thumbnails=rng.integers(0, 128, (n, 32, 32), dtype=np.uint8) + _draw_chest(),
    )
    return DataEvidence(dataset, "covid-19", tuple(f"{each:064x}" for each in i), survey)


def _draw_chest() -> NDArray[np.uint8]:
    """Uint8 `(32, 32)`, 28 to 88: what all pictures share, so that none looks like a negative."""
    half = np.array(polarity._HALF)
    chest = np.kron(np.hstack([half, half[:, ::-1]]), np.ones((4, 4), np.int64))
    return (64 + 12 * chest).astype(np.uint8)


def change_dataset(evidence: DataEvidence, **columns: Any) -> DataEvidence:
    """The evidence with other columns of the data set."""
    return replace(evidence, dataset=replace(evidence.dataset, **columns))


def change_survey(evidence: DataEvidence, **columns: Any) -> DataEvidence:
    """The evidence with other columns of the pictures."""
    assert evidence.survey is not None
    return replace(evidence, survey=replace(evidence.survey, **columns))


def with_attribute(evidence: DataEvidence, name: str, values: Any) -> DataEvidence:
    """The evidence with one more attribute, `(N,)`."""
    attributes = {**evidence.dataset.attributes, name: tuple(values)}
    return change_dataset(evidence, attributes=attributes)


def repeat(texts: Any, source: int, *targets: int) -> tuple[Any, ...]:
    """A column in which some rows hold what another row holds."""
    changed = list(texts)
    for target in targets:
        changed[target] = changed[source]
    return tuple(changed)
