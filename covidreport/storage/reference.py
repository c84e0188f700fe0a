"""reference/answers.json of a run folder: what a model answered to the pictures that we drew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from covidreport.errors import StoreError
from covidreport.records import InputSpec, ReferenceAnswers
from covidreport.storage.codec import FileFormat, write_lines

REFERENCE_FILE: Final = "reference/answers.json"


def _check(answers: ReferenceAnswers) -> None:
    """StoreError unless there is a score of each label for each picture."""
    rows = [len(row) for row in answers.scores]
    if rows != [len(answers.labels)] * len(answers.pictures) or not answers.labels:
        raise StoreError("Scores of other pictures or labels than are named - at `$.scores`")


REFERENCE: Final = FileFormat(
    "covidreport.reference/1",
    ReferenceAnswers,
    "does not hold whole reference answers",
    "`covidreport adopt` writes them again, or delete the file",
    check=_check,
)


def describe_feeding(spec: InputSpec) -> dict[str, Any]:
    """How a model is fed and what its outputs are, without names, in the types of JSON."""
    facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(spec))
    named = ("labels", "outputs", "input_name", "batch")
    pixels = facts.pop("pixels")
    return {**pixels, **{word: value for word, value in facts.items() if word not in named}}


def write_reference(run_folder: Path, answers: ReferenceAnswers) -> Path:
    """Write a model's reference answers into its run folder and give their path."""
    path = run_folder / REFERENCE_FILE
    write_lines(path, REFERENCE.encode(answers))
    return path


def read_reference(run_folder: Path) -> ReferenceAnswers | None:
    """A run's reference answers; None where it has none, StoreError where they are broken."""
    path = run_folder / REFERENCE_FILE
    return REFERENCE.read(path) if path.exists() else None
