"""What chance decides about a patient's build, and about how the patient stands for one film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.synthetic.canvas import Pose


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One patient's build. Metrics without a unit are factors around 1 or body units."""

    breadth: float
    stoutness: float
    heart: float
    aorta: float
    rib_spacing: float
    rib_offset: float
    rib_slope: float
    bone: float
    clavicle: float
    breast: float
    spine_bend: float
    right_dome: float
    stomach: float
    vessels: int
    """The seed of the pulmonary vessels: all films of a patient show the same tree."""
    form: int
    """The seed of the body's own form: how it departs from the one that all are drawn after."""


@dataclass(frozen=True, slots=True)
class Stance:
    """One exposure's position: how the body lies, which way the rays go, how deep the breath is."""

    pose: Pose
    view: str
    """`PA`, or `AP`: the heart looks larger, and the shoulder blades lie over the lungs."""
    breath: float
    """How far the diaphragm stands below its mean, in body units."""
    turn: float
    """How far the patient is turned about the spine: one lung is clearer than the other."""


def choose_anatomy(rng: np.random.Generator, sex: str, age: int) -> Anatomy:
    """Choose a patient's build from sex and age, by chance."""
    female = sex == "F"
    older = (age - 50) / 40
    return Anatomy(
        breadth=rng.normal(0.97 if female else 1.01, 0.04),
        stoutness=float(np.clip(rng.normal(1.0, 0.10), 0.8, 1.25)),
        heart=float(np.clip(rng.normal(1.0 + 0.05 * older, 0.09), 0.8, 1.3)),
        aorta=float(np.clip(rng.normal(0.9 + 0.3 * older, 0.2), 0.3, 1.5)),
        rib_spacing=rng.normal(0.132, 0.006),
        rib_offset=rng.uniform(0, 0.1),
        rib_slope=rng.uniform(0.25, 0.5),
        bone=float(np.clip(rng.normal(1.0 - 0.12 * older, 0.12), 0.6, 1.4)),
        clavicle=rng.normal(0.0, 0.03),
        breast=rng.uniform(0.2, 1.0) if female else 0.0,
        spine_bend=rng.normal(0.0, 0.012),
        right_dome=float(np.clip(rng.normal(0.05, 0.03), -0.01, 0.11)),
        stomach=rng.uniform(0.3, 1.0) if rng.random() < 0.6 else 0.0,
        vessels=int(rng.integers(2**32)),
        form=int(rng.integers(2**32)),
    )


def choose_stance(rng: np.random.Generator, view: str) -> Stance:
    """Choose how a patient stands for one film, by chance; AP films catch a shallower breath."""
    pose = Pose(
        scale=float(np.clip(rng.normal(1.07, 0.05), 0.93, 1.21)),
        angle=float(np.clip(rng.normal(0, 0.045), -0.12, 0.12)),
        shift_u=float(np.clip(rng.normal(0, 0.04), -0.1, 0.1)),
        shift_v=float(np.clip(rng.normal(0, 0.04), -0.1, 0.1)),
    )
    breath = rng.normal(-0.05 if view == "AP" else 0.0, 0.035)
    return Stance(pose, view, float(np.clip(breath, -0.14, 0.1)), rng.normal(0, 0.4))
