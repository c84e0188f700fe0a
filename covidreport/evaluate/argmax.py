"""What a reader must know of a run that predicts the label which scores highest."""

from __future__ import annotations

import numpy as np

from covidreport.metrics import find_bars
from covidreport.records import ARGMAX, DecisionRule, Finding, Scores
from covidreport.text import plural


def audit_argmax(run: str, scores: Scores, rule: DecisionRule) -> tuple[Finding, ...]:
    """Ties for the highest score, and images that carry more labels than it can name.

    None where thresholds decide.
    """
    if rule != ARGMAX:
        return ()
    found = []
    scored = ~scores.failed
    bars = find_bars(scores.scores[scored], scores.activation, scores.others)
    tied = int((scores.scores[scored] == bars).any(axis=1).sum())
    if tied:
        found.append(
            Finding(
                "warning",
                "argmax-tied",
                f"Of {plural(tied, 'image')} {run} gives its highest score to several outputs: "
                "none of them counts as predicted",
                "a tie is no detection, whichever output comes first",
                "Export the model in float32, where its scores were rounded together.",
                (run,),
            )
        )
    carried = (scores.truth == 1).sum(axis=1)
    several = int(np.count_nonzero(carried > 1))
    if several:
        beyond = int((carried[carried > 1] - 1).sum())
        found.append(
            Finding(
                "warning",
                "argmax-several-labels",
                f"{plural(several, 'image')} of {len(carried):,} "
                f"{'carries' if several == 1 else 'carry'} several labels, and {run} names one of "
                "each image at most",
                f"at least {plural(beyond, 'label')} of them {'is' if beyond == 1 else 'are'} "
                "missed, whatever it answers",
                "Decide such data by thresholds, with a model of a sigmoid for each label.",
                (run,),
            )
        )
    return tuple(found)
