"""The sheet that a radiograph is drawn on: coordinates of the body, soft edges, noise, strokes.

Places on the body are given as u (across, 0 at the midline, the patient's left positive, which is
the right of the image) and v (down), both about −1 to 1 over the film.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Grid = NDArray[np.float32]
"""float32 `(height, width)`: one metric for each pixel."""
Points = NDArray[np.float64]
"""float64 `(n, 2)`: places on the body, (u, v)."""
_SUPERSAMPLING = 2
_ROUND_FROM = 12
_STEPS = 512
_BUMPS = 6
"""Bumps of a body's own form across the film: of the size of a lobe."""
_ROUNDING = np.hanning(43)[1:-1] / np.hanning(43).sum()


@dataclass(frozen=True, slots=True)
class Pose:
    """How the body lies on the film: size, rotation in radians, and where its origin falls."""

    scale: float = 1.0
    angle: float = 0.0
    shift_u: float = 0.0
    shift_v: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The film, and the place on the body that each pixel shows."""

    pose: Pose
    u: Grid
    v: Grid

    @classmethod
    def lay(cls, width: int, height: int, pose: Pose) -> Frame:
        """Lay a body on a film of width x height pixels; the shorter side spans 2 units."""
        half = min(width, height) / 2
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / half - pose.shift_u
        y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / half - pose.shift_v
        cos, sin = np.cos(pose.angle) / pose.scale, np.sin(pose.angle) / pose.scale
        u = (cos * x)[None, :] + (sin * y)[:, None]
        v = (-sin * x)[None, :] + (cos * y)[:, None]
        return cls(pose, u.astype(np.float32), v.astype(np.float32))

    def deform(self, rng: np.random.Generator, amount: float) -> Frame:
        """Shift every place on the body smoothly by about `amount`: no two chests are one form."""
        across, down = (np.float32(amount) * clouds(rng, self, _BUMPS) for _ in range(2))
        return Frame(self.pose, self.u + across, self.v + down)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.u.shape
        return height, width

    @property
    def half(self) -> float:
        """Half the film's shorter side, in pixels."""
        return min(self.shape) / 2

    def locate(self, points: Points) -> Points:
        """Give the pixel coordinates (x, y) of places on the body, `(n, 2)` to `(n, 2)`."""
        height, width = self.shape
        cos, sin = np.cos(self.pose.angle), np.sin(self.pose.angle)
        turned = np.stack(
            [
                cos * points[:, 0] - sin * points[:, 1],
                sin * points[:, 0] + cos * points[:, 1],
            ],
            axis=1,
        )
        moved = turned * self.pose.scale + (self.pose.shift_u, self.pose.shift_v)
        located: Points = moved * self.half + (width / 2, height / 2)
        return located


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """A line over the body. `width` is in body units, `level` from 0 to 1."""

    points: Points
    width: float
    level: float = 1.0


def inside(distance: NDArray[np.floating], softness: float) -> Grid:
    """Give 1 where `distance` is well above 0, 0 well below, a smooth step between."""
    t = np.clip(distance / np.float32(softness) + np.float32(0.5), 0, 1)
    stepped: Grid = t * t * (3 - 2 * t)
    return stepped


