"""The best runs' groups for the target: two attributes crossed, and differences, from scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from covidreport.compare.reading import ReadScores, digest_scores
from covidreport.errors import StoreError, UsageError
from covidreport.metrics import code_groups, count_labels, decide_label, estimate_subgroups
from covidreport.metrics.group_differences import (
    JudgedImages,
    compare_groups,
    cross_values,
    find_largest,
)
from covidreport.metrics.subgroups import FEWEST_CASES
from covidreport.records import (
    Evaluation,
    Finding,
    GroupReference,
    MetricPlan,
    Ranking,
    RefusedReference,
    ReportedRun,
    RunGroups,
    Scores,
)
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text import clean, listed, plural
from covidreport.text.thresholds import find_label_rule, is_exploratory

METHOD = 3
"""Counted up when the same scores would give other figures."""
MOST_RUNS = 3
"""Runs whose groups stand side by side."""


class GroupQuestion(Struct, frozen=True):
    """What is asked of a run's groups; runs: how many are looked at together."""

    target: str
    runs: int = 1
    references: tuple[GroupReference, ...] = ()


def collect_groups(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores = read_scores,
    references: tuple[GroupReference, ...] = (),
) -> tuple[RunGroups, ...]:  # fmt: skip
    """Of the first `MOST_RUNS` ranked runs that have scores with attributes, in their order.

    A run at thresholds that were tuned on these very images has none: its figures have no interval.
    The largest difference of each allows for what was looked at of all of them. Raises UsageError
    where a reference is of an attribute that none of their images has.
    """
    runs = {each.run.name: each for each in reported}
    ranked = (runs[row.run] for row in ranking.rows if row.rank is not None)
    shown = [each for each in ranked if _locate(each, ranking.target) is not None][:MOST_RUNS]
    question = GroupQuestion(ranking.target, len(shown), references)
    read_each = (_read(each, question, read) for each in shown)
    found = tuple(each for each in read_each if each is not None)
    known = dict.fromkeys(name for each in found for name in each.attributes)
    for each in references:
        if found and each.attribute not in known:
            raise UsageError(
                f"the reference group {each.attribute}={each.value}, chosen {each.origin}: these "
                f"images have no attribute {each.attribute!r}; they have {', '.join(known)}"
            )
    return found


def find_refused(
    groups: Sequence[RunGroups], references: Sequence[GroupReference]
) -> tuple[Finding, ...]:
    """That groups are not compared, since the reference that was chosen has too few cases."""
    if references and not groups:
        names = listed([clean(f"{each.attribute}={each.value}") for each in references])
        return (
            Finding(
                "warning", "reference-group", f"No groups are compared with {names}",
                "no ranked run has scores with attributes of its images",
                "State the attributes in the manifest, and run `covidreport evaluate`.",
            ),
        )  # fmt: skip
    refused = dict.fromkeys(each for of_run in groups for each in of_run.refused)
    return tuple(map(_describe_refused, refused))


def _describe_refused(refused: RefusedReference) -> Finding:
    one = refused.reference
    has = f"{plural(refused.positives, 'case')}; {FEWEST_CASES} are wanted"
    if not refused.positives:
        has = "no case"
    if refused.attribute != one.attribute:
        has = f"at most {has} in a group"
    return Finding(
        "warning", "reference-group",
        f"Groups of {clean(refused.attribute)} are not compared: the reference "
        f"{clean(one.value)} has too few cases",
        f"{clean(one.attribute)}={clean(one.value)} was chosen {one.origin}, and has {has}",
        f"Choose another value with `--reference-group {clean(one.attribute)}=VALUE` or "
        "`reference` under `[groups]`, or none: then it is the group with most cases.",
    )  # fmt: skip


def _locate(reported: ReportedRun, target: str) -> Path | None:
    """Its scores; None where there are none, or none of whose groups anything may be said."""
    evaluation = reported.evaluation
    assert evaluation is not None
    path = evaluation_folder(reported.run.folder, evaluation.key) / SCORES_FILE
    grouped = evaluation.score_metrics is not None and evaluation.score_metrics.subgroups
    if not grouped or is_exploratory(evaluation, target) or not path.is_file():
        return None
    return path


