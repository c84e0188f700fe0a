"""What is deprecated warns one minor version before it goes, and goes then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_group

from covidreport import __version__
from covidreport.cli.app import build_app
from covidreport.report.formats import name_formats
from covidreport.text.deprecations import DEPRECATIONS
from release.names import strip_suffix

ROOT = Path(__file__).resolve().parents[2]


def _minor(version):
    return tuple(map(int, version.split(".")))[:2]


@pytest.mark.parametrize("name", DEPRECATIONS)
def test_it_goes_a_minor_version_after_it_warns_and_no_later_than_it_says(name):
    """Once the version of removal is cut, what is deprecated has to be gone from the list."""
    each = DEPRECATIONS[name]
    assert _minor(each.goes) > _minor(each.since)
    assert _minor(each.since) <= _minor(strip_suffix(__version__)) < _minor(each.goes)
    assert each.goes in each.sentence
    kind, _, what = name.partition(" ")
    there = {"format": name_formats(), "command": get_group(build_app()).commands}[kind]
    assert what in there


def test_what_the_command_line_calls_deprecated_stands_in_the_list():
    """Hidden or not, every command that is marked so."""
    commands = get_group(build_app()).commands
    marked = {f"command {name}" for name, each in commands.items() if each.deprecated}
    assert marked == {name for name in DEPRECATIONS if name.startswith("command ")}


def test_the_changelog_lists_each_until_it_is_gone():
    """Under "Deprecated", with the version in which it goes."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    listed = " ".join(
        " ".join(re.findall(r"^### Deprecated\n(.*?)(?=^##)", text, re.M | re.S)).split()
    )
    for each in DEPRECATIONS.values():
        assert each.what.split("`")[1] in listed
        assert each.goes in listed
