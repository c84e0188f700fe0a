"""Pictures whose grey is turned: air is white in them, and bone black."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.audit.evidence import DataEvidence
from covidreport.metrics import fisher_exact, holm
from covidreport.records import Finding
from covidreport.text import format_p, label_name, plural, proportion

_HALF: Final = (
    (-3, -2, -1, 0),
    (-2, -1, -1, 0),
    (-1, 0, -1, 0),
    (-1, 0, -1, 0),
    (-1, 0, -1, 1),
    (-1, 0, 0, 1),
    (-1, 0, 1, 2),
    (-2, 0, 1, 2),
)
"""A frontal chest from its side to its middle, drawn by hand: black air at the shoulders and beside
the body, dark lungs, a bright spine, brighter below the diaphragm."""
INVERTED: Final = -0.4
"""The correlation with that chest below which a picture is inverted. Of 1,118 radiographs none lies
below 0, and 97 % lie above 0.4."""
ALPHA: Final = 0.01


def find_inverted(thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of the thumbnails uint8 `(N, S, S)`, S a multiple of 8, are negatives, bool `(N,)`."""
    n, side, _ = thumbnails.shape
    parts = thumbnails.reshape(n, 8, side // 8, 8, side // 8).mean(axis=(2, 4))
    pictures = _normalise(parts.reshape(n, 64))
    half = np.array(_HALF, np.float64)
    chest = _normalise(np.concatenate([half, half[:, ::-1]], axis=1).reshape(1, 64))[0]
    inverted: NDArray[np.bool_] = pictures @ chest < INVERTED
    return inverted


def _normalise(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    fine = rows - rows.mean(axis=1, keepdims=True)
    scaled: NDArray[Any] = fine / np.maximum(np.linalg.norm(fine, axis=1, keepdims=True), 1e-9)
    return scaled


def audit_inverted(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Pictures that are inverted, and whether they go together with a label."""
    if evidence.survey is None:
        return ()
    dataset = evidence.dataset
    inverted = find_inverted(evidence.survey.thumbnails)
    if not inverted.any():
        return ()
    said, tables = [], []
    for label, truth in zip(dataset.labels, dataset.truth.T, strict=True):
        counts = [(int(inverted[truth == k].sum()), int((truth == k).sum())) for k in (1, 0)]
        (with_it, n_with), (without, n_without) = counts
        said.append(f"{proportion(with_it, n_with)} with {label_name(label)}, "
                    f"{proportion(without, n_without)} without")  # fmt: skip
        tables.append(((with_it, n_with - with_it), (without, n_without - without)))
    p_values = holm([fisher_exact(*table) for table in tables])
    uneven = min(p_values) < ALPHA
    rows = np.flatnonzero(inverted).tolist()
    return (
        Finding(
            "error" if uneven else "warning",
            "pictures-inverted",
            f"{plural(len(rows), 'picture')} of {len(dataset):,} "
            f"{'is' if len(rows) == 1 else 'are'} inverted: air is white, bone is black"
            + (", in one label more than in others" if uneven else ""),
            f"{'; '.join(said)} ({format_p(min(p_values))}, Fisher's exact test, the least of all "
            f"labels, corrected by Holm); such as {dataset.ids[rows[0]]}",
            "Look at them and invert them: a model may tell a label by it. Programs that export "
            "MONOCHROME1 as it is stored make such pictures.",
            tuple(dataset.ids[row] for row in rows),
        ),
    )
