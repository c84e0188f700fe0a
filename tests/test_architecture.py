"""ARCHITECTURE.md names the rooms, contracts and files as they are."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "covidreport"
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]*)+)`")


def _part(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def _rows(title: str) -> list[list[str]]:
    """The cells of the table under a title, without its head."""
    lines = [line for line in _part(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _contracts():
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["tool"]["importlinter"]["contracts"]


def _names(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_rooms_are_those_of_the_tree_in_the_order_of_the_layers():
    """Each folder and module of the package once, from the top."""
    rooms = [name for row in _rows("The rooms") for name in _names(row[0])]
    (layers,) = (each["layers"] for each in _contracts() if each["type"] == "layers")
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}

    assert rooms == [name for layer in layers for name in re.findall(r"\w+", layer)]
    assert sorted(rooms) == sorted(folders | modules)


def test_what_rooms_never_know_are_the_contracts():
    """By their names, in their order."""
    listed = re.findall(r"^- (.+)$", _part("The rooms"), re.M)

    assert listed == [each["name"] for each in _contracts()]


def test_every_path_leads_somewhere():
    """Whatever it names between backticks with a slash in it, and whatever it links to."""
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.S)
    named = set(PATH.findall(prose)) | set(re.findall(r"\]\(([^)#]+)\)", prose))

    assert len(named) > 40
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    assert not re.search(r"(?:^|[\s`(])(?:/|~|\.\.)[/\w]", prose)


@pytest.mark.parametrize("row", _rows("One image, from disk to a cell of the report"))
def test_each_step_of_an_image_is_a_function_of_its_file(row):
    """So that a reader finds it."""
    _, file, function = row
    tree = ast.parse((ROOT / _names(file)[0]).read_text(encoding="utf-8"))

    assert _names(function)[0] in {
        each.name for each in tree.body if isinstance(each, ast.FunctionDef)
    }


@pytest.mark.parametrize("row", _rows("Where a change goes"), ids=lambda row: row[0])
def test_each_change_has_its_files_and_a_test_that_notices(row):
    """A file of the program, and one of the tests."""
    _, files, tests = row

    assert any((ROOT / path).is_file() or (ROOT / path).is_dir() for path in PATH.findall(files))
    assert PATH.findall(tests)
    assert all(path.startswith("tests/") for path in PATH.findall(tests))


def test_the_files_of_a_run_folder_are_those_that_the_program_names():
    """Nothing that is written there is missing from the drawing, but what only keeps work."""
    from covidreport.storage import folder, maps, thumbnails

    drawn = PAGE.split("```")[1]
    names = {
        value
        for module in (folder, maps, thumbnails)
        for name, value in vars(module).items()
        if name.endswith(("_FILE", "_FOLDER"))
    }

    assert [name for name in sorted(names) if name not in drawn] == []
