from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from covidreport.records import Epoch
from train.listing import show_rows
from train.progress import (
    Advanced,
    Begun,
    Left,
    Moved,
    Planned,
    Result,
    Said,
    View,
    describe_epoch,
    describe_time_left,
    open_console,
)


def test_an_epochs_line_has_the_figures_of_both_splits():
    """Loss, accuracy, missed covid-19 of validation; a dash for what is undefined."""
    row = Epoch(
        3,
        {
            "train_loss": 0.41234,
            "validation_loss": None,
            "train_accuracy": 0.8,
            "validation_accuracy": 0.75,
            "validation_false_negatives": 8,
        },
    )
    assert describe_epoch(row, 10, "covid-19") == (
        "epoch 3/10  loss 0.4123 / –  accuracy 0.800 / 0.750  covid-19 missed 8"
    )


def test_what_nobody_can_miss_is_a_dash():
    """A target without positives was not missed 0 times."""
    row = Epoch(1, {"validation_false_negatives": None})
    assert describe_epoch(row, 2, "covid-19").endswith("covid-19 missed –")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, ""), (12.4, "  12 s left"), (600, "  10 min left"), (9000, "  2.5 h left")],
)
def test_time_left_is_said_in_a_unit_that_fits(seconds, text):
    """Seconds, minutes or hours; nothing at the end."""
    assert describe_time_left(seconds) == text


class Clock:
    """A clock that stands until it is told to go on."""

    now = 100.0

    def __call__(self):
        return self.now


LONG = "exp15-vgg16-bce-frozen-learning_rate-0.001-seed1-fold2"
PLAN = Planned({LONG: (10.0, 4), "short": (10.0, 4), "other": (20.0, 1)})


@pytest.fixture
def screen():
    """A terminal of 80 columns, its clock, and what stands in its last lines."""
    clock = Clock()
    sink = io.StringIO()
    console = Console(
        file=sink, width=80, height=24, force_terminal=True, color_system=None, highlight=False,
        legacy_windows=False,
    )  # fmt: skip
    view = View(console, clock)

    def read():
        sink.seek(0)
        sink.truncate()
        view._bars.refresh()
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sink.getvalue()).replace("\r", "\n")
        return [line.rstrip() for line in text.splitlines() if line.strip()]

    yield view, clock, read
    view.close()


def test_bars_of_several_runs_fit_into_80_columns(screen):
    """One a run that is fitted, with what is left of its epoch; the last is the grid's."""
    view, clock, read = screen
    view.show(PLAN)
    for seconds, share in ((0, 0.25), (10, 0.5)):
        clock.now = 100.0 + seconds
        view.show(Moved(LONG, 1, 4, share))
        view.show(Moved("short", 2, 4, share))
    first, second, grid = read()
    assert len(first) <= 80
    # a quarter in 10 s, and a half is left
    assert re.fullmatch(r"exp15-vgg16-bce-\S*…\S*seed1-fold2 epoch 1/4 \S+ +50 % +20 s left", first)
    assert re.fullmatch(r"short +epoch 2/4 \S+ +50 % +20 s left", second)
    # of 100: 5 and 15 are done, and 2.5 of each in 10 s
    assert re.fullmatch(r"0 of 3 runs +\S+ +20 % +3 min left", grid)


def test_the_bar_of_a_run_that_ended_goes_and_the_grid_counts_it(screen):
    """A run whose process ended is not counted; another begins above the grid's bar."""
    view, _, read = screen
    view.show(PLAN)
    view.show(Moved("short", 1, 4, 0.5))
    view.show(Left("short"))
    view.show(Moved(LONG, 1, 4, 0.5))
    first, grid = read()
    assert first.startswith("exp15")
    assert grid.startswith("1 of 3 runs")
    view.show(Left(LONG, ended=False))
    assert [line[:11] for line in read()] == ["1 of 3 runs"]


def test_a_stage_moves_while_it_goes_on(screen):
    """With its count; it goes when the fit begins."""
    view, clock, read = screen
    view.show(Begun("Reading images", 2000))
    clock.now += 4
    view.show(Advanced(500))
    (line,) = read()
    assert re.fullmatch(r"Reading images +500 of 2,000 \S+ +25 % +12 s left", line)
    view.show(Moved("one", 1, 2, 0.1))
    (line,) = read()
    assert line.startswith("one")


@pytest.mark.parametrize("terminal", [False, True])
def test_without_a_terminal_a_line_is_said_now_and_then(terminal, monkeypatch, capfd):
    """Where NO_COLOR is set the same, with a terminal too: lines, and not one escape code."""
    monkeypatch.setenv("NO_COLOR", "1")
    if terminal:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = Clock()
    view = View(open_console(), clock)
    for event, seconds in (
        (Begun("Reading images", 2000), 0), (Advanced(100), 10), (Advanced(900), 31),
        (PLAN, 32), (Moved("short", 1, 4, 0.1), 40), (Moved("short", 1, 4, 0.2), 50),
        (Moved("short", 1, 4, 0.6), 80), (Said("error: a run failed", "bold red"), 81),
        (Left("short"), 90), (Result("runs/short"), 90),
    ):  # fmt: skip
        clock.now = 100.0 + seconds
        view.show(event)
    view.close()
    # the grid: 39 of 100 in 50 s, and 60 are left
    out, err = capfd.readouterr()
    assert out == "runs/short\n"
    assert err.splitlines() == [
        "Reading images  1,000 of 2,000  50%  31 s left",
        "short  epoch 1/4  60%  32 s left",
        "error: a run failed",
        "1 of 3 runs  77 s left",
    ]


def test_an_epochs_line_goes_on_beneath_it_in_a_terminal():
    """At 80 columns, between words; a file gets it in one line."""
    row = Epoch(3, {"train_loss": 0.4, "validation_accuracy": 0.75})
    said = Said(f"{LONG}  {describe_epoch(row, 10, 'covid-19')}")
    shown = {}
    for terminal in (True, False):
        sink = io.StringIO()
        console = Console(
            file=sink, width=80, force_terminal=terminal, color_system=None, highlight=False
        )
        View(console).show(said)
        shown[terminal] = sink.getvalue().splitlines()
    assert shown[False] == [said.text]
    first, second = shown[True]
    assert len(first) <= 80
    assert second.startswith("    ")
    assert first.split() + second.split() == said.text.split()


@pytest.mark.parametrize("width", [80, 100, 140, None])
def test_the_status_of_long_names_is_whole(width, monkeypatch, capsys):
    """Of `train list`: name and status always, the description where there is room; in a file all
    of it, a line a run."""
    names = [f"{LONG}-{number}" for number in range(3)]
    rows = [
        {
            "number": number, "block": "4b", "name": name, "architecture": "vgg16", "loss": "bce",
            "description": "The same without augmentation, as the study of 2020 had it",
            "status": "running or interrupted",
        }
        for number, name in enumerate(names)
    ]  # fmt: skip
    if width is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", str(width))
    show_rows(rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= (width or 1000)
    text = "".join(line.strip() for line in lines)
    assert " ".join(lines).count("running") == 3
    if width is None:
        assert len(lines) == 4
        assert all(name in line for name, line in zip(names, lines[1:], strict=True))
    elif width < 100:
        assert "No room for number, block, description" in " ".join(lines)
    else:
        assert all(word in text for word in ("block", "description", "status"))
