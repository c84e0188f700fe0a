"""How many images may fail: beyond that, what is said of a run or of data is said of the rest."""

from __future__ import annotations

MOST_FAILED = 0.05
"""The proportion of the images that may fail, unless `max_failed_share` says another."""


def explain_failed(n_failed: int, n_images: int, most: float) -> str | None:
    """Why too many images failed for anything to be said; None where they are few enough.

    most: the largest proportion of the images that may fail; where all did, too many did.
    """
    if n_images == 0 or (n_failed <= most * n_images and n_failed < n_images):
        return None
    if n_failed == n_images:
        return f"not one of {n_images:,} images could be read or scored"
    return (
        f"{n_failed:,} of {n_images:,} images could not be read or scored, more than the "
        f"{most:.3g} of them that `max_failed_share` allows"
    )