def curve(x: Grid, knots: Iterable[tuple[float, float]]) -> Grid:
    """Follow a line through (x, y) knots at every pixel: rounded at knots, flat past its ends."""
    xs, ys = zip(*knots, strict=True)
    # A table of 512 steps is four times as fast as np.interp on the whole grid.
    low, high = xs[0], xs[-1]
    table = np.interp(np.linspace(low, high, _STEPS), xs, ys)
    rounded = np.convolve(np.pad(table, _ROUNDING.size // 2, mode="edge"), _ROUNDING, mode="valid")
    index = np.clip((x - low) * np.float32((_STEPS - 1) / (high - low)), 0, _STEPS - 1)
    followed: Grid = rounded.astype(np.float32)[index.astype(np.int32)]
    return followed


def ellipse(frame: Frame, center: tuple[float, float], radii: tuple[float, float]) -> Grid:
    """Give the squared distance from an ellipse's centre: 0 in the middle, 1 on the rim."""
    u, v = center
    squared: Grid = ((frame.u - np.float32(u)) / np.float32(radii[0])) ** 2 + (
        (frame.v - np.float32(v)) / np.float32(radii[1])
    ) ** 2
    return squared


def dome(squared: NDArray[np.floating]) -> Grid:
    """Give the thickness of an ellipsoid, 1 in the middle, from its squared distance."""
    thickness: Grid = np.sqrt(np.clip(1 - squared, 0, None))
    return thickness


def clouds(rng: np.random.Generator, frame: Frame, cells: int) -> Grid:
    """Draw smooth noise, about standard normal, that varies over 1/`cells` of the film."""
    height, width = frame.shape
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def paint(frame: Frame, strokes: Sequence[Stroke]) -> Grid:
    """Draw strokes, later ones over earlier ones, with smooth edges: 0 to 1."""
    if not strokes:
        return np.zeros(frame.shape, dtype=np.float32)
    k = _SUPERSAMPLING
    rows, columns = frame.shape
    sheet = Image.new("L", (columns * k, rows * k))
    pen = ImageDraw.Draw(sheet)
    located = frame.locate(np.concatenate([stroke.points for stroke in strokes])) * k
    unit, start = frame.half * frame.pose.scale * k, 0
    for stroke in strokes:
        xy = [(x, y) for x, y in located[start : start + len(stroke.points)].tolist()]
        start += len(stroke.points)
        grey, width = round(255 * stroke.level), max(1, round(stroke.width * unit))
        round_ends = width > _ROUND_FROM
        pen.line(xy, fill=grey, width=width, joint="curve" if round_ends else None)
        for x, y in (xy[0], xy[-1]) if round_ends else ():
            pen.circle((x, y), width / 2 - 0.5, fill=grey)
    return np.asarray(sheet.reduce(k), dtype=np.float32) / np.float32(255)


def soften(grid: Grid, weight: float) -> Grid:
    """Blur by one pixel: each pixel gives `weight` of itself to each of its four neighbours."""
    w = np.float32(weight)
    padded = np.pad(grid, ((1, 1), (0, 0)), mode="edge")
    rows = grid * (1 - 2 * w) + w * (padded[:-2] + padded[2:])
    padded = np.pad(rows, ((0, 0), (1, 1)), mode="edge")
    soft: Grid = rows * (1 - 2 * w) + w * (padded[:, :-2] + padded[:, 2:])
    return soft


def spread(grid: Grid, cells: int) -> Grid:
    """Blur widely: average over `cells` x `cells` blocks of the film, smoothly joined."""
    height, width = grid.shape
    coarse = Image.fromarray(grid).resize((cells, cells), Image.Resampling.BOX)
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def bend(*knots: tuple[float, float], steps: int = 12) -> Points:
    """Give a smooth curve through the knots (a Catmull-Rom spline), `(steps + 1, 2)`."""
    smooth: Points = _catmull_rom(len(knots), steps) @ np.asarray(knots, dtype=np.float64)
    return smooth


@cache
def _catmull_rom(knots: int, steps: int) -> NDArray[np.float64]:
    """The weight of each knot in each point of the curve, `(steps + 1, knots)`."""
    # The curve needs a knot before the first and one after the last: mirror images of the second
    # and the last but one.
    own = np.eye(knots)
    padded = np.concatenate([[2 * own[0] - own[1]], own, [2 * own[-1] - own[-2]]])
    at = np.linspace(0, knots - 1, steps + 1)
    k = np.minimum(at.astype(int), knots - 2)
    t = (at - k)[:, None]
    a, b, c, d = (padded[k + i] for i in range(4))
    weights: NDArray[np.float64] = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return weights
