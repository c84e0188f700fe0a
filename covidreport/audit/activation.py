"""Activations taken twice, or none taken where one was stated: from the graph, or from scores.

The graph decides where it is known what it ends in. Scores alone show it where they stand in a
range that a model of the stated activation would have no reason to keep to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from covidreport.audit.rounding import find_rounding
from covidreport.records import Activation, Finding, Scores
from covidreport.text import decimal, plural

FEWEST: Final = 10
"""Images, below which a range says nothing."""
PRESSED: Final = 0.95
"""A softmax of probabilities keeps the logarithms of two scores within 1; of many images the most
sure one comes as near to that as this."""
_WORDS: Final = {"Softmax": "a softmax", "Sigmoid": "a sigmoid", "LogSoftmax": "a log-softmax"}
_STATED: Final[dict[str, Activation]] = {"Softmax": "softmax", "Sigmoid": "sigmoid",
                                         "LogSoftmax": "softmax-logit"}  # fmt: skip
_PROBABILITIES: Final = ("Softmax", "Sigmoid")


def audit_activation(
    run: str, scores: Scores, stated: Activation, ending: Sequence[str]
) -> tuple[Finding, ...]:
    """What the end of a model's graph says against its contract, or against itself.

    stated: the contract's word. ending: the activations of the graph's last nodes, the last first
    (`Softmax`, `LogSoftmax`, `Sigmoid`); empty where it ends in none, or is not known.
    """
    if not ending:
        return ()
    last = ending[0]
    seen = _describe_range(scores)
    if stated == "logit" or (stated == "softmax-logit" and last in _PROBABILITIES):
        taken = "logits" if stated == "logit" else "a softmax's logits"
        return (
            Finding(
                "error",
                "activation-contradicted",
                f"The outputs of {run} are described as {taken} and come from {_WORDS[last]}",
                f"the last nodes of its graph are {_WORDS[last]}; {seen}",
                f'State "activation": "{_STATED[last]}" under "input" in run.json, or export the '
                "model without it, and evaluate again: until then its thresholds mean something "
                "else.",
                (run,),
            ),
        )
    if last in _PROBABILITIES and ending[1:2] and not _is_same(last, ending[1]):
        return (
            Finding(
                "warning",
                "activation-taken-twice",
                f"The graph of {run} takes {_WORDS[last]} of {_WORDS[ending[1]]}",
                f"both are among its last nodes; {seen}",
                "Export the model with one of them, and evaluate again: the second squeezes "
                "probabilities into a narrow range, in which no usual threshold fits.",
                (run,),
            ),
        )
    return ()


def _is_same(last: str, before: str) -> bool:
    """A softmax of a log-softmax is the softmax itself."""
    return last == "Softmax" and before == "LogSoftmax"


def _describe_range(scores: Scores) -> str:
    values = scores.scores[~scores.failed].astype(np.float64)
    if not values.size:
        return "no image was scored"
    text = f"the scores of {plural(len(values), 'image')} lie from {values.min():.4g} to "
    text += f"{values.max():.4g}"
    return f"{text} and add up to 1 in each" if _adds_up(values) else text


def _adds_up(values: NDArray[np.float64]) -> bool:
    """Whether the scores of every image add up to 1."""
    return bool(np.abs(values.sum(axis=1) - 1).max() <= max(1e-3, find_rounding(values)[1]))


def audit_logits(run: str, values: NDArray[np.float64]) -> tuple[Finding, ...]:
    """Logits `(N, K)` that look like probabilities, or like the logarithms of some.

    Logits between 0 and 1 would all be probabilities of at least 0.5. Logarithms are never above 0,
    and their probabilities add up to 1: as logits they would all be below 0.5.
    """
    if len(values) < FEWEST:
        return ()
    low, high = values.min(), values.max()
    if low >= 0 and high <= 1:
        whole = ", and those of each image add up to 1" if _adds_up(values) else ""
        meaning = f"lie between 0 and 1{whole}", "as logits they would all be at least 0.5"
        remedy = "ends in a sigmoid or softmax, state that"
    elif high <= 0 and _adds_up(np.exp(values)):
        meaning = "are logarithms that add up to 1", "as logits they would all be below 0.5"
        remedy = "ends in a log-softmax, state softmax-logit"
    else:
        return ()
    return (
        Finding(
            "warning",
            "logits-look-like-probabilities",
            f"The scores of {run} are stated to be logits and all {meaning[0]}",
            f"{values.size:,} scores from {low:.4g} to {high:.4g}; {meaning[1]}",
            f"If the model {remedy} (`activation` under `input` in run.json) and evaluate again.",
            (run,),
        ),
    )


def audit_second_softmax(run: str, values: NDArray[np.float64]) -> tuple[Finding, ...]:
    """Softmax scores `(N, K)` that a softmax of probabilities would give.

    Of logits between 0 and 1 no score is more than e times another. Those of a model that is sure
    of something come near to that, and never beyond it.
    """
    if len(values) < FEWEST or values.shape[1] < 2 or values.min() <= 0 or not _adds_up(values):
        return ()
    spread = np.log(values.max(axis=1)) - np.log(values.min(axis=1))
    if not PRESSED <= spread.max() <= 1 + 1e-3:
        return ()
    return (
        Finding(
            "warning",
            "activation-taken-twice",
            f"The scores of {run} look like a softmax of probabilities",
            f"in no image of {len(values):,} is a score more than "
            f"{decimal(float(np.exp(spread.max())))} times another. It is e times (2.718) at most "
            "where logits lie between 0 and 1",
            "If the model ends in a softmax already, state that (`activation` under `input` in "
            "run.json: softmax, not softmax-logit), or export it with one. Then evaluate again.",
            (run,),
        ),
    )
