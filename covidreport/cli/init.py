"""`covidreport init`: write a commented covidreport.toml for the data it is shown."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from covidreport.cli.options import AsJson
from covidreport.errors import UsageError

if TYPE_CHECKING:
    from covidreport.cli.seen import SeenData
    from covidreport.dataset import ManifestSettings
    from covidreport.records import Dataset

SCHEMA = "covidreport.init/1"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write a commented covidreport.toml for a data set.",
        help=(
            "Look at a data set and write a commented covidreport.toml for it.\n\n"
            "Published data sets are recognised, or named with --like; else the labels are guessed "
            "from the columns that hold only 0 and 1: check them."
        ),
        epilog="Example: covidreport init data/manifest.csv",
    )(init)


def init(
    data: Annotated[
        Path, typer.Argument(help="A manifest, a folder of class folders, or an unpacked archive.")
    ],
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("covidreport.toml"),
    group: Annotated[
        str | None, typer.Option(help="The column that names the patient.  [default: patient_id]")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="Which published data set it is (docs/datasets.md lists them).  [default: as "
            "recognised]",
            metavar="NAME",
        ),
    ] = None,
    covid_is_pneumonia: Annotated[
        bool | None,
        typer.Option(
            "--covid-is-pneumonia/--covid-is-not-pneumonia",
            help="Whether a COVID-19 image has the label pneumonia too.  [default: asked]",
        ),
    ] = None,
    blank: Annotated[
        str | None,
        typer.Option(
            help="What a blank label means: unknown or negative.  [default: asked]", metavar="NAME"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a configuration."""
    from covidreport.cli.seen import count_splits, decide, look_at, print_splits
    from covidreport.cli.terminal import out, print_json, say, say_finding, say_note
    from covidreport.dataset import read_dataset
    from covidreport.dataset.folders import explain_left_out, explain_passed_over
    from covidreport.storage.files import format_path
    from covidreport.store import write_atomic
    from covidreport.text import plural

    if output.exists() and not force:
        raise UsageError(f"{output} is there already; --force replaces it")
    if not data.exists():
        raise UsageError(f"{data}: no such file or folder")
    found = look_at(data, like)
    words = decide(found, covid_is_pneumonia, blank)
    if words is not None and words.patient and group:
        raise UsageError(f"--group: {found.title} names the patient itself")
    dataset = read_dataset(
        found.data, found.labels, group=group, uncertain=found.marks, manifest=words
    )
    try:
        text = describe_settings(dataset, found, words, output, group).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{format_path(data)}: a name that is not UTF-8 can't stand in {output.name}; rename it"
        ) from error
    write_atomic(output, text)
    counted = count_splits(dataset)
    if as_json:
        document = {
            "schema": SCHEMA,
            "file": str(output),
            "data": str(found.data),
            "read_as": found.title or None,
            "target": choose_target(dataset.labels, found.target),
            "splits": [to_builtins(each) for each in counted],
            "passed_over": len(dataset.passed_over),
            "left_out": dict(dataset.left_out),
        }
        print_json(document)
    else:
        print_splits(out, counted)
        typer.echo(output)
    if found.title:
        say_note(f"read as {found.title}{f'; {found.note}' if found.note else ''}")
    images = plural(len(dataset), "image")
    say(f"{images}; labels {', '.join(dataset.labels)}: check them in {output}")
    findings = (*explain_passed_over(dataset.passed_over), *explain_left_out(dataset.left_out))
    for finding in findings:
        say_finding(finding)


def describe_settings(
    dataset: Dataset, found: SeenData, words: ManifestSettings | None, output: Path,
    group: str | None,
) -> str:  # fmt: skip
    """The text of a covidreport.toml for `dataset`; its paths are relative to the file."""
    from covidreport.cli.manifest_words import write_words
    from covidreport.evaluate.thresholds import DEFAULT_THRESHOLD
    from covidreport.report.sections import list_hideable
    from covidreport.settings.record import DEFAULT_FLOOR
    from covidreport.settings.tables import STUDY
    from covidreport.text import plural

    data_path = Path(os.path.relpath(found.data, output.resolve().parent)).as_posix()
    positives = (dataset.truth == 1).sum(axis=0)
    target = choose_target(dataset.labels, found.target)
    shown = json.dumps(target or "LABEL", ensure_ascii=False)
    marks = json.dumps(found.marks or ("?", "-1"), ensure_ascii=False)
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
        f"{'' if found.marks else '# '}uncertain = {marks}",
        "",
        "# Runs are ranked by how many images with this label they miss.",
        f"{'' if target else '# '}target = {shown}",
        "",
    ]
    if dataset.splits is not None:
        sizes = Counter(dataset.splits)
        split = "validation" if "validation" in sizes else sorted(sizes)[0]
        there = ", ".join(f"{name} ({plural(n, 'image')})" for name, n in sorted(sizes.items()))
        lines += [f"# There are: {there}.", f"split = {json.dumps(split, ensure_ascii=False)}", ""]
    if dataset.groups is not None and (words is None or words.patient is None):
        column = group or "patient_id"
        lines += [
            "# Images of one patient are not independent: the column that names the patient "
            f"({len(set(dataset.groups))} there).",
            f"group = {json.dumps(column, ensure_ascii=False)}",
        ]
    lines += [
        "# A label is predicted when its probability is above this. For one label alone:",
        f"# threshold = {{ {shown} = 0.3 }}",
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
        "# What the report can't know and a paper has to state, in your words: docs/paper.md. Only",
        "# where images are of consecutive patients (not random, not convenience) does the",
        "# prevalence say anything of others, and has an interval.",
        "# [study]",
        '# sampling = "consecutive"',
        *(f'# {name} = ""' for name in STUDY if name != "sampling"),
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
    if words is not None:
        lines += ["", *_explain_words(found, words, dataset.labels), *write_words(words)]
    return "\n".join(lines) + "\n"


def _explain_words(found: SeenData, words: ManifestSettings, labels: Sequence[str]) -> list[str]:
    """What stands above `[manifest]`: what it is, and what may be decided otherwise."""
    lines = [f"# How the table is read: {found.title or 'a column of classes'}."]
    if found.note:
        lines.append(f"# {found.note[:1].upper()}{found.note[1:]}.")
    if found.covid_implies in labels and not words.implies:
        lines += [
            f"# A COVID-19 image has the label {found.covid_implies} too with this line:",
            f'# implies = {{covid-19 = ["{found.covid_implies}"]}}',
        ]
    if found.blank_in_doubt and words.blank == "unknown":
        lines.append('# A blank is unknown; with blank = "negative" it says no.')
    return lines


def choose_target(labels: Sequence[str], wanted: str) -> str | None:
    """The label that runs are ranked by; None where all say that nothing was found."""
    from covidreport.dataset.formats import NORMALS

    found = [label for label in labels if label.strip().lower() not in NORMALS]
    return wanted if wanted in labels else next(iter(found), None)
