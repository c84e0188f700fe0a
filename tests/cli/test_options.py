"""An option is stated once, as a command's parameter, and reaches the record of options."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import covidreport.cli
from covidreport.cli.options import (
    BatchSize,
    Limits,
    MemoryLimit,
    Threshold,
    Warnings,
    take_gate_options,
    take_options,
)
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.thresholds import Thresholds
from covidreport.gate.options import GateOptions

FILES = Path(covidreport.cli.__file__).parent.glob("*.py")
COMMANDS = sorted(file for file in FILES if file.stem != "app")
"""All but the one whose `--version` ends the program as it is read."""
READ_WITH_ANOTHER = {
    "threshold", "occlude", "maps_of", "maps_fill", "disturb_kind", "disturb_severity",
    "foreign_from", "limit", "warn",
}  # fmt: skip
"""Parameters that are read into a field of another name."""


def _list_ignored(file: Path) -> list[str]:
    """The parameters of a file's commands that neither their code nor a record reads."""
    taken = set(EvaluateOptions.__struct_fields__) | READ_WITH_ANOTHER
    of_gate = set(GateOptions.__struct_fields__)
    ignored = []
    for function in ast.parse(file.read_text()).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        body = [each for line in function.body for each in ast.walk(line)]
        used = {each.id for each in body if isinstance(each, ast.Name)}
        if {"take_options", "read_options", "take_each_data"} & used:
            used |= taken
        if "take_gate_options" in used:
            used |= of_gate | READ_WITH_ANOTHER
        names = [each.arg for each in function.args.args]
        ignored += [name for name in names if name not in used]
    return ignored


@pytest.mark.parametrize("file", COMMANDS, ids=lambda file: file.stem)
def test_every_option_is_read(file):
    """By the command's own code, or by its name as a field of the record that the command takes."""
    assert _list_ignored(file) == []


def test_an_option_that_nothing_reads_is_noticed(tmp_path):
    """With and without the record; a field of the record is read with it alone."""
    file = tmp_path / "command.py"
    file.write_text(
        "def one(context, jobs, colour):\n    take_options(context)\n"
        "def two(jobs, split):\n    print(split)\n"
    )
    assert _list_ignored(file) == ["colour", "jobs"]


@pytest.fixture
def taken():
    """What both records hold after a command with some of the options."""
    app = typer.Typer()
    found: list[tuple[EvaluateOptions, GateOptions]] = []

    @app.command()
    def work(
        context: typer.Context, batch_size: BatchSize = None, memory_limit: MemoryLimit = None,
        threshold: Threshold = None, limit: Limits = None, warn: Warnings = None,
        force: bool = False, unknown: str = "",
    ) -> None:  # fmt: skip
        found.append((take_options(context), take_gate_options(context)))

    def take(*words):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0
        return found.pop()

    return take


def test_options_are_taken_by_name_and_what_is_not_given_is_none(taken):
    """Sizes and thresholds are read; what is no field is left to the command."""
    words = ("--batch-size", "7", "--memory-limit", "1GiB", "--threshold", "0.4", "--unknown", "x")
    evaluate, gate = taken(*words, "--limit", "missed<=3", "--warn", "f1>=0.5")
    assert (evaluate.batch_size, evaluate.memory_limit, evaluate.force) == (7, 2**30, False)
    assert evaluate.thresholds == Thresholds(0.4, origin="option")
    assert (gate.limits, gate.warnings) == (("missed<=3",), ("f1>=0.5",))
    silent, nothing = taken()
    assert silent == EvaluateOptions(force=False, command=silent.command)
    assert nothing == GateOptions()
