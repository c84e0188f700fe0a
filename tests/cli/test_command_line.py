"""The command that made a figure stands with it, so that it can be typed again."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from covidreport.cli.app import build_app
from covidreport.cli.command_line import format_command
from tests.cli.command import write_study


@pytest.fixture(scope="module")
def spelled():
    """What a command of every kind of parameter says of how it was called."""
    app = typer.Typer()

    @app.callback()
    def root() -> None: ...

    @app.command()
    def work(
        context: typer.Context,
        places: Annotated[list[str] | None, typer.Argument()] = None,
        size: Annotated[int, typer.Option("--size", "-s")] = 3,
        limit: Annotated[list[str] | None, typer.Option()] = None,
        force: Annotated[bool, typer.Option("--force")] = False,
        cache: bool = True,
        output: Annotated[str, typer.Option("--output", "-o")] = "here",
    ) -> None:
        typer.echo(format_command(context, {"output"}))

    return lambda *words: CliRunner().invoke(app, ["work", *words]).stdout.strip()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "covidreport work"),
        (("a", "-s", "3"), "covidreport work --size 3 a"),
        (("--limit", "x=1", "b", "--limit", "y=2"), "covidreport work --limit x=1 --limit y=2 b"),
        (("--force", "--no-cache"), "covidreport work --force --no-cache"),
        (("--cache", "my runs"), "covidreport work --cache 'my runs'"),
        (("-o", "elsewhere", "$HOME"), "covidreport work '$HOME'"),
    ],
)
def test_what_was_given_is_spelled_out(spelled, words, expected):
    """Long names, quoted for a shell; defaults and what is left out do not stand in it."""
    assert spelled(*words) == expected


def test_an_evaluation_and_a_report_keep_their_commands(covidreport, tmp_path):
    """Both stand in the report; where a report is written to does not change it."""
    write_study(tmp_path, good=85)
    covidreport("evaluate", "runs", "--data", "data", "--no-cache")
    folder = tmp_path / "runs" / "good" / "evaluations" / "data-validation"
    made = json.loads((folder / "evaluation.json").read_text())["timing"]["command"]
    covidreport("render", "runs", "--output", "one.html")
    covidreport("render", "runs", "--format", "html", "--output", "two.html")

    pages = [(tmp_path / name).read_text() for name in ("one.html", "two.html")]

    assert made == "covidreport evaluate --data data --no-cache runs"
    assert made in pages[0]
    assert "covidreport render runs" in pages[0]
    assert pages[0] == pages[1]


def _leaves(command, *words):
    for name, each in command.commands.items():
        yield from _leaves(each, *words, name) if hasattr(each, "commands") else [(*words, name)]


@pytest.mark.parametrize("words", list(_leaves(get_command(build_app()))), ids=" ".join)
def test_every_command_can_say_less_and_more(covidreport, words):
    """How much is said is asked for in one way."""
    shown = covidreport(*words, "--help").out
    assert "-q, --quiet" in shown
    assert "-v, --verbose" in shown


def test_quiet_leaves_out_notes_and_keeps_errors(covidreport, tmp_path, monkeypatch):
    """And is forgotten by the next command of the process."""
    study = write_study(tmp_path, base=100)
    (study / "runs" / "broken").mkdir()
    (study / "runs" / "broken" / "model.onnx").write_bytes(b"none")
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("COVIDREPORT_CACHE", str(tmp_path / "taken" / "cache"))
    words = "evaluate", "runs", "--data", "data", "--provider", "cpu"
    usual, quiet = covidreport(*words), covidreport(*words, "-q")
    assert (usual.code, quiet.code) == (3, 3)
    assert "note: nothing is cached" in usual.err
    assert "note:" not in quiet.err
    assert "error: run broken was not evaluated" in quiet.err
    assert quiet.out == usual.out
    assert "note: nothing is cached" in covidreport(*words).err
