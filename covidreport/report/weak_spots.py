"""Weak spots of the ranked runs: parts of the positives that are missed more than by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers, answers_facts, read_answers
from covidreport.compare.reading import ReadScores
from covidreport.metrics import find_missed
from covidreport.metrics.subgroups import is_age
from covidreport.metrics.weak_spots import find_weak_spots
from covidreport.records import Ranking, ReportedRun, Scores, WeakSpots
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text.thresholds import is_exploratory

METHOD = 3
"""Counted up when the same scores would give other spots."""


def collect_weak_spots(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores = read_scores
) -> WeakSpots | None:
    """Of the ranked runs with scores, but for those whose thresholds were tuned on these images.

    None where nothing is known of the positives by which they could be cut.
    """
    runs = {each.run.name: each for each in reported}
    ranked = [runs[row.run] for row in ranking.rows if row.rank is not None]
    files = [
        (each.evaluation, evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE)
        for each in ranked
        if each.evaluation is not None and not is_exploratory(each.evaluation, ranking.target)
    ]
    facts = {"method": METHOD, **answers_facts(ranking, files, read)}

    def find() -> tuple[WeakSpots, ...]:
        found = find_spots(read_answers(files, ranking.target, read))
        return () if found is None else (found,)  # that there are none is cached, too

    return next(iter(cached("weak-spots", facts, find, tuple[WeakSpots, ...])), None)


def find_spots(answers: AlignedAnswers) -> WeakSpots | None:
    """The weak spots of aligned answers; None without positives, runs or traits."""
    if answers.images is None:
        return None
    positive = answers.truth == 1
    traits = list_traits(answers.images, positive)
    if not traits:
        return None
    missed = find_missed(answers.truth, answers.answers, answers.failed)
    groups = None if answers.groups is None else answers.groups[positive]
    return find_weak_spots(missed, answers.names, traits, groups)


def list_traits(
    scores: Scores, chosen: NDArray[np.bool_]
) -> dict[str, tuple[str, ...] | NDArray[np.floating]]:
    """What is known of the chosen images: attributes, and ages as numbers where they are stored."""
    traits: dict[str, tuple[str, ...] | NDArray[np.floating]] = {}
    for name, values in scores.attributes.items():
        if is_age(name) and scores.ages is not None:
            ages = scores.ages[chosen].astype(np.float64)
            traits[name] = np.where(ages < 0, np.nan, ages)
        else:
            column = np.array(values, dtype=object)[chosen]
            traits[name] = tuple(column.tolist())
    if scores.pictures is not None:
        grey, contrast, sharpness, borders, height, width = scores.pictures[chosen].T.astype(float)
        measured = {
            "brightness": grey, "contrast": contrast, "sharpness": sharpness, "borders": borders,
            "longer side": np.fmax(height, width), "height to width": height / width,
        }  # fmt: skip
        traits |= {name: each for name, each in measured.items() if name not in traits}
    return traits
