"""How far runs at hand agree on the positives, and how many of these a patient has."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from covidreport.compare.answers import read_answers
from covidreport.compare.ranking import rank_sets
from covidreport.compare.reading import CachingReader
from covidreport.errors import UsageError
from covidreport.metrics import count_patients, estimate_agreement, estimate_within
from covidreport.records import Evaluation, Run
from covidreport.store import SCORES_FILE, evaluation_folder
from covidreport.text.thresholds import list_trained


class Agreement(Struct, frozen=True):
    """Latent correlations (`metrics.latent`) of runs on the positives of one set of images.

    runs: on how many it rests. shares, within, between: as of `StudyAssumptions`; None where the
    runs don't tell; one image of each patient where it is not known whose they are.
    """

    runs: int
    shares: tuple[float, ...]
    within: float | None
    between: float | None


def measure_agreement(
    evaluated: Sequence[tuple[Run, Evaluation]], target: str, specificity_floor: float
) -> Agreement:
    """Of the ranked runs on the same images that are most, over all pairs of them.

    Raises UsageError where none of them has a rank and stored scores that can be used.
    """
    folders = {id(evaluation): run.folder for run, evaluation in evaluated}
    sets = rank_sets(
        [evaluation for _, evaluation in evaluated], target, specificity_floor,
        list_trained(evaluated),
    )  # fmt: skip
    by_name = {} if not sets else {each.run: each for each in sets[0].evaluations}
    ranked = [] if not sets else [row.run for row in sets[0].ranking.rows if row.rank is not None]
    files = [
        (by_name[name], evaluation_folder(folders[id(by_name[name])], by_name[name].key))
        for name in ranked
    ]
    answers = read_answers(
        [(evaluation, folder / SCORES_FILE) for evaluation, folder in files],
        target,
        CachingReader(),
    )
    if not answers.names:
        reasons = "".join(f"; {each.run} {each.reason}" for each in answers.excluded)
        raise UsageError(
            f"no run there has a rank and scores for {target}{reasons}: evaluate runs first, or "
            "state what they would tell"
        )
    positive = answers.truth == 1
    missed = ~answers.answers[:, positive]
    groups = None if answers.groups is None else answers.groups[positive]
    patients = count_patients(groups, int(positive.sum()))
    return Agreement(
        runs=len(answers.names),
        shares=tuple(n / sum(patients) for n in patients),
        within=estimate_within(missed, groups) if len(patients) > 1 else None,
        between=estimate_agreement(missed),
    )
