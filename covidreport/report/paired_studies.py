"""Experiments that two studies share: what was changed in each, and what became of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from covidreport.compare.answers import AlignedAnswers, answers_facts, read_answers
from covidreport.compare.reading import ReadScores
from covidreport.metrics import PairedAnswers, PairedMetric, compare_pairs, record_tests
from covidreport.records import (
    Comparison,
    ExperimentPair,
    PairedStudies,
    Ranking,
    ReportedRun,
    Run,
)
from covidreport.report.repeats import describe_method, flatten_settings
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder

METHOD: Final = 1
"""Counted up when the same scores would give other figures."""
METRICS: Final[tuple[PairedMetric, ...]] = ("sensitivity", "specificity")
_COUNTED: Final = frozenset(
    {"splits", "failures", "parameters", "trained_parameters", "allow_ineffective_freeze"}
)
"""What follows from other settings, or was counted."""
_Changed = dict[str, tuple[Any, Any]]


def collect_paired_studies(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores
) -> tuple[PairedStudies, ...]:
    """The ranking's runs that share their number with a run of another study.

    Runs that are shown and not ranked belong to their study: an experiment that ends in one answer
    to every image is what became of it.
    """
    counted = {row.run for row in ranking.rows if row.counted}
    studies: dict[str, dict[str, list[ReportedRun]]] = {}
    for each in reported:
        study, number = (each.run.settings.get(key) for key in ("study", "experiment"))
        if each.run.name in counted and study is not None and number is not None:
            studies.setdefault(str(study), {}).setdefault(str(number), []).append(each)
    found = (
        _pair(first, second, studies, ranking, read)
        for first, second in combinations(sorted(studies), 2)
    )
    return tuple(each for each in found if each.pairs)


def _pair(
    first: str, second: str, studies: Mapping[str, Mapping[str, list[ReportedRun]]],
    ranking: Ranking, read: ReadScores,
) -> PairedStudies:  # fmt: skip
    both = studies[first], studies[second]
    numbers = [n for n in both[0] if len(both[0][n]) == 1 and len(both[1].get(n, ())) == 1]
    couples = [(both[0][number][0], both[1][number][0]) for number in numbers]
    changed = [_list_changed(*couple) for couple in couples]
    shared = {
        key: values for key, values in (changed[0] if changed else {}).items()
        if all(each.get(key) == values for each in changed)
    }  # fmt: skip
    compared = _compare(couples, ranking, read)
    pairs = tuple(
        ExperimentPair(
            number, here.run.name, there.run.name,
            {key: values for key, values in of.items() if key not in shared},
            *(compared.get(metric, {}).get(there.run.name) for metric in METRICS),
        )
        for number, (here, there), of in zip(numbers, couples, changed, strict=True)
    )  # fmt: skip
    alone = (
        each.run.name for of in both for number, runs in of.items() if number not in numbers
        for each in runs
    )  # fmt: skip
    return PairedStudies(first, second, shared, pairs, tuple(alone))


def _list_changed(first: ReportedRun, second: ReportedRun) -> _Changed:
    """The settings in which two runs differ."""
    here, there = _list_settings(first.run), _list_settings(second.run)
    return {
        key: (here.get(key), there.get(key))
        for key in dict.fromkeys((*here, *there))
        if here.get(key) != there.get(key)
    }


def _list_settings(run: Run) -> dict[str, Any]:
    """What a run was fitted with, and on which images; not what was counted of these."""
    settings = flatten_settings(describe_method(run))
    prints = settings.pop("fingerprints", None)
    if isinstance(prints, Mapping):
        settings |= {f"{split} images": str(digest)[:12] for split, digest in prints.items()}
    if "frozen_in_effect" in settings:  # what was asked for may have frozen nothing
        settings.pop("frozen", None)
    return {key: value for key, value in settings.items() if key not in _COUNTED}


def _compare(
    couples: Sequence[tuple[ReportedRun, ReportedRun]], ranking: Ranking, read: ReadScores
) -> dict[str, dict[str, Comparison]]:
    """By metric and the name of the second run of each couple: that run less the first."""
    names = [(first.run.name, second.run.name) for first, second in couples]
    files = [
        (each.evaluation, evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE)
        for couple in couples for each in couple
        if each.evaluation is not None and each.evaluation.has_scores
    ]  # fmt: skip

    def compare() -> dict[str, dict[str, Comparison]]:
        answers = read_answers(files, ranking.target, read)
        return {
            metric: {each.first: each for each in _test(answers, names, metric)}
            for metric in METRICS
        }

    facts = {"method": METHOD, "names": names, **answers_facts(ranking, files, read)}
    return cached("paired-studies", facts, compare, dict[str, dict[str, Comparison]])


def _test(
    answers: AlignedAnswers, names: Sequence[tuple[str, str]], metric: PairedMetric
) -> tuple[Comparison, ...]:
    """Each pair that both have answers of, corrected over these by Holm."""
    places = {name: place for place, name in enumerate(answers.names)}
    pairs = [(places[b], places[a]) for a, b in names if a in places and b in places]
    paired = PairedAnswers(
        answers.names, answers.truth, answers.answers, answers.failed, answers.groups
    )
    wrong, groups = paired.find_wrong(metric)
    if not pairs or not wrong.shape[1]:
        return ()
    return record_tests(paired, metric, compare_pairs(wrong, groups, pairs, correction="holm"))
