"""The streams of a command, byte by byte."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time

import pytest

from covidreport.streams import let_commands_through, prepare_streams


@pytest.fixture
def printed(monkeypatch):
    """Print texts, each a write of its own, on a GitHub job; gives the bytes that come out."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    def call(*texts, encoding="utf-8", commands=()):
        out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
        monkeypatch.setattr(sys, "stdout", out)
        with prepare_streams():
            for text in texts:
                sys.stdout.write(text)
            with let_commands_through():
                for text in commands:
                    sys.stdout.write(text)
        return out.buffer.getvalue().decode(encoding)

    return call


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("::error::x", ": :error::x"),
        ("a\n \t::error::x\n", "a\n \t: :error::x\n"),
        ("a\r::add-mask::x", "a\r: :add-mask::x"),
        ("\u3000\u00a0::error::x", "\u3000\u00a0: :error::x"),
        ("a ##[error]x", "a ## [error]x"),
        ("##vso[task.setvariable]x", "##vso [task.setvariable]x"),
        ("##TeamCity[x]", "##TeamCity [x]"),
        ("a ::error::x", "a ::error::x"),
        ("std::vector, # [1]", "std::vector, # [1]"),
        (":::error::x", ": ::error::x"),
    ],
)
def test_what_a_pipeline_takes_for_a_command_is_none(printed, text, spelt):
    """A blank in it, wherever the text is cut into writes."""
    assert printed(text) == spelt
    assert printed(*text) == spelt
    assert printed("x" * 50, "\n", text) == f"{'x' * 50}\n{spelt}"


def test_our_own_commands_are_commands(printed):
    """Annotations of a verdict are spelt by who knows how."""
    assert printed("::a\n", commands=["::error title=x::y\n"]) == ": :a\n::error title=x::y\n"


def test_elsewhere_nothing_is_changed(printed, monkeypatch):
    """At a terminal a run is called what it is called."""
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION"):
        monkeypatch.setenv(name, "")
    assert printed("::error::x ##[a]") == "::error::x ##[a]"


def test_a_sign_that_an_encoding_lacks_is_said_in_another_way(printed):
    """Our own in plain letters, others as JSON escapes them: also bytes that are no text."""
    assert printed("≤ 1 – é…\udcff😀", encoding="ascii") == (
        "<= 1 - \\u00e9...\\udcff\\ud83d\\ude00"
    )
    assert printed("é–", encoding="cp1252") == "é–"
    assert printed("\udcff é") == "\\udcff é"
    assert json.loads(printed('"é😀\udcff"', encoding="ascii")) == "é😀\udcff"


def test_a_pipe_that_takes_no_more_now_is_waited_for(monkeypatch):
    """Who made it non-blocking, as some shells do, loses nothing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    monkeypatch.setattr(sys, "stdout", os.fdopen(writer, "w", encoding="utf-8"))
    got = []

    def read():
        time.sleep(0.2)
        while data := os.read(reader, 65_536):
            got.append(len(data))

    thread = threading.Thread(target=read)
    thread.start()
    with prepare_streams() as faults:
        sys.stdout.write("x" * 1_000_000)
    sys.stdout.close()
    thread.join()
    os.close(reader)
    assert (sum(got), faults) == (1_000_000, [])
