"""The measures of the house, of a small tree whose parts are counted by hand."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.house.__main__ import main
from benchmarks.house.circles import find_circles
from benchmarks.house.measures import LONG_FUNCTION, LONG_MODULE, MANY_PARAMETERS, measure_tree
from benchmarks.house.source import read_modules

FILES = {
    "pyproject.toml": '[[tool.importlinter.contracts]]\nignore_imports = ["a -> b", "c -> d"]\n',
    "covidreport/__init__.py": "",
    "covidreport/low/__init__.py": "class Thing: ...\n",
    "covidreport/low/first.py": (
        "# why\nfrom covidreport.low import second  # beside code\n"
        "# fmt: skip\nclass Thing: ...\nclass Other: ...\n"
    ),
    "covidreport/low/second.py": (
        "def call(self, a, *b, c, **d):\n    import covidreport.low.third\n\n\n"
        "def many(a, b, /, c, d, *, e, f): ...\n"
    ),
    "covidreport/low/third.py": "import covidreport.low.first\n",
    "covidreport/cli/__init__.py": "",
    "covidreport/cli/command.py": "def command(a, b, c, d, e, f):\n"
    + "    a\n" * LONG_FUNCTION
    + "#\n" * LONG_MODULE,
    "covidreport/report/__init__.py": "",
    "covidreport/report/sections/__init__.py": "",
    "covidreport/report/sections/ranking.py": "from covidreport.report.blocks import Section\n",
    "covidreport/report/blocks.py": "import covidreport.low.first\nclass Section: ...\n",
    "covidreport/report/csv.py": "import covidreport.cli.command\n",
    "templates/report.html.j2": "a\nb\n",
    "templates/picture.png": "\n" * 9,
    "train/fit.py": "a\n",
    "tests/test_a.py": "a\nb\nc\n",
}
EXPECTED = {
    "lines, covidreport": 1 + 5 + 5 + 1 + (1 + LONG_FUNCTION + LONG_MODULE) + 1 + 2 + 1,
    "lines, templates": 2,
    "lines, train": 1,
    "lines, tests": 3,
    "modules": 12,
    f"modules over {LONG_MODULE} lines": 1,
    f"functions over {LONG_FUNCTION} lines": 1,
    f"functions with more than {MANY_PARAMETERS} parameters": 2,
    "of them in cli, where each is an option": 1,
    "imports inside functions": 1,
    "rooms in circles": 0,
    "files of one room in circles": 3,
    "imports that the contracts overlook": 2,
    "files that the ranking's figures pass": 2,
    "class names defined more than once": 1,
}


@pytest.fixture
def tree(tmp_path):
    """The files above."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_measure_is_what_the_hand_counts(tree):
    """`self`, comments behind code and orders to tools don't count; any import makes a circle."""
    found = {each.what: each.value for each in measure_tree(tree)}
    comments = found.pop("comment lines, % of all")

    assert found == EXPECTED
    assert comments == pytest.approx(100 * (1 + LONG_MODULE) / EXPECTED["lines, covidreport"])


def test_what_was_counted_is_named(tree):
    """So that it can be mended."""
    which = {each.what: each.which for each in measure_tree(tree)}

    assert which["class names defined more than once"] == (
        "Thing: covidreport.low, covidreport.low.first",
    )
    assert which[f"functions with more than {MANY_PARAMETERS} parameters"] == (
        "covidreport.cli.command.command: 6",
        "covidreport.low.second.many: 6",
    )
    assert which["files that the ranking's figures pass"] == (
        "covidreport.report.blocks",
        "covidreport.report.sections.ranking",
    )


def test_a_circle_of_rooms_is_told_from_one_of_files(tree):
    """An import back from the lower room closes one between two rooms."""
    (tree / "covidreport/low/third.py").write_text("from covidreport.report import csv\n")

    assert find_circles(read_modules(tree)) == [("covidreport.low", "covidreport.report")]


def test_another_commit_stands_beside_this_tree(tree, monkeypatch, capsys):
    """Each measure has a column for each; a commit that is not there ends the command."""
    monkeypatch.setattr("benchmarks.house.__main__.ROOT", tree)
    person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "--quiet"), ("add", "."), (*person, "commit", "--quiet", "-m", "all")):
        subprocess.run(["git", *words], cwd=tree, check=True)
    (tree / "train" / "fit.py").write_text("a\nb\n")

    assert main(["--against", "HEAD"]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| measure | HEAD | this tree |"
    assert rows[0] == "| lines, covidreport | {0} | {0} |".format(EXPECTED["lines, covidreport"])
    assert rows[2] == "| lines, train | 1 | 2 |"
    assert len(rows) == len(EXPECTED) + 1
    with pytest.raises(SystemExit, match="no-such-commit"):
        main(["--against", "no-such-commit"])
