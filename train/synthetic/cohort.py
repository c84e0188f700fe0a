"""Who is drawn: patients with one to three films each, split by patient, alike in both splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

LABELS = ("covid-19", "normal", "pneumonia")
"""In the manifest's order."""
TRAIN, VALIDATION = "train", "validation"
_T = TypeVar("_T")

# Few have COVID-19, as in the study that the demo stands for: some thirty of the 480 images' 192
# in validation, so that a reader sees how wide an interval over so few cases is.
_PROPORTIONS: tuple[tuple[frozenset[str], float], ...] = (
    (frozenset({"normal"}), 0.47),
    (frozenset({"pneumonia"}), 0.38),
    (frozenset({"covid-19"}), 0.12),
    (frozenset({"covid-19", "pneumonia"}), 0.03),
)
_VIEWS = (("PA", 0.6), ("AP", 0.4))
_SEXES = (("F", 0.5), ("M", 0.5))
_SUFFIXES = ((".png", 0.84), (".jpg", 0.16))
_ASPECTS = ((1.0, 0.6), (1.125, 0.2), (0.8889, 0.2))
"""Width by height."""
_FILMS = (0.5, 0.32, 0.18)
"""The proportion of patients with one, two and three films."""


@dataclass(frozen=True, slots=True)
class Film:
    """One image to draw. `patient` and `number` count from 1 and seed what chance decides."""

    patient: int
    number: int
    labels: frozenset[str]
    split: str
    sex: str
    age: int
    view: str
    suffix: str
    aspect: float

    @property
    def patient_id(self) -> str:
        """The patient's name in the manifest, which tells neither class nor split."""
        return f"drawn-{self.patient:04d}"

    @property
    def path(self) -> str:
        """Where the image lies, relative to the data set's folder."""
        return f"images/{self.patient_id}-{self.number}{self.suffix}"


def plan_cohort(images: int, validation: float, seed: int) -> tuple[Film, ...]:
    """Plan `images` films; `validation` is the proportion of them in the validation split.

    Label sets have the same shares in both splits. Within each label set of a split, view, sex,
    file format and proportions are dealt out by the same shares, so that none of them tells the
    class. Films come in the order of their patients, whose numbers tell nothing either.
    """
    rng = np.random.default_rng(seed)
    sizes = _apportion(images, [1 - validation, validation])
    patients: list[list[Film]] = []
    for split, size in zip((TRAIN, VALIDATION), sizes, strict=True):
        counts = _apportion(size, [proportion for _, proportion in _PROPORTIONS])
        for (labels, _), count in zip(_PROPORTIONS, counts, strict=True):
            patients += _plan_group(rng, count, labels, split)
    order = rng.permutation(len(patients))
    return tuple(
        replace(film, patient=patient)
        for patient, at in enumerate(order, start=1)
        for film in patients[at]
    )


def _plan_group(
    rng: np.random.Generator, count: int, labels: frozenset[str], split: str
) -> list[list[Film]]:
    """Patients of one label set and split, each a list of films; none has its number yet."""
    films = _deal_films(rng, count)
    sexes = _deal(rng, len(films), _SEXES)
    views = iter(_deal(rng, count, _VIEWS))
    suffixes = iter(_deal(rng, count, _SUFFIXES))
    aspects = iter(_deal(rng, count, _ASPECTS))
    patients: list[list[Film]] = []
    for n, sex in zip(films, sexes, strict=True):
        age = int(np.clip(np.round(rng.normal(56, 16)), 20, 90))
        patients.append(
            [
                Film(0, at, labels, split, sex, age, next(views), next(suffixes), next(aspects))
                for at in range(1, n + 1)
            ]
        )
    return patients


def _deal_films(rng: np.random.Generator, count: int) -> list[int]:
    """Numbers of films, one for each patient, that add up to `count`."""
    films: list[int] = []
    while (left := count - sum(films)) > 0:
        films.append(min(left, 1 + int(rng.choice(len(_FILMS), p=_FILMS))))
    return films


def _deal(
    rng: np.random.Generator, count: int, proportions: Sequence[tuple[_T, float]]
) -> list[_T]:
    """`count` values in the shares that are asked for, shuffled."""
    numbers = _apportion(count, [proportion for _, proportion in proportions])
    values = [value for (value, _), n in zip(proportions, numbers, strict=True) for _ in range(n)]
    return [values[at] for at in rng.permutation(count)]


def _apportion(total: int, proportions: Sequence[float]) -> list[int]:
    """Split `total` into whole numbers by shares that sum to 1 (largest remainders)."""
    exact = [total * proportion for proportion in proportions]
    whole = [int(value) for value in exact]
    largest = sorted(range(len(proportions)), key=lambda at: whole[at] - exact[at])
    for at in largest[: total - sum(whole)]:
        whole[at] += 1
    return whole
