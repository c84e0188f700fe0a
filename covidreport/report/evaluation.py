"""One run on one split: its 2x2 tables, its figures, what failed, where it all comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from covidreport.metrics import CountMetric, CurveMetric, iter_metrics, list_metrics
from covidreport.records import ARGMAX, Evaluation, Failure, ReportData
from covidreport.report.beyond import describe_beyond
from covidreport.report.blocks import (
    Block,
    Column,
    Count,
    Fact,
    Facts,
    Grid,
    GridRow,
    Group,
    Head,
    Prose,
    Rate,
    Row,
    Table,
    Text,
)
from covidreport.report.confusion import list_answers, list_cells
from covidreport.report.facts import list_facts
from covidreport.report.index import Index
from covidreport.report.promise import describe_promise
from covidreport.report.tables import metric_title, of_label
from covidreport.text import clean, exact, label_name, list_some, listed, plural, titled, whole
from covidreport.text.folds import say_pooled

_MOST_SUBJECTS = 20


def describe_evaluation(
    evaluation: Evaluation,
    data: ReportData,
    index: Index,
    *,
    opened: bool = False,
    short: bool = False,
) -> Group:
    """One run on one split. What goes beyond the threshold stands there for the split that is
    ranked, folded unless `opened`; `short` leaves out that, counts, failures and provenance."""
    reported = index.find(evaluation.run)
    ranked = reported is not None and reported.evaluation is evaluation
    labels = [label for label in evaluation.labels if label in evaluation.counts]
    title = f"{titled(clean(evaluation.split))} split"
    if evaluation.variant:
        title += f", {clean(evaluation.variant)}"
    if evaluation.dataset != data.dataset:
        title += f" of {clean(evaluation.dataset)}"
    failed = describe_failed(evaluation, index)
    blocks: list[Block] = [Prose(describe_images(evaluation, index.target), "lead")]
    blocks += [Prose(failed, "trouble")] if failed else []
    if not short:
        blocks += tabulate_counts(evaluation, index.target if ranked else "")
    blocks.append(tabulate_metrics(evaluation, labels, title))
    blocks.append(Facts(_overall(evaluation)))
    if not short:
        blocks += describe_beyond(evaluation, index, opened=opened) if ranked else []
        blocks += _fold("Images that could not be scored", _failures_table(evaluation.failures))
        blocks += _fold("Provenance of these figures", [_provenance(evaluation)])
    return Group(tuple(blocks), title)


def _fold(title: str, blocks: Sequence[Block]) -> list[Group]:
    return [Group(tuple(blocks), title, state="folded")] if blocks else []


def describe_images(evaluation: Evaluation, target: str) -> str:
    """How many, and from which scores a label is predicted."""
    images = plural(evaluation.n_images, "image")
    if evaluation.n_groups is not None:
        images += f" of {plural(evaluation.n_groups, 'patient')}"
    thresholds = describe_thresholds(evaluation.thresholds, evaluation.thresholds_from)
    return f"{images}. {thresholds} {describe_promise(evaluation, target)}".rstrip()


def describe_thresholds(thresholds: Mapping[str, float], source: str) -> str:
    """`A label is predicted above 0.5 (default).`, or the threshold of each label."""
    if source == ARGMAX:
        return "The label that scores highest of all outputs is predicted (argmax), none in a tie."
    if not thresholds:
        return f"Thresholds: {clean(source)}."
    values = set(thresholds.values())
    if len(values) == 1:
        return f"A label is predicted above {exact(float(values.pop()))} ({clean(source)})."
    each = [f"{label_name(label)} {exact(float(value))}" for label, value in thresholds.items()]
    return f"A label is predicted above its threshold: {listed(each)} ({clean(source)})."


def tabulate_counts(evaluation: Evaluation, target: str) -> list[Block]:
    """The matrices of all labels under one head, two rows a label; what was left out beneath.

    target: the label whose false negatives runs are ranked by; empty where that is no label here.
    """
    counts = {n: evaluation.counts[n] for n in evaluation.labels if n in evaluation.counts}
    if not counts:
        return []
    answers = list_answers(list(counts.values()))
    rows = []
    for label, one in counts.items():
        no, yes = list_cells(one, len(answers), target=label == target, meant=True)
        rows.append(GridRow((Head(label_name(label), span=2), Head("no")), no))
        rows.append(GridRow((Head("yes"),), yes))
    caption = "Counts: actual in rows, predicted in columns"
    corner = (Column("Label", kind="name"), Column("actual"))
    grid = Grid(caption, corner, (answers,), tuple(rows), "counts")
    left_out = [
        f"{label_name(label)}: {plural(one.unknown, 'image')} of unknown truth left out"
        for label, one in counts.items()
        if one.unknown
    ]
    return [grid, *(Prose(words, "remark") for words in left_out)]


def tabulate_metrics(evaluation: Evaluation, labels: Sequence[str], title: str) -> Table:
    """A row for each figure, a column for each label."""
    known = [*list_metrics(CountMetric), *list_metrics(CurveMetric)]
    others = (each.key for each in iter_metrics(evaluation) if each.label in labels)
    keys = list(dict.fromkeys([*known, *others]))
    head = (Column("Figure", kind="name"), *(Column(label_name(n), kind="figure") for n in labels))
    rows = tuple(
        Row(
            (
                Text(metric_title(key)),
                *(
                    Rate(
                        of_label(evaluation, n, key),
                        note=say_pooled(evaluation.score_metrics, n, key),
                        evidence=True,
                    )
                    for n in labels
                ),
            )
        )
        for key in keys
    )
    caption = f"{title}: figures of each label, with 95 % intervals"
    return Table(caption, head, rows, "metrics")


def _overall(evaluation: Evaluation) -> tuple[Fact, ...]:
    return tuple(
        Fact(metric_title(each.key), Rate(each.estimate, evidence=True))
        for each in iter_metrics(evaluation)
        if not each.label
    )


def describe_failed(evaluation: Evaluation, index: Index) -> str:
    """How many images could not be scored and how they count; empty where all were."""
    counts = evaluation.counts.get(index.target)
    images = len(evaluation.failures)
    if counts is not None:
        images = max(images, counts.failed_positive + counts.failed_negative)
    if not images:
        return ""
    text = f"{plural(images, 'image')} could not be scored."
    if counts is not None:
        text += (
            f" For {index.disease}, {whole(counts.failed_positive)} with it "
            f"{'counts' if counts.failed_positive == 1 else 'count'} as missed and "
            f"{whole(counts.failed_negative)} without it as "
            f"{'a false alarm' if counts.failed_negative == 1 else 'false alarms'}."
        )
    return text


def _failures_table(failures: Sequence[Failure]) -> list[Table]:
    """Failed images by reason, the commonest first."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for failure in failures:
        groups[failure.stage, failure.reason].append(failure.subject)
    if not groups:
        return []
    rows = []
    for (stage, reason), subjects in sorted(groups.items(), key=lambda item: -len(item[1])):
        named = list_some([clean(subject) for subject in subjects], _MOST_SUBJECTS)
        rows.append(
            Row(
                (
                    Text(reason),
                    Text(stage),
                    Count(len(subjects)),
                    Text(named),
                )
            )
        )
    head = (
        Column("Reason", kind="name"), Column("Failed at"), Column("Images", kind="count"),
        Column("Which"),
    )  # fmt: skip
    return [Table("Images that could not be scored", head, tuple(rows))]


def _provenance(evaluation: Evaluation) -> Facts:
    facts: dict[str, Any] = {
        "data_set": evaluation.dataset,
        "data_fingerprint": evaluation.fingerprint,
        "thresholds_from": evaluation.thresholds_from,
        "figures_from": "scores of each image" if evaluation.has_scores else "counts alone",
    }
    return Facts(list_facts({**facts, **evaluation.provenance}))
