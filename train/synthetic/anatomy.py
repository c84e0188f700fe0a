"""A chest, drawn from the shapes that a frontal radiograph shows: what absorbs, where air is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.synthetic.build import Anatomy, Stance
from train.synthetic.canvas import (
    Frame,
    Grid,
    Stroke,
    bend,
    clouds,
    curve,
    dome,
    ellipse,
    inside,
    paint,
)
from train.synthetic.skeleton import draw_skeleton

_LATERAL = ((-0.79, 0.27), (-0.72, 0.41), (-0.58, 0.53), (-0.35, 0.62), (0.0, 0.68), (0.7, 0.71))
_MEDIAL = ((-0.79, 0.23), (-0.70, 0.15), (-0.30, 0.13), (0.6, 0.12))
_TORSO = (
    *((-1.0, 0.25), (-0.93, 0.30), (-0.86, 0.46), (-0.79, 0.72), (-0.70, 0.97)),
    *((-0.5, 1.04), (-0.30, 0.90), (0.1, 0.84), (1.0, 0.83)),
)
_DEPTH = ((-1.0, 0.62), (-0.8, 0.62), (-0.4, 0.84), (0.3, 1.0), (0.7, 1.2), (1.0, 1.25))


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """What the rays meet, `(height, width)` each.

    lung: 1 inside the lungs' outline. air: depth of air, 0 to about 1. tissue, bone: depth of what
    absorbs. vessels: pulmonary vessels, 0 to 1.
    """

    frame: Frame
    lung: Grid
    air: Grid
    tissue: Grid
    bone: Grid
    vessels: Grid


def draw_chest(anatomy: Anatomy, stance: Stance, frame: Frame) -> Chest:
    """Draw a healthy chest as layers of depth."""
    side: Grid = abs(frame.u) / np.float32(anatomy.breadth)
    tissue = _draw_tissue(anatomy, frame, side)
    lung, depth, lateral = _draw_lungs(anatomy, stance, frame, side)
    heart = _draw_heart(anatomy, stance, frame)
    open_air = depth * (1 - 0.9 * np.clip(heart * 1.6, 0, 1))
    open_air *= 1 + np.float32(0.22 * stance.turn) * np.sign(frame.u)
    tissue += _draw_soft_parts(anatomy, stance, frame, side) * lung + 0.18 * heart
    tissue -= _draw_hollows(anatomy, stance, frame)
    bone = draw_skeleton(anatomy, stance, frame, side, lateral)
    return Chest(frame, lung, open_air, tissue, bone, _draw_vessels(anatomy, frame))


def _draw_tissue(anatomy: Anatomy, frame: Frame, side: Grid) -> Grid:
    """Trunk, neck and arms: as deep as an ellipse is at its place across."""
    reach = curve(frame.v, _TORSO) * np.float32(0.93 + 0.07 * anatomy.stoutness)
    trunk = np.sqrt(np.clip(1 - (side / reach) ** 2, 0, None)) * curve(frame.v, _DEPTH)
    arm_at = curve(frame.v, ((-0.7, 1.02), (-0.4, 1.07), (1.0, 1.2)))
    arm = np.sqrt(np.clip(1 - ((side - arm_at) / np.float32(0.14)) ** 2, 0, None))
    arm *= inside(frame.v + np.float32(0.6), 0.3)
    tissue: Grid = np.maximum(trunk, 0.55 * arm) * np.float32(anatomy.stoutness)
    return tissue


def _draw_lungs(
    anatomy: Anatomy, stance: Stance, frame: Frame, side: Grid
) -> tuple[Grid, Grid, Grid]:
    """The lungs' outline, their depth, and the distance from the chest wall."""
    left = frame.u > 0
    top = np.where(left, np.float32(0.46), np.float32(0.46 - anatomy.right_dome))
    wall = curve(frame.v, _LATERAL)
    lateral = wall - side
    medial = side - curve(frame.v, _MEDIAL)
    bow = ((side - np.float32(0.36)) / np.float32(0.34)) ** 2
    floor = top + np.float32(stance.breath) + np.where(bow < 4, bow, 4) * np.float32(0.17)
    down = floor - frame.v
    crown = frame.v + np.float32(0.80) - np.float32(0.9) * abs(side - np.float32(0.26)) ** 1.5
    lung = inside(lateral, 0.018) * inside(medial, 0.05) * inside(down, 0.016)
    lung *= inside(crown, 0.03)
    nearest = np.minimum(np.minimum(lateral * 1.3, medial * 1.2), np.minimum(down * 1.4, crown))
    rise = 1 - np.clip(nearest / np.float32(0.26), 0, 1)
    depth: Grid = lung * (0.35 + 0.65 * np.sqrt(1 - rise * rise))
    return lung, depth, lateral


