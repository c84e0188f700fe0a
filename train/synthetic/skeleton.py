"""Spine, ribs, collar bones, shoulder blades and upper arms."""

from __future__ import annotations

import numpy as np

from train.synthetic.build import Anatomy, Stance
from train.synthetic.canvas import Frame, Grid, Stroke, bend, dome, inside, paint


def draw_skeleton(
    anatomy: Anatomy, stance: Stance, frame: Frame, side: Grid, lateral: Grid
) -> Grid:
    """Draw all bones: how much each absorbs more than soft tissue.

    `side` is the distance from the midline, `lateral` the distance inwards from the chest wall.
    """
    ribs = _draw_ribs(anatomy, frame, side, lateral)
    bones = ribs + _draw_spine(anatomy, frame) + _draw_girdle(anatomy, stance, frame)
    return bones * np.float32(anatomy.bone)


def _draw_spine(anatomy: Anatomy, frame: Frame) -> Grid:
    """Vertebrae: a column with a gap at each disc and two pedicles in each body."""
    at = frame.u - np.float32(anatomy.spine_bend) * np.sin(3 * frame.v)
    step = (frame.v + np.float32(anatomy.rib_offset)) / np.float32(anatomy.rib_spacing * 1.05)
    offset = step - np.floor(step) - np.float32(0.5)
    column = inside(np.float32(0.075) - abs(at), 0.02)
    body = inside(np.float32(0.40) - abs(offset), 0.12)
    pedicles = np.exp(-(((abs(at) - 0.045) / 0.013) ** 2) - (offset / 0.16) ** 2)
    spine: Grid = column * (0.12 + 0.09 * body + 0.07 * pedicles)
    return spine


def _draw_ribs(anatomy: Anatomy, frame: Frame, side: Grid, lateral: Grid) -> Grid:
    """Ten pairs of ribs: the backs run out and down, the fronts down and back to the middle."""
    spacing, slope = np.float32(anatomy.rib_spacing), np.float32(anatomy.rib_slope)
    offset = np.float32(anatomy.rib_offset - 0.78)
    # Slightly askew: the two sides of a real rib cage never mirror each other.
    v = frame.v + frame.u * np.float32(0.02 + anatomy.spine_bend)
    drop = slope * (
        (side - np.float32(0.2)) ** 2 + 1.6 * np.clip(side - np.float32(0.3), 0, 1) ** 2
    )
    back = (v - offset - drop) / spacing
    bulge = np.float32(0.9) * np.clip(np.float32(0.62) - side, 0, None) ** 1.2
    front = (v - offset - np.float32(0.19) - bulge) / (spacing * np.float32(1.08))
    cage = inside(lateral + np.float32(0.035), 0.03) * inside(side - np.float32(0.055), 0.03)
    cage *= inside(np.float32(0.74) - v, 0.2)
    steep = 1 + 1.1 * np.exp(-((np.clip(lateral, -0.1, 1) / np.float32(0.07)) ** 2))
    fading = inside(side - np.float32(0.36), 0.22)
    backs = _tube(back, 0.21) * inside(back + np.float32(0.1), 0.2)
    fronts = _tube(front, 0.23) * inside(front - np.float32(0.6), 0.2) * fading
    ribs: Grid = cage * steep * (0.125 * backs + 0.08 * fronts)
    return ribs


def _tube(phase: Grid, half_width: float) -> Grid:
    """One hollow bone in each unit of `phase`: bright edges, a paler middle."""
    t = abs(phase - np.floor(phase) - np.float32(0.5)) / np.float32(half_width)
    shell = np.sqrt(np.clip(1 - t * t, 0, None))
    marrow = np.sqrt(np.clip(1 - (t / np.float32(0.82)) ** 2, 0, None))
    tube: Grid = 1.5 * shell - 0.8 * marrow
    return tube


def _draw_girdle(anatomy: Anatomy, stance: Stance, frame: Frame) -> Grid:
    """Collar bones, shoulder blades and the heads of the upper arms."""
    lift = anatomy.clavicle - (0.05 if stance.view == "AP" else 0.0)
    blade = 0.60 if stance.view == "AP" else 0.74
    b, strokes = anatomy.breadth, []
    for s in (-b, b):
        collar = bend(
            (0.07 * s, -0.58 + lift),
            (0.25 * s, -0.63 + lift),
            (0.50 * s, -0.73),
            (0.76 * s, -0.755),
        )
        spine = bend((0.95 * s, -0.66), (0.78 * s, -0.60), ((blade + 0.03) * s, -0.50))
        edge = bend(((blade + 0.03) * s, -0.58), (blade * s, -0.32), ((blade + 0.10) * s, -0.02))
        outer = bend(((blade + 0.10) * s, -0.02), (0.84 * s, -0.25), (0.90 * s, -0.52))
        strokes += [Stroke(spine, 0.05, 0.23), Stroke(edge, 0.024, 0.28), Stroke(outer, 0.03, 0.28)]
        strokes += [Stroke(collar, 0.068, 0.75), Stroke(collar, 0.042, 0.48)]
    heads = dome(((abs(frame.u) - 0.97) / 0.12) ** 2 + ((frame.v + 0.60) / 0.12) ** 2)
    shaft = inside(0.055 - abs(abs(frame.u) - 1.04 - 0.1 * (frame.v + 0.5)), 0.03)
    arm = np.maximum(heads, 0.8 * shaft * inside(frame.v + np.float32(0.55), 0.1))
    girdle: Grid = 0.24 * paint(frame, strokes) + 0.22 * arm
    return girdle
