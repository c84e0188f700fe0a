"""Whether the answers that one image gets for its labels go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.rates import estimate_rate
from covidreport.records import Consistency, Estimate


def estimate_consistency(
    predicted: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    labels: Sequence[str],
    normal: str | None,
) -> Consistency:
    """How often a run answers nothing, or contradicts itself; predicted `(N, K)`, failed `(N,)`.

    normal: the label that says that there is no disease; None where the data has none. The truth is
    not looked at: a run can be consistent and wrong. Undefined where no image was scored.

    ValueError where `normal` is no label, or the arrays do not fit.
    """
    if predicted.ndim != 2 or predicted.shape != (failed.size, len(labels)):
        raise ValueError(
            f"answers {predicted.shape} for {failed.size} images, {len(labels)} labels"
        )
    if normal is not None and normal not in labels:
        raise ValueError(f"{normal!r} is no label; labels are {', '.join(labels)}")
    answers = predicted[~failed]
    n = len(answers)
    nothing = estimate_rate(int(np.count_nonzero(~answers.any(axis=1))), n)
    contradiction = Estimate(None)
    if normal is not None:
        column = list(labels).index(normal)
        others = np.delete(answers, column, axis=1).any(axis=1)
        contradiction = estimate_rate(int(np.count_nonzero(answers[:, column] & others)), n)
    return Consistency(nothing, contradiction, int(np.count_nonzero(failed)))
