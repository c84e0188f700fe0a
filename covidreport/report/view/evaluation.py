"""One run on one split: its 2x2 tables, its figures, what failed, where it all comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from covidreport.metrics import CountMetric, CurveMetric, iter_metrics, list_metrics
from covidreport.records import Counts, Evaluation, Failure, ReportData
from covidreport.report.blocks import Fact, Facts, Rate
from covidreport.report.facts import list_facts
from covidreport.report.index import Index
from covidreport.report.promise import describe_promise
from covidreport.report.tables import metric_title
from covidreport.report.view.details import view_details
from covidreport.report.view.records import (
    Cell,
    Column,
    EvaluationView,
    Matrix,
    MatrixCell,
    Row,
    Table,
)
from covidreport.report.view.tables import evidence_cell
from covidreport.text import (
    clean,
    exact,
    label_name,
    list_some,
    listed,
    plural,
    share,
    titled,
    whole,
)

_MOST_SUBJECTS = 20


def view_evaluation(
    evaluation: Evaluation, data: ReportData, index: Index, *, opened: bool = False
) -> EvaluationView:
    """One run on one split; the details of the split that is ranked, folded unless `opened`."""
    ranked = (evaluation.dataset, evaluation.split) == (data.dataset, data.split)
    labels = [label for label in evaluation.labels if label in evaluation.counts]
    matrices = tuple(
        view_matrix(label, evaluation.counts[label], target=ranked and label == index.target)
        for label in labels
    )
    title = f"{titled(clean(evaluation.split))} split"
    if evaluation.variant:
        title += f", {clean(evaluation.variant)}"
    if evaluation.dataset != data.dataset:
        title += f" of {clean(evaluation.dataset)}"
    return EvaluationView(
        title=title,
        lead=_lead(evaluation, index.target),
        matrices=matrices,
        counts=_counts_table(matrices),
        metrics=_metrics_table(evaluation, labels, title),
        overall=_overall(evaluation),
        failed=_failed(evaluation.counts.get(index.target), evaluation, index),
        failures=_failures_table(evaluation.failures),
        provenance=_provenance(evaluation),
        details=view_details(evaluation, index, opened=opened) if ranked else None,
    )


def _lead(evaluation: Evaluation, target: str) -> str:
    images = plural(evaluation.n_images, "image")
    if evaluation.n_groups is not None:
        images += f" of {plural(evaluation.n_groups, 'patient')}"
    thresholds = describe_thresholds(evaluation.thresholds, evaluation.thresholds_from)
    return f"{images}. {thresholds} {describe_promise(evaluation, target)}".rstrip()


def describe_thresholds(thresholds: Mapping[str, float], source: str) -> str:
    """`A label is predicted above 0.5 (default).`, or the threshold of each label."""
    if not thresholds:
        return f"Thresholds: {clean(source)}."
    values = set(thresholds.values())
    if len(values) == 1:
        return f"A label is predicted above {exact(float(values.pop()))} ({clean(source)})."
    each = [f"{label_name(label)} {exact(float(value))}" for label, value in thresholds.items()]
    return f"A label is predicted above its threshold: {listed(each)} ({clean(source)})."


def view_matrix(
    label: str, counts: Counts, *, target: bool = False, failed: bool | None = None
) -> Matrix:
    """A label's 2x2 table; images that could not be scored stand in a column of their own.

    failed: whether there is that column; None where it is wanted if there are any.
    """
    if failed is None:
        failed = counts.failed_positive + counts.failed_negative > 0
    actual_no = (counts.tn, counts.fp, counts.failed_negative)
    actual_yes = (counts.fn, counts.tp, counts.failed_positive)
    left_out = f"{plural(counts.unknown, 'image')} of unknown truth left out"
    return Matrix(
        label=label_name(label),
        columns=("no", "yes", "not scored") if failed else ("no", "yes"),
        rows=(
            ("no", _matrix_row(actual_no, _MEANINGS_OF_NO, failed=failed)),
            ("yes", _matrix_row(actual_yes, _MEANINGS_OF_YES, failed=failed)),
        ),
        unknown=left_out if counts.unknown else "",
        target=target,
    )


_MEANINGS_OF_NO = ("true negatives", "false positives", "not scored")
_MEANINGS_OF_YES = ("false negatives", "true positives", "not scored")


def _matrix_row(
    counts: Sequence[int], meanings: Sequence[str], *, failed: bool
) -> tuple[MatrixCell, ...]:
    total = sum(counts)
    cells = tuple(
        MatrixCell(
            whole(count), meaning, round(10 * count / total) if total else 0,
            right=meaning.startswith("true"), share=_share(count, total, meaning),
        )
        for count, meaning in zip(counts, meanings, strict=True)
    )  # fmt: skip
    return cells if failed else cells[:2]


def _share(count: int, total: int, meaning: str) -> str:
    """Of the row, in percent; nothing where all could be scored, which is as it should be."""
    return "" if meaning == "not scored" and not count else share(count, total)


def _counts_table(matrices: Sequence[Matrix]) -> Table:
    """All matrices under one head, two rows a label."""
    columns = max((matrix.columns for matrix in matrices), key=len, default=("no", "yes"))
    head = [Column("Label", kind="name"), Column("Actual")]
    head += [Column(titled(f"predicted {name}"), kind="count") for name in columns[:2]]
    head += [Column(titled(name), kind="count") for name in columns[2:]]
    rows = []
    for matrix in matrices:
        for name, cells in matrix.rows:
            counts = [Cell(cell.text, cell.share, kind="count") for cell in cells]
            counts += [Cell(whole(0), kind="count")] * (len(columns) - len(cells))
            rows.append(Row((Cell(matrix.label, kind="name"), Cell(name), *counts)))
    return Table("Counts: actual in rows, predicted in columns", tuple(head), tuple(rows))


def _metrics_table(evaluation: Evaluation, labels: Sequence[str], title: str) -> Table:
    known = [*list_metrics(CountMetric), *list_metrics(CurveMetric)]
    others = (each.key for each in iter_metrics(evaluation) if each.label in labels)
    keys = list(dict.fromkeys([*known, *others]))
    head = (Column("Figure", kind="name"), *(Column(label_name(n), kind="figure") for n in labels))
    rows = tuple(
        Row(
            (
                Cell(metric_title(key), kind="name"),
                *(evidence_cell(evaluation.estimates.get(n, {}).get(key)) for n in labels),
            )
        )
        for key in keys
    )
    return Table(f"{title}: figures of each label, with 95 % intervals", head, rows)


def _overall(evaluation: Evaluation) -> tuple[Fact, ...]:
    return tuple(
        Fact(metric_title(each.key), Rate(each.estimate, evidence=True))
        for each in iter_metrics(evaluation)
        if not each.label
    )


def _failed(counts: Counts | None, evaluation: Evaluation, index: Index) -> str:
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


def _failures_table(failures: Sequence[Failure]) -> Table | None:
    """Failed images by reason, the commonest first."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for failure in failures:
        groups[failure.stage, failure.reason].append(failure.subject)
    if not groups:
        return None
    rows = []
    for (stage, reason), subjects in sorted(groups.items(), key=lambda item: -len(item[1])):
        named = list_some([clean(subject) for subject in subjects], _MOST_SUBJECTS)
        rows.append(
            Row(
                (
                    Cell(clean(reason), kind="name"),
                    Cell(clean(stage)),
                    Cell(whole(len(subjects)), kind="count"),
                    Cell(named),
                )
            )
        )
    head = (
        Column("Reason", kind="name"), Column("Failed at"), Column("Images", kind="count"),
        Column("Which"),
    )  # fmt: skip
    return Table("Images that could not be scored", head, tuple(rows))


def _provenance(evaluation: Evaluation) -> Facts:
    facts: dict[str, Any] = {
        "data_set": evaluation.dataset,
        "data_fingerprint": evaluation.fingerprint,
        "thresholds_from": evaluation.thresholds_from,
        "figures_from": "scores of each image" if evaluation.has_scores else "counts alone",
    }
    return Facts(list_facts({**facts, **evaluation.provenance}), "Provenance")
