"""What disease adds to a chest: air that has given way to fluid, as a proportion of 0 to 1 per
pixel."""

from __future__ import annotations

import numpy as np

from .chest import Chest, Grid, clouds, step

_LOBES = ("right upper", "right middle", "right lower", "left upper", "left lower")


def draw_peripheral_opacities(chest: Chest, rng: np.random.Generator, density: float) -> Grid:
    """Draw patches in both lungs, along the chest wall and mostly low, as COVID-19 gives.

    `density` is the proportion of air that the densest patch replaces.
    """
    frame = chest.frame
    filled = np.zeros(frame.u.shape, dtype=np.float32)
    weaker = rng.choice((-1.0, 1.0))
    for s in (-1.0, 1.0):
        strength = rng.uniform(0.55, 0.9) if s == weaker else 1.0
        for _ in range(int(rng.integers(3, 7))):
            low = rng.random() < 0.65
            v = rng.uniform(-0.05, 0.42) if low else rng.uniform(-0.45, 0.0)
            u = s * (0.60 + 0.06 * v - abs(rng.normal(0, 0.09)))
            wide, tall = rng.uniform(0.07, 0.13), rng.uniform(0.10, 0.20)
            tilt = np.float32(s * rng.normal(0.25, 0.2))
            across = (frame.u - u) + tilt * (frame.v - v)
            away = (across / wide) ** 2 + ((frame.v - v) / tall) ** 2
            patch = np.float32(strength * rng.uniform(0.6, 1.0)) * np.exp(-away)
            filled = 1 - (1 - filled) * (1 - patch)
    ragged = np.clip(
        0.85 + 0.42 * clouds(rng, frame.u.shape, 26) + 0.2 * clouds(rng, frame.u.shape, 52), 0, 1.6
    )
    opacity: Grid = np.clip(np.float32(density) * filled * ragged, 0, 0.95) * chest.lung
    return opacity


def draw_lobar_opacity(chest: Chest, rng: np.random.Generator, density: float) -> Grid:
    """Draw one consolidated lobe, or a part of it: pneumonia."""
    frame = chest.frame
    lobe = str(rng.choice(_LOBES))
    s = np.float32(-1 if lobe.startswith("right") else 1)
    u, v = frame.u * s, frame.v
    fissure = np.float32(rng.normal(-0.10, 0.03)) + np.float32(rng.normal(0.08, 0.05)) * u
    if lobe.endswith("upper"):
        sharp = 0.03 if lobe.startswith("right") else 0.25
        part, center = step(fissure - v, sharp), (0.38, -0.40)
    elif lobe.endswith("middle"):
        part, center = step(v - fissure, 0.03) * step(0.36 - v, 0.2), (0.33, 0.14)
    else:
        part, center = step(v - fissure - 0.16 + 0.3 * u, 0.25), (0.42, 0.34)
    cu, cv = center[0] + rng.normal(0, 0.05), center[1] + rng.normal(0, 0.04)
    wide, tall = rng.uniform(0.22, 0.34), rng.uniform(0.20, 0.30)
    away = ((u - cu) / wide) ** 2 + ((v - cv) / tall) ** 2
    part = part * np.exp(-(away**1.5)) * step(u, 0.02)
    ragged = np.clip(0.93 + 0.12 * clouds(rng, frame.u.shape, 12), 0, 1.2)
    opacity: Grid = np.clip(np.float32(density) * part * ragged, 0, 0.97) * chest.lung
    return opacity
