"""How long work is told of: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from covidreport.cli import progress, terminal
from covidreport.records import (
    EvaluationReplaced,
    Finding,
    FindingMade,
    Noted,
    ScoresDamaged,
    StageStarted,
    StepsDone,
    WaitingForRun,
)


class Clock:
    """A clock that stands until it is told to go on."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def stderr(monkeypatch):
    """What is said on stderr, which is no terminal."""
    sink = io.StringIO()
    monkeypatch.setattr(terminal, "err", Console(file=sink, width=200, highlight=False))
    return sink


def test_without_a_terminal_a_line_is_said_every_30_seconds(stderr):
    """With counts; nothing for a stage that is soon over, and the next counts from nought."""
    clock = Clock()
    view = progress.EventView(terminal.err, clock)
    view.show(StageStarted("Evaluating 9 images", 1800))
    for seconds, steps in ((10, 100), (29.9, 400), (30, 700), (59, 200), (61, 100)):
        clock.now = 100 + seconds
        view.show(StepsDone(steps))
    clock.now = 170
    view.show(StageStarted("Drawing thumbnails", 4))
    clock.now = 199
    view.show(StepsDone(2))
    clock.now = 201
    view.show(StepsDone(1))
    view.close()
    assert stderr.getvalue().splitlines() == [
        "Evaluating 9 images: 1,200 of 1,800 after 30 s",
        "Evaluating 9 images: 1,500 of 1,800 after 61 s",
        "Drawing thumbnails: 3 of 4 after 31 s",
    ]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Noted("look here"), "note: look here"),
        (Noted("mend this", warning=True), "warning: mend this"),
        (WaitingForRun("a"), "note: another process evaluates a on these images; waiting for it"),
        (ScoresDamaged("a", "cut off"), "warning: a is evaluated again: cut off"),
        (EvaluationReplaced("b was"), "warning: b was; the evaluation of before is replaced"),
        (FindingMade(Finding("warning", "c", "What", "Why", "Do")), "warning: What\n  Why\n  Do"),
    ],
)
def test_each_event_is_said(stderr, event, said):
    """In words, at once."""
    with progress.show_events() as on_event:
        on_event(event)
    assert stderr.getvalue().startswith(said)


@pytest.mark.parametrize(("no_color", "colored"), [("1", False), ("", True)])
def test_a_terminal_has_a_bar_which_is_gone_in_the_end(monkeypatch, no_color, colored):
    """With the stage and the counts, in colors unless NO_COLOR is set."""
    monkeypatch.setenv("NO_COLOR", no_color)
    sink = io.StringIO()
    console = Console(
        file=sink, width=200, force_terminal=True, color_system="standard", highlight=False
    )
    view = progress.EventView(console)
    view.show(StageStarted("Reading 4 files", 4))
    view.show(StepsDone(3))
    assert len(view._bar.tasks) == 1
    view.show(StageStarted("Evaluating 4 images", 8))
    assert [task.total for task in view._bar.tasks] == [8]
    view.close()
    drawn = sink.getvalue()
    assert "Reading 4 files" in drawn
    assert "Evaluating 4 images" in drawn
    assert ("\x1b[3" in drawn) is colored
    assert drawn.endswith("\x1b[2K")
