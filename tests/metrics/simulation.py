"""Runs of known quality on images of known correlation, for tests of the statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri


@dataclass(frozen=True, slots=True)
class Design:
    """How wrong answers come about: a latent normal for each run and image, wrong below a limit.

    Its variance 1 is shared out: `difficulty` belongs to the image and is the same for all runs,
    `patient` belongs to a run and a patient and is the same for the patient's images, and the rest
    is noise. Runs with equal rates are exchangeable.
    """

    runs: int
    positives: int
    rate: float = 0.1
    difficulty: float = 0.5
    patient: float = 0.0
    images_per_patient: int = 1


def draw_wrong(
    design: Design, rng: np.random.Generator, rates: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None]:
    """What each run missed, bool `(R, P)`, and the patients `(P,)` (None where all are single).

    rates `(R,)`: each run's own rate in place of the design's.
    """
    patients = np.arange(design.positives) // design.images_per_patient
    shape = (design.runs, design.positives)
    of_image = rng.standard_normal(design.positives)
    of_patient = rng.standard_normal((design.runs, patients[-1] + 1))[:, patients]
    noise = 1 - design.difficulty - design.patient
    latent = (
        np.sqrt(design.difficulty) * of_image
        + np.sqrt(design.patient) * of_patient
        + np.sqrt(noise) * rng.standard_normal(shape)
    )
    limits = ndtri(np.full(design.runs, design.rate) if rates is None else rates)
    return latent < limits[:, np.newaxis], None if design.images_per_patient == 1 else patients
