"""Copies that are turned by a few degrees, among many pictures, from small thumbnails.

A scan laid askew, or a picture turned for training, is no near-duplicate: what it shows lies
elsewhere. So the middle of each picture is turned by ten angles, as it lies in a canvas of the same
size and in one that grew with it, and compared with the middle of all others at 16 x 16 pixels; the
three likest of each are fitted to each other (Lucas and Kanade, as in `crops`, by an affine map,
since thumbnails are stretched) and correlated without their coarse shape. Measured on 1,118
radiographs of 761 persons: of 300 copies turned by 1 to 15 degrees, as JPEG of quality 75 and every
second one with gamma 1.3, 281 are found (97 of 100 in the same canvas, 97 cut to what is whole, 87
in a canvas that grew, whose dark corners may be taken for a border), each by 0.96 or more, and the
angle is right within 1.3 degrees. Different persons correlate by less than 0.85, two radiographs of
one person by 0.89 at most. Copies that are mirrored or inverted as well are missed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.audit.likeness import COARSE, FINE, Planes, propose_pairs, sharpen, standardize

CONFIRMED: Final = 0.94
"""The correlation from which on one picture is the other, turned."""
_ANGLES: Final = (-14, -11, -8, -5, -2, 2, 5, 8, 11, 14)
"""Degrees."""
_MIDDLE: Final = 0.7
"""Of a picture's sides, the part that is compared: what no corner of a canvas reaches."""
_LIKE: Final = 0.65
"""The coarse correlation from which on a pair is fitted."""
_HOPELESS: Final = 0.75
"""A pair that correlates less after `_FIRST` steps is given up."""
_FIRST, _STEPS = 3, 8
_DAMPING: Final = np.float32(1e-4 / 6)
"""Of the trace of the normal equations: two pictures that differ everywhere give no wild steps."""
_PART: Final = 256
_LEAST, _MOST = 0.7, 20
"""Degrees: what is turned by less is a near-duplicate, and by more not looked for."""


def _list_ways() -> Planes:
    """Float32 `(W, 2, 3)`: where a point of the middle lies in the picture that is turned."""
    found = []
    for degrees in _ANGLES:
        angle = np.radians(degrees)
        cosine, sine = np.cos(angle), np.sin(angle)
        for scale in (1, 1 / (cosine + abs(sine))):
            found.append([[scale * cosine, -scale * sine, 0], [scale * sine, scale * cosine, 0]])
    return np.array(found, np.float32)


_WAYS: Final = _list_ways()
_STILL: Final = np.eye(2, 3, dtype=np.float32)


