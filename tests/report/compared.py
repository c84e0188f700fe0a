"""A report whose runs were compared by their answers; one has a name that wants to be markup."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.finding import find_doubt
from covidreport.compare.pairs import Plan, compare_answers_of
from covidreport.compare.picked import correct_answers
from covidreport.compare.ranking import rank_runs
from covidreport.records import Counts, ExcludedRun, ReportData, ReportedRun, Run
from tests.metrics.study import make_evaluation

HOSTILE_NAME = "<b>run|1</b>"


def compared_study(
    runs: int = 8, plan: Plan | None = None, seed: int = 1, positives: int = 28
) -> ReportData:
    """Runs on 28 positives and 300 negatives, from good to poor, drawn with this seed."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(positives + 300) < positives).astype(np.int8)
    shift = np.where(truth == 1, np.linspace(1.8, -1.6, runs)[:, np.newaxis], -1.8)
    latent = shift + rng.normal(size=truth.size) + 0.8 * rng.normal(size=(runs, truth.size))
    scores, answers = latent.astype(np.float32), latent > 0
    failed = np.zeros_like(answers)
    names = [HOSTILE_NAME if i == 1 else f"exp{i + 1}" for i in range(runs)]
    reported = []
    for name, row in zip(names, answers, strict=True):
        alarms, found = int(row[truth == 0].sum()), int(row[truth == 1].sum())
        counts = Counts(300 - alarms, alarms, positives - found, found)
        evaluation = make_evaluation(name, counts)
        reported.append(ReportedRun(Run(name, Path(name), None), evaluation))
    evaluations = [one.evaluation for one in reported if one.evaluation is not None]
    (ranking,) = rank_runs(evaluations, "covid-19")
    order = [row.run for row in ranking.rows]
    at = [names.index(name) for name in order]
    aligned = AlignedAnswers(tuple(order), truth, scores[at], answers[at], failed[at], None)
    best = [row.run for row in ranking.rows if row.rank == 1]
    made = compare_answers_of(
        aligned, best, plan or Plan(), (ExcludedRun("gone", "has no scores"),)
    )
    made = replace(made, picked=correct_answers(aligned, best[0], 0.5))
    ranking = replace(ranking, comparisons=made)
    doubt = find_doubt(ranking)
    return ReportData(
        "Compared", "covid-19", "images", "validation", tuple(reported), (ranking,),
        () if doubt is None else (doubt,),
    )  # fmt: skip
