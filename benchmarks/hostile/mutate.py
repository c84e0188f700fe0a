"""Bytes changed at random, from a seed."""

from __future__ import annotations

import numpy as np

MOST = 3
"""Changes in one file."""
ODDS = (0.7, 0.2, 0.1)
"""Of one change, of two and of three."""


def mutate(data: bytes, rng: np.random.Generator, *, keep_size: bool = False) -> bytes:
    """One to three changes: mostly a byte set anew, else a few bytes lost, doubled or cut off.

    Never the bytes that were given. keep_size: bytes are only set anew.
    """
    changed = bytearray(data)
    for _ in range(int(rng.choice(MOST, p=ODDS)) + 1):
        _change(changed, rng, keep_size=keep_size)
    if bytes(changed) == data:
        changed[len(changed) // 2] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _change(changed: bytearray, rng: np.random.Generator, *, keep_size: bool) -> None:
    if not changed:
        changed += b"\0"
    place = int(rng.integers(len(changed)))
    how = 0.0 if keep_size else float(rng.random())
    if how < 0.5:
        changed[place] = int(rng.integers(256))
    elif how < 0.75:
        changed[place] ^= 1 << int(rng.integers(8))
    elif how < 0.83:
        del changed[place : place + int(rng.integers(1, 9))]
    elif how < 0.91:
        changed[place:place] = changed[place : place + int(rng.integers(1, 9))]
    elif how < 0.97:
        stop = place + int(rng.integers(1, 17))
        changed[place:stop] = rng.bytes(len(changed[place:stop]))
    else:
        del changed[place:]
