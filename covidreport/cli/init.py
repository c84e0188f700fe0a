"""`covidreport init`: write a commented covidreport.toml for the data it is shown."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.errors import UsageError

if TYPE_CHECKING:
    from covidreport.records import Dataset


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write a commented covidreport.toml for a data set.",
        help=(
            "Look at a data set and write a commented covidreport.toml for it.\n\n"
            "The labels are guessed from the columns that hold only 0 and 1: check them."
        ),
        epilog="Example: covidreport init data/manifest.csv",
    )(init)


def init(
    data: Annotated[
        Path, typer.Argument(help="A manifest (.csv, .parquet) or a folder of class folders.")
    ],
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("covidreport.toml"),
    group: Annotated[
        str | None, typer.Option(help="The column that names the patient.  [default: patient_id]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a configuration."""
    from covidreport.cli.terminal import say, say_finding
    from covidreport.dataset import guess_labels, read_dataset
    from covidreport.dataset.folders import explain_passed_over
    from covidreport.storage.files import format_path
    from covidreport.store import write_atomic
    from covidreport.text import plural

    if output.exists() and not force:
        raise UsageError(f"{output} is there already; --force replaces it")
    if not data.exists():
        raise UsageError(f"{data}: no such file or folder")
    labels = guess_labels(data)
    if not labels:
        raise UsageError(
            f"{data}: no column holds only 0 and 1; a manifest has one such column for each label"
        )
    dataset = read_dataset(data, labels, group=group)
    try:
        text = describe_settings(dataset, data, output, group).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{format_path(data)}: a name that is not UTF-8 can't stand in {output.name}; rename it"
        ) from error
    write_atomic(output, text)
    typer.echo(output)
    images = plural(len(dataset), "image")
    say(f"{images}; labels {', '.join(dataset.labels)}: check them in {output}")
    for finding in explain_passed_over(dataset.passed_over):
        say_finding(finding)


def describe_settings(dataset: Dataset, data: Path, output: Path, group: str | None) -> str:
    """The text of a covidreport.toml for `dataset`; its paths are relative to the file."""
    from covidreport.evaluate.options import DEFAULT_TARGET
    from covidreport.evaluate.thresholds import DEFAULT_THRESHOLD
    from covidreport.report.sections import list_hideable
    from covidreport.settings.record import DEFAULT_FLOOR
    from covidreport.text import plural

    data_path = Path(os.path.relpath(data, output.resolve().parent)).as_posix()
    positives = (dataset.truth == 1).sum(axis=0)
    target = DEFAULT_TARGET if DEFAULT_TARGET in dataset.labels else dataset.labels[0]
    lines = [
        "# Settings of covidreport; options on the command line win over them.",
        "",
        "# A manifest (CSV, Parquet) or a folder of class folders, relative to this file.",
        f"data = {json.dumps(data_path, ensure_ascii=False)}",
        "",
        "# The labels to evaluate: columns of 0 and 1, in the order of the reports. Images with "
        "each: "
        + ", ".join(f"{name} {n}" for name, n in zip(dataset.labels, positives, strict=True))
        + ".",
        f"labels = {json.dumps(dataset.labels, ensure_ascii=False)}",
        "",
        "# What a label says besides 0, 1 and blank where nobody is certain: such an image is left",
        "# out of that label's metrics, and counted.",
        '# uncertain = ["?", "-1"]',
        "",
        "# Runs are ranked by how many images with this label they miss.",
        f"target = {json.dumps(target, ensure_ascii=False)}",
        "",
    ]
    if dataset.splits is not None:
        sizes = Counter(dataset.splits)
        split = "validation" if "validation" in sizes else sorted(sizes)[0]
        there = ", ".join(f"{name} ({plural(n, 'image')})" for name, n in sorted(sizes.items()))
        lines += [f"# There are: {there}.", f"split = {json.dumps(split, ensure_ascii=False)}", ""]
    if dataset.groups is not None:
        column = group or "patient_id"
        lines += [
            "# Images of one patient are not independent: the column that names the patient "
            f"({len(set(dataset.groups))} there).",
            f"group = {json.dumps(column, ensure_ascii=False)}",
        ]
    lines += [
        "# A label is predicted when its probability is above this. For one label alone:",
        f"# threshold = {{ {json.dumps(target, ensure_ascii=False)} = 0.3 }}",
        f"threshold = {DEFAULT_THRESHOLD}",
        "# Each run's own, as `covidreport tune` stored them:",
        '# thresholds = "tuned"',
        "# The target for which they are tuned, and at whose thresholds every command then reads",
        "# runs on all splits but that of [tune]:",
        "# rank_at = { specificity = 0.95 }",
        "",
        "# A run that clears fewer of the images without the target label is shown and not ranked.",
        f"specificity_floor = {DEFAULT_FLOOR}",
        "",
        "# The run that the others are compared with, instead of all with each other:",
        '# baseline = "run-1"',
        "# How much less sensitive a run may be and still be called not inferior:",
        "# margin = 0.05",
        "",
        "# Intervals of rates, wilson or clopper-pearson; at which specificities the best",
        "# sensitivity is computed, and the reverse; for which proportion of patients with the",
        "# target a yes and a no are to be believed; which label says that there is no disease.",
        '# interval = "wilson"',
        "# specificities = [0.9, 0.95]",
        "# sensitivities = [0.9, 0.95]",
        "# prevalence = 0.05",
        '# normal = "normal"',
        "",
        "# auto, cuda or cpu",
        'provider = "auto"',
        "",
        "# How the images were sampled: only where they are of consecutive patients does the",
        "# prevalence say anything of others, and has an interval.",
        "# [study]",
        '# sampling = "consecutive"',
        "",
        "# Where patients are known, how many of a patient's images must be called positive for",
        "# the patient to be: any, majority (more than half) or all.",
        "# [patients]",
        '# rule = "any"',
        "",
        "# Sections of the report that are left out:",
        f"# {', '.join(list_hideable())}.",
        "# [report]",
        '# hide = ["methods"]',
        "",
        "# The split that `covidreport tune` fits thresholds on:",
        "# [tune]",
        '# split = "tuning"',
        "",
        "# What `covidreport gate` asks of a run beside its built-in limits:",
        "# [[limits]]",
        '# metric = "sensitivity.low"',
        "# min = 0.70",
    ]
    return "\n".join(lines) + "\n"