def _draw_heart(anatomy: Anatomy, stance: Stance, frame: Frame) -> Grid:
    """Heart, great vessels and aortic knob: depth, 0 to 1."""
    size = anatomy.heart * (1.14 if stance.view == "AP" else 1.0)
    sink = 0.7 * stance.breath
    knob = 0.02 + 0.055 * anatomy.aorta
    left = (
        *((-1.0, 0.10), (-0.60, 0.115), (-0.46, 0.12), (-0.38, 0.115 + knob)),
        *((-0.29, 0.10 + knob), (-0.20, 0.135), (-0.08 + sink, 0.18), (0.08 + sink, 0.29 * size)),
        *((0.24 + sink, 0.41 * size), (0.36 + sink, 0.47 * size), (0.46 + sink, 0.46 * size)),
        *((0.54 + sink, 0.36 * size), (0.62 + sink, 0.2), (1.0, 0.15)),
    )
    right = (
        *((-1.0, 0.10), (-0.60, 0.12), (-0.34, 0.115), (-0.16, 0.125), (0.0 + sink, 0.15 * size)),
        *((0.16 + sink, 0.20 * size), (0.30 + sink, 0.21 * size), (0.44 + sink, 0.17 * size)),
        *((0.6 + sink, 0.12), (1.0, 0.12)),
    )
    east, west = curve(frame.v, left), curve(frame.v, right)
    middle, reach = (east - west) / 2, (east + west) / 2
    across = (frame.u - middle) / reach
    rim = inside(reach - abs(frame.u - middle), 0.045)
    depth: Grid = rim * (0.55 + 0.45 * dome(across * across))
    return depth


def _draw_soft_parts(anatomy: Anatomy, stance: Stance, frame: Frame, side: Grid) -> Grid:
    """Breasts, muscle and uneven fat over the lungs."""
    at = 0.36 + (0.06 if stance.view == "AP" else 0.0)
    breast = dome(((side - np.float32(0.43)) / 0.33) ** 2 + ((frame.v - at) / 0.27) ** 2)
    pectoral = inside(-(frame.v + 0.25 + 0.4 * (np.float32(0.5) - side)), 0.5) * 0.05
    fat = clouds(np.random.default_rng(anatomy.vessels), frame, 6) * 0.025
    soft: Grid = np.float32(0.15 * anatomy.breast) * breast + pectoral + fat
    return soft


def _draw_hollows(anatomy: Anatomy, stance: Stance, frame: Frame) -> Grid:
    """The windpipe and its two branches, and air in the stomach."""
    fork = (0.01, -0.30)
    airway = paint(
        frame,
        [
            Stroke(bend(fork, (-0.10, -0.20), (-0.17, -0.12)), 0.028, 0.4),
            Stroke(bend(fork, (0.12, -0.20), (0.19, -0.15)), 0.026, 0.4),
            Stroke(bend((0.0, -1.2), (0.0, -0.6), fork), 0.055, 0.9),
        ],
    )
    bubble = dome(ellipse(frame, (0.34, 0.62 + stance.breath), (0.17, 0.09)))
    hollows: Grid = 0.20 * airway + np.float32(0.28 * anatomy.stomach) * bubble
    return hollows


def _draw_vessels(anatomy: Anatomy, frame: Frame) -> Grid:
    """Vessels that branch and taper from each hilum, 0 to 1."""
    rng = np.random.default_rng(anatomy.vessels)
    thin: list[Stroke] = []
    thick: list[Stroke] = []
    for s in (-1.0, 1.0):
        root = np.array([0.17 * s, -0.08 if s < 0 else -0.12])
        for angle in np.linspace(-1.25, 1.35, 8) + rng.normal(0, 0.1, 8):
            way = np.array([s * np.cos(angle), np.sin(angle)])
            end = root + way * rng.uniform(0.32, 0.5)
            middle = (root + end) / 2 + rng.normal(0, 0.025, 2)
            thick.append(Stroke(np.array([root, middle]), 0.030, 0.75))
            thin.append(Stroke(np.array([middle, end]), 0.015, 0.45))
            for _ in range(3):
                fork = middle + (end - middle) * rng.uniform(-0.6, 0.8)
                tip = fork + (way + rng.normal(0, 0.5, 2)) * rng.uniform(0.10, 0.24)
                bow = (fork + tip) / 2 + rng.normal(0, 0.015, 2)
                thin.append(Stroke(np.array([fork, bow, tip]), 0.011, 0.36))
        hilum = bend((0.15 * s, -0.20), (0.19 * s, -0.08), (0.20 * s, 0.06), steps=8)
        thick.append(Stroke(hilum, 0.055, 0.7))
    return paint(frame, thin + thick)
