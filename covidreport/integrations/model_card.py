"""A model card as the Hugging Face Hub reads it: README.md with `model-index` results in front.

The metrics in front are for the Hub's tables; the text has the same ones with their intervals, on
what they rest, what the model takes and gives, and what it is not for. What nobody stated (a
licence, who made it) is not invented: it is for the author to add.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal

from covidreport import __version__
from covidreport.integrations.input_contract import describe_contract
from covidreport.metrics import Measured, iter_metrics
from covidreport.records import Evaluation, ReportData
from covidreport.report.blocks import Block, Facts, Group, Items, Prose, Text
from covidreport.report.evaluation import (
    describe_failed,
    describe_images,
    tabulate_counts,
    tabulate_metrics,
)
from covidreport.report.facts import NONE, list_facts
from covidreport.report.index import index_runs
from covidreport.report.markdown import escape_markdown, render_blocks
from covidreport.report.sections.findings import list_notes
from covidreport.report.sections.limits import list_limits
from covidreport.report.tables import metric_title
from covidreport.text import clean, label_name, listed, titled

TAGS = ("chest-x-ray", "radiology", "covid-19", "multi-label-classification", "onnx")


def render_model_card(data: ReportData) -> str:
    """The card of the one run in `data`; ValueError where there are several or no metrics."""
    (reported,) = data.runs
    evaluation = reported.evaluation
    if evaluation is None:
        raise ValueError(f"{reported.run.name} has no metrics")
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
    labels = [label for label in evaluation.labels if label in evaluation.counts]
    failed = describe_failed(evaluation, index)
    contract = describe_contract(evaluation)
    blocks: list[Block] = [
        *([Prose((Text(run.description),))] if run.description else []),
        Prose(
            "A classifier of chest radiographs, in ONNX format. It gives a score of its own for "
            f"each of {listed(_labels(evaluation))}."
        ),
        Group((Items(list_limits(data, index)),), "Limits of use"),
        *([] if contract is None else [Group((contract,), "Input contract")]),
        Group(
            (
                Prose(describe_images(evaluation, index.target)),
                *([Prose(failed)] if failed else []),
                tabulate_metrics(evaluation, labels, f"{titled(clean(evaluation.split))} split"),
                *tabulate_counts(evaluation, index.target),
            ),
            f"Metrics on {clean(data.dataset)}, {clean(data.split)} split",
        ),
    ]
    if notes := list_notes(data, index):
        items = tuple(f"{titled(one.severity)}: {one.what}. {one.evidence}" for one in notes)
        blocks.append(Group((Items(items),), "Findings"))
    if run.hyperparameters:
        blocks.append(Group((Facts(list_facts(run.hyperparameters, NONE)),), "Training"))
    if evaluation.fingerprint:
        words = f"Fingerprint of the images and their truth: {evaluation.fingerprint}."
        blocks.append(Prose(words))
    blocks.append(Prose(f"Made by covidreport {__version__} from the evaluation of the run."))
    return f"# {escape_markdown(clean(run.name))}\n\n{render_blocks(tuple(blocks))}"
