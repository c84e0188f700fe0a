"""A model card as the Hugging Face Hub reads it: README.md with `model-index` results in front.

The figures in front are for the Hub's tables; the text has the same ones with their intervals, on
what they rest, and what the model is not for. What nobody stated (a licence, who made it) is not
invented: it is for the author to add.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal

from covidreport import __version__
from covidreport.integrations.naming import clean
from covidreport.metrics import Measured, iter_metrics
from covidreport.records import Evaluation, ReportData
from covidreport.report.blocks import Fact, Note
from covidreport.report.cells import write_cell
from covidreport.report.facts import NONE, list_facts
from covidreport.report.index import index_runs
from covidreport.report.markdown import escape_markdown
from covidreport.report.sections.findings import list_notes
from covidreport.report.sections.limits import list_limits
from covidreport.report.tables import metric_title
from covidreport.report.view.evaluation import view_evaluation
from covidreport.report.view.records import Table
from covidreport.text import label_name, listed, titled

TAGS = ("chest-x-ray", "radiology", "covid-19", "multi-label-classification", "onnx")


def render_model_card(data: ReportData) -> str:
    """The card of the one run in `data`; ValueError where there are several or no figures."""
    (reported,) = data.runs
    evaluation = reported.evaluation
    if evaluation is None:
        raise ValueError(f"{reported.run.name} has no figures")
    return f"---\n{_front(data, evaluation)}---\n\n{_text(data, evaluation)}"


def _front(data: ReportData, evaluation: Evaluation) -> str:
    """YAML, each text as JSON spells it, which is YAML too and needs no other escaping."""
    lines = [
        "library_name: onnx",
        "pipeline_tag: image-classification",
        f"tags: {json.dumps(TAGS)}",
        "model-index:",
        f"- name: {_quote(evaluation.run)}",
        "  results:",
        "  - task:",
        "      type: image-classification",
        f"      name: {_quote(f'{listed(_labels(evaluation))} on chest radiographs')}",
        "    dataset:",
        f"      type: {_quote(evaluation.dataset)}",
        f"      name: {_quote(f'{evaluation.dataset}, {evaluation.split} split')}",
        f"      split: {_quote(evaluation.split)}",
    ]
    if evaluation.fingerprint:
        lines.append(f"      revision: {_quote(evaluation.fingerprint)}")
    lines.append("    metrics:")
    for label in (data.target, *(each for each in evaluation.counts if each != data.target)):
        for each in iter_metrics(evaluation):
            value = each.estimate.value
            if each.label == label and _is_rated(each) and value is not None:
                lines += [
                    f"    - type: {(each.metric and each.metric.hugging_face) or each.key}",
                    f"      value: {_number(value)}",
                    f"      name: {_quote(f'{metric_title(each.key)}, {label_name(label)}')}",
                ]
    return "\n".join(lines) + "\n"


def _is_rated(each: Measured) -> bool:
    """Whether it says how good the run is: what is defined, and not what the data are like."""
    value = each.estimate.value
    of_data = each.metric is not None and each.metric.direction == "neither"
    return not of_data and value is not None and math.isfinite(value)


def _quote(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)


def _number(value: float) -> str:
    """Without an exponent: YAML's readers take `1e-05` for a text."""
    return format(Decimal(repr(float(value))), "f")


def _labels(evaluation: Evaluation) -> list[str]:
    return [label_name(label) for label in evaluation.labels]


def _text(data: ReportData, evaluation: Evaluation) -> str:
    index = index_runs(data)
    run = data.runs[0].run
    shown = view_evaluation(evaluation, data, index)
    lines = [f"# {escape_markdown(clean(run.name))}", ""]
    if run.description:
        lines += [escape_markdown(clean(run.description)), ""]
    lines += [
        "A classifier of chest radiographs, in ONNX format. It gives a score of its own for each "
        f"of {escape_markdown(listed(_labels(evaluation)))}.",
        "",
        "## Limits of use",
        "",
        *(f"- {escape_markdown(limit)}" for limit in list_limits(data, index)),
        "",
        f"## Figures on {escape_markdown(f'{data.dataset}, {data.split} split')}",
        "",
        escape_markdown(shown.lead),
        "",
    ]
    if shown.failed:
        lines += [escape_markdown(shown.failed), ""]
    lines += [*_table(shown.metrics), *_table(shown.counts), *_findings(list_notes(data, index))]
    if run.hyperparameters:
        lines += ["## Training", ""]
        lines += [_fact(fact) for fact in list_facts(run.hyperparameters, NONE)]
        lines.append("")
    if evaluation.fingerprint:
        lines += [f"Fingerprint of the images and their truth: {evaluation.fingerprint}.", ""]
    made_by = escape_markdown(f"covidreport {__version__}")
    lines.append(f"Made by {made_by} from the evaluation of the run.")
    return "\n".join(lines) + "\n"


def _findings(notes: Sequence[Note]) -> Iterator[str]:
    if notes:
        yield from ("## Findings", "")
        for one in notes:
            told = escape_markdown(f"{one.what}. {one.evidence}")
            yield f"- {escape_markdown(titled(one.severity))}: {told}"
        yield ""


def _table(table: Table) -> Iterator[str]:
    yield from (f"**{escape_markdown(table.caption)}**", "")
    yield f"| {' | '.join(escape_markdown(column.title) for column in table.columns)} |"
    left = ("text", "name", "code")
    yield f"| {' | '.join(':--' if c.kind in left else '--:' for c in table.columns)} |"
    for row in table.rows:
        yield f"| {' | '.join(escape_markdown(cell.plain) for cell in row.cells)} |"
    yield ""


def _fact(fact: Fact) -> str:
    return f"- {escape_markdown(fact.name)}: {escape_markdown(write_cell(fact.value).line)}"