def _read(reported: ReportedRun, question: GroupQuestion, read: ReadScores) -> RunGroups | None:
    target = question.target
    evaluation, path = reported.evaluation, _locate(reported, target)
    assert evaluation is not None
    assert path is not None
    plan = MetricPlan() if evaluation.score_metrics is None else evaluation.score_metrics.plan
    rule = find_label_rule(evaluation, target)
    facts = [
        METHOD, evaluation.run, target, rule, plan.interval, question.runs,
        digest_scores(path, read), astuple(evaluation.counts[target]),
        [astuple(each) for each in question.references],
    ]  # fmt: skip

    def compare() -> RunGroups | None:
        try:
            scores = read(path)
        except StoreError:
            return None  # why stands among the curves and the cases
        return describe_groups(scores, evaluation, question, plan)

    return cached("groups", facts, compare, RunGroups)


def describe_groups(
    scores: Scores, evaluation: Evaluation, question: GroupQuestion, plan: MetricPlan
) -> RunGroups | None:
    """One run's groups; None where its scores don't give the evaluation's counts."""
    target = question.target
    answers = decide_label(scores, target, find_label_rule(evaluation, target))
    truth = scores.truth[:, scores.labels.index(target)]
    images = JudgedImages(truth, answers, scores.failed, code_groups(scores.groups))
    (counts,) = count_labels(truth[:, np.newaxis], answers[:, np.newaxis], scores.failed)
    if counts != evaluation.counts[target]:
        return None
    crossed = cross_values(scores.attributes, truth == 1)
    every = {**scores.attributes, **crossed}
    chosen = {each.attribute: each for each in question.references if each.attribute in every}
    among = _list_candidates(every, chosen)
    differences = tuple(
        replace(each, chosen=_name_origin(name, chosen))
        for name, values in every.items()
        for each in compare_groups(images, name, values, among=among.get(name))
    )
    largest = find_largest(images, every, question.runs * len(differences), among)
    if largest is not None:
        origin = _name_origin(largest.difference.attribute, chosen)
        largest = replace(largest, difference=replace(largest.difference, chosen=origin))
    return RunGroups(
        evaluation.run,
        {
            name: estimate_subgroups(
                truth, images.predicted, images.failed, values, images.groups, plan
            )
            for name, values in crossed.items()
        },
        differences,
        largest,
        tuple(every),
        _list_refused(every, truth == 1, among, chosen),
    )


def _list_parts(name: str, chosen: Mapping[str, GroupReference]) -> list[GroupReference]:
    """The references that bear on an attribute: its own, else those of the two it is crossed of."""
    names = [name] if name in chosen else name.split(" and ")
    return [chosen[each] for each in names if each in chosen]


def _name_origin(name: str, chosen: Mapping[str, GroupReference]) -> str:
    return " and ".join(dict.fromkeys(each.origin for each in _list_parts(name, chosen)))


def _list_candidates(
    every: Mapping[str, Sequence[str]], chosen: Mapping[str, GroupReference]
) -> dict[str, frozenset[str]]:
    """The groups of which one may be the reference, where one was chosen.

    Of two attributes crossed: those that are of the chosen groups of both, or of the one of which
    one was chosen.
    """
    found = {}
    for name, values in every.items():
        parts = _list_parts(name, chosen)
        if not parts:
            continue
        columns = [(every[each.attribute], each.value) for each in parts]
        rows = (
            cell
            for place, cell in enumerate(values)
            if cell and all(column[place] == value for column, value in columns)
        )
        found[name] = frozenset(rows)
    return found


def _list_refused(
    every: Mapping[str, Sequence[str]], positive: NDArray[np.bool_],
    among: Mapping[str, Collection[str]], chosen: Mapping[str, GroupReference],
) -> tuple[RefusedReference, ...]:  # fmt: skip
    """The references with too few cases; of crossed ones those whose attributes by themselves
    have enough, where other crossed groups could be compared."""
    found: list[RefusedReference] = []
    for name, candidates in among.items():
        sizes = Counter(every[name][row] for row in np.flatnonzero(positive).tolist())
        most = max((sizes[each] for each in candidates), default=0)
        parts = _list_parts(name, chosen)
        known = {each.reference.attribute for each in found}
        others = sum(1 for value, size in sizes.items() if value and size >= FEWEST_CASES)
        if most >= FEWEST_CASES or (name not in chosen and (others < 2 or any(
            each.attribute in known for each in parts
        ))):  # fmt: skip
            continue
        found.append(RefusedReference(name, parts[0], most))
    return tuple(found)
