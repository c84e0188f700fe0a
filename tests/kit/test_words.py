"""What an answer's findings are called, whose own words never leave where the images are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import covidreport
from covidreport.kit.words import WORDS, describe_code

PACKAGE = Path(covidreport.__file__).parent
ROOMS = ("evaluate", "dataset", "images", "inference")
"""Those whose findings an evaluation holds; with these modules of the audit."""
AUDIT = ("activation", "scores", "synthetic")
ELSEWHERE = {"gpu-not-used"}
"""Of a command, and of no evaluation."""


def _list_codes(file: Path) -> Iterator[str]:
    """The codes of the findings that a module makes."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = {
        node.target.id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
            named = [each.value for each in node.keywords if each.arg == "code"]
            for part in ast.walk([*named, *node.args[1:2]][0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
                elif isinstance(part, ast.Name) and part.id in constants:
                    yield constants[part.id]


def test_every_finding_of_an_evaluation_has_words():
    """A reader is not left with a code; none stands in the list that nobody makes."""
    files = [each for room in ROOMS for each in (PACKAGE / room).rglob("*.py")]
    files += [PACKAGE / "audit" / f"{name}.py" for name in AUDIT]
    codes = {code for file in files for code in _list_codes(file)} - ELSEWHERE

    assert codes == set(WORDS)


def test_a_code_of_a_later_version_is_said_to_be_one():
    """And the known ones are clauses."""
    assert describe_code("new-one") == "something that this version has no words for (new-one)"
    assert describe_code("synthetic-images") == "images are synthetic, of no patient"