class Turns(NamedTuple):
    """Confirmed pairs: indices int64 `(P,)`, by how many degrees, and correlations."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    degrees: NDArray[np.float64]
    correlations: NDArray[np.float32]


def find_turns(thumbnails: NDArray[np.uint8], rows: NDArray[np.intp]) -> Turns:
    """The pairs of pictures of which one is the other, turned by up to 15 degrees or so, each once.

    thumbnails: uint8 `(N, S, S)`, without borders; rows: the indices of those that are looked at.
    """
    none = np.empty(0, np.int64)
    if len(rows) < 2:
        return Turns(none, none, np.empty(0), np.empty(0, np.float32))
    wanted = thumbnails[rows].astype(np.float32)
    own, turned = _describe(wanted, _STILL), [_describe(wanted, each) for each in _WAYS]
    one, other, way = propose_pairs(own, turned, _LIKE)
    maps = _WAYS[way]
    values = np.empty(len(one), np.float32)
    for start in range(0, len(one), _PART):
        some = slice(start, start + _PART)
        values[some], maps[some] = _fit(wanted[other[some]], wanted[one[some]], maps[some])
    sine, cosine = maps[:, 1, 0] - maps[:, 0, 1], maps[:, 0, 0] + maps[:, 1, 1]
    degrees = np.abs(np.degrees(np.arctan2(sine, cosine)))
    best: dict[tuple[int, int], tuple[float, float]] = {}
    columns = (each.tolist() for each in (one, other, values, degrees))
    for i, j, value, angle in zip(*columns, strict=True):
        if value >= CONFIRMED and _LEAST <= angle <= _MOST:
            pair = (min(i, j), max(i, j))
            best[pair] = max(best.get(pair, (0.0, 0.0)), (value, angle))
    found = sorted(best)
    return Turns(
        rows[np.array([i for i, _ in found], np.intp)],
        rows[np.array([j for _, j in found], np.intp)],
        np.array([best[pair][1] for pair in found]),
        np.array([best[pair][0] for pair in found], np.float32),
    )


def _spread(n: int) -> Planes:
    """Float32 `(3, n * n)`: rows, columns (from -0.5 to 0.5 of a picture, in its middle) and 1."""
    at = ((np.arange(n) + 0.5) / n - 0.5) * _MIDDLE
    down, across = np.meshgrid(at, at, indexing="ij")
    return np.stack([down.ravel(), across.ravel(), np.ones(n * n)]).astype(np.float32)


def _sample(pictures: Planes, maps: Planes, n: int) -> Planes:
    """The middle of each picture `(P, S, S)` as a map places it `(P, n, n)`, its edges repeated."""
    side = pictures.shape[1]
    at = np.clip((maps @ _spread(n) + 0.5) * side - 0.5, 0, side - 1.001)
    whole = at.astype(np.intp)
    part = (at - whole).astype(np.float32)
    flat = pictures.reshape(len(pictures), -1)
    corner = whole[:, 0] * side + whole[:, 1]
    found = np.zeros_like(part[:, 0])
    for down in (0, 1):
        for across in (0, 1):
            weight = np.abs(1 - down - part[:, 0]) * np.abs(1 - across - part[:, 1])
            found += weight * np.take_along_axis(flat, corner + down * side + across, axis=1)
    sampled: Planes = found.reshape(len(pictures), n, n)
    return sampled


def _describe(thumbnails: Planes, place: Planes) -> Planes:
    """Float32 `(N, COARSE ** 2)`, unit vectors: the middle of each picture as a map places it."""
    found = []
    for start in range(0, len(thumbnails), _PART):
        part = thumbnails[start : start + _PART]
        sampled = _sample(part, np.repeat(place[np.newaxis], len(part), 0), COARSE)
        found.append(standardize(sharpen(sampled, 7)))
    return np.concatenate(found)


def _fit(turned: Planes, plain: Planes, maps: Planes) -> tuple[Planes, Planes]:
    """How well the middle of each plain picture correlates with its place in the turned one that
    fits best `(P,)`, and the map of that place."""
    still = np.repeat(_STILL[np.newaxis], len(plain), 0)
    theirs = standardize(sharpen(_sample(plain, still, FINE), 5))
    best, placed = np.full(len(plain), -1, np.float32), maps.copy()
    going = np.arange(len(plain))
    for step in range(_STEPS + 1):
        if not len(going):
            break
        ours = standardize(sharpen(_sample(turned[going], maps, FINE), 5))
        found = (ours * theirs[going]).sum(axis=1)
        better = found > best[going]
        best[going[better]], placed[going[better]] = found[better], maps[better]
        maps = maps + maps[:, :, :2] @ _find_steps(ours, theirs[going])
        if step == _FIRST:
            kept = best[going] >= _HOPELESS
            going, maps = going[kept], maps[kept]
    return best, placed


def _find_steps(ours: Planes, theirs: Planes) -> Planes:
    """A step `(P, 2, 3)` of each map, seen from the middle, that brings ours nearer to theirs."""
    slopes = np.gradient(ours.reshape(-1, FINE, FINE), _MIDDLE / FINE, axis=(1, 2))
    towards = np.stack(
        [each.reshape(ours.shape) * along for each in slopes for along in _spread(FINE)], axis=1
    )
    normal = towards @ towards.transpose(0, 2, 1)
    size = np.trace(normal, axis1=1, axis2=2)[:, np.newaxis, np.newaxis]
    normal += (_DAMPING * size + np.float32(1e-12)) * np.eye(6, dtype=np.float32)
    steps = np.linalg.solve(normal, towards @ (theirs - ours)[:, :, np.newaxis])
    bounded: Planes = np.clip(steps.reshape(-1, 2, 3), -0.05, 0.05).astype(np.float32)
    return bounded
