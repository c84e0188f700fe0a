"""`covidreport render`: its options, the files that it writes, and the browser that it opens."""

from __future__ import annotations

import re
import stat
import sys
import webbrowser
from pathlib import Path

import pytest
from PIL import Image

from covidreport.cli import opening

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "examples" / "study-2020"


@pytest.fixture
def browsers(tmp_path, monkeypatch):
    """A command that writes down what it is asked to open, in place of all real browsers."""
    command = tmp_path / "browser"
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/opened.txt\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(command))
    # webbrowser reads BROWSER when it is first asked for a browser, once a process
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    return tmp_path / "opened.txt"


def test_open_shows_the_report_in_the_browser(covidreport, browsers, tmp_path):
    """The file's address goes to the command in BROWSER, and the report says so."""
    done = covidreport("render", STUDY, "--open", "--format", "markdown", "--format", "html")

    address = (tmp_path / "report.html").as_uri()
    assert done.code == 0
    assert browsers.read_text() == f"{address}\n"
    assert f"opened {address} in the browser" in " ".join(done.err.split())
    assert done.out.split() == ["report.md", "report.html"]


def test_open_says_where_the_report_is_when_nothing_can_show_it(covidreport, monkeypatch, tmp_path):
    """Over SSH no text browser takes the terminal; the report is written all the same."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail(url))

    done = covidreport("render", STUDY, "--open")

    assert done.code == 0
    words = " ".join(done.err.split())
    assert "no browser is opened: there is no display here" in words
    assert (tmp_path / "report.html").is_file()


def test_open_says_when_the_browser_refuses(monkeypatch, tmp_path):
    """Whether it answers no or fails."""
    monkeypatch.setenv("BROWSER", "x")
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert "no browser could be opened: open file:///" in opening.open_report(tmp_path / "r.html")

    def fail(url: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "open", fail)
    assert "could not locate runnable browser" in opening.open_report(tmp_path / "r.html")


@pytest.mark.parametrize(
    ("environment", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "1"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_a_browser_needs_a_display_or_a_name(environment, platform, there):
    """Of the systems that people sit at."""
    assert opening.has_display(environment, platform) is there


@pytest.mark.parametrize(
    "words", [["--format", "json"], ["--format", "html", "--output", "-"]], ids=" ".join
)
def test_open_needs_an_html_file(covidreport, words):
    """There is nothing else to show."""
    done = covidreport("render", STUDY, "--open", *words)

    assert done.code == 2
    assert "--open shows the HTML report" in done.err


def test_title_logo_templates_and_hidden_sections(covidreport, tmp_path):
    """All that changes a report's look, in one command and one configuration."""
    (tmp_path / "covidreport.toml").write_text('[report]\nhide = ["methods", "runs"]\n')
    Image.new("L", (4, 4)).save(tmp_path / "logo.png")

    done = covidreport(
        "render", STUDY, "--title", "Spring", "--logo", "logo.png",
        "--template-dir", ROOT / "examples" / "templates",
    )  # fmt: skip

    assert done.code == 0, done.err
    page = (tmp_path / "report.html").read_text()
    assert "<h1><bdi>Spring</bdi></h1>" in page
    assert 'src="data:image/png;base64,' in page
    assert "for the imaging group of the example clinic" in page
    assert 'id="methods"' not in page
    assert 'id="run-1"' not in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--logo", "gone.png"], "--logo gone.png: can't be read"),
        (["--template-dir", "gone"], "--template-dir gone: no such folder"),
        (["--format", "pdf"], "no format is called 'pdf'"),
    ],
)
def test_options_that_can_not_be_followed_are_refused(covidreport, words, message):
    """Before anything is read or written."""
    done = covidreport("render", STUDY, *words)

    assert done.code == 2
    assert message in done.err
    assert not Path("report.html").exists()


def test_the_markdown_report_is_whole_and_a_comment_is_cut(covidreport):
    """Both begin with the marker by which the comment is found again."""
    whole, cut = (
        covidreport("render", STUDY, "--format", name, "--output", "-").out
        for name in ("markdown", "comment")
    )

    for text in (whole, cut):
        assert text.startswith("<!-- covidreport:report -->\n")
    assert len(cut) <= 65_000 < len(whole)
    assert "Left out to stay under 65,000 characters: " in cut
    assert "Left out" not in whole


def test_charts_stand_beside_the_markdown_report(covidreport, tmp_path):
    """As PNG files in a folder named after it, linked to from where they belong."""
    done = covidreport(
        "render", STUDY, "--format", "markdown", "--charts", "--output", "my report.md"
    )

    assert done.code == 0, done.err
    text = (tmp_path / "my report.md").read_text()
    links = re.findall(r"^!\[[^]]+\]\((\S+)\)$", text, re.M)
    names = ("ranking", "loss", "accuracy", "flow")
    assert links == [f"my%20report-files/{name}.png" for name in names]
    assert sorted(path.name for path in (tmp_path / "my report-files").iterdir()) == [
        "accuracy.png", "flow.png", "loss.png", "ranking.png",
    ]  # fmt: skip
    with Image.open(tmp_path / "my report-files" / "ranking.png") as picture:
        assert picture.size == (1520, 720)
        colours = picture.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 50
    assert covidreport("render", STUDY, "--format", "html", "--charts").code == 2
