"""The mutation run: which changes it makes, and that it tells a noticed one from another."""

from __future__ import annotations

import json
import subprocess

import pytest

from benchmarks.mutants.__main__ import name_tests, read_results, sample_mutants
from benchmarks.mutants.mutate import list_mutants
from benchmarks.mutants.reach import Reach, load_reach, measure_reach, save_reach
from benchmarks.mutants.run import copied_tree, try_mutant

CODE = '''"""A limit, 1."""
LIMIT: int = 5


def is_near(value: float, *, most: int = 2) -> bool:
    """Whether it is."""
    if not value:
        raise ValueError(f"{value + 1} is none")
    return abs(value - LIMIT) <= most and round(value, ndigits=1) > 0
'''
TESTS = """
from covidreport.metrics.near import is_near
def test_near():
    assert is_near(6.0)
    assert not is_near(9.0)
    assert not is_near(-1.0)
def test_other():
    pass
"""


@pytest.fixture
def tree(tmp_path):
    """A package of one function, and its tests."""
    folder = tmp_path / "covidreport" / "metrics"
    folder.mkdir(parents=True)
    for place in (folder.parent, folder):
        (place / "__init__.py").write_text("")
    (folder / "near.py").write_text(CODE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_near.py").write_text(TESTS)
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def _changes(tree):
    return {
        (mutant.line, mutant.before, mutant.after): mutant
        for mutant in list_mutants(tree, "covidreport/metrics/near.py")
    }


def test_every_operator_number_condition_and_step_is_changed(tree):
    """No text, no annotation and no docstring is."""
    assert set(_changes(tree)) == {
        (2, "5", "6"),
        (5, "2", "3"),
        (7, "not value", "(value)"),
        (7, "not value", "(not (not value))"),
        (8, 'raise ValueError(f"{value + 1} is none")', "pass"),
        (9, "abs(value - LIMIT) <= most and round(value, ndigits=1) > 0", "None"),
        (
            9,
            "abs(value - LIMIT) <= most and round(value, ndigits=1) > 0",
            "((abs(value - LIMIT) <= most) or (round(value, ndigits=1) > 0))",
        ),
        (9, "abs(value - LIMIT) <= most", "(abs(value - LIMIT)) < (most)"),
        (9, "value - LIMIT", "((value) + (LIMIT))"),
        (9, "round(value, ndigits=1) > 0", "(round(value, ndigits=1)) >= (0)"),
        (9, "ndigits=1", "**{}"),
        (9, "1", "2"),
        (9, "0", "1"),
    }


def test_a_sample_is_the_same_for_the_same_seed(tree):
    """And another one for another seed; never more than there are."""
    first = sample_mutants(tree, ["metrics"], 4, seed=1)
    assert len(first) == 4
    assert sample_mutants(tree, ["metrics"], 4, seed=1) == first
    assert sample_mutants(tree, ["metrics"], 4, seed=2) != first
    assert len(sample_mutants(tree, ["metrics"], 100, seed=1)) == 13


def test_changes_that_a_test_notices_are_told_from_others(tree, tmp_path_factory):
    """By the tests that reach the line, in a copy: the tree itself stays as it is."""
    changes = _changes(tree)
    noticed = changes[9, "value - LIMIT", "((value) + (LIMIT))"]
    not_noticed = changes[9, "ndigits=1", "**{}"]
    with copied_tree(tree) as copy:
        assert (copy / "tests" / "test_near.py").is_file()
        name = "tests/test_near.py::test_near"
        killed = try_mutant(copy, noticed, [name], 0.1, 1)
        survived = try_mutant(copy, not_noticed, [name], 0.1, 1)
        alone = try_mutant(copy, noticed, [], 0, 0)
        assert (copy / noticed.file).read_text() == CODE
    assert (killed.outcome, killed.killed_by) == ("killed", f"FAILED {name}")
    assert (survived.outcome, survived.killed_by) == ("survived", "")
    assert alone.outcome == "not reached"
    assert (killed.noticed, survived.noticed, alone.noticed) == (True, False, False)
    assert (tree / noticed.file).read_text() == CODE


def test_a_change_that_never_ends_is_noticed(tree, monkeypatch):
    """After a while; what it started is ended."""
    monkeypatch.setattr("benchmarks.mutants.run.START_S", 3.0)
    (tree / "tests" / "test_near.py").write_text("import time\ndef test_a(): time.sleep(600)\n")
    (mutant, *_) = _changes(tree).values()
    result = try_mutant(tree, mutant, ["tests/test_near.py::test_a"], 0.0, 1)
    assert (result.outcome, result.noticed) == ("timed out", True)


def test_what_reaches_a_line_is_measured(tree, tmp_path):
    """By test, in a run under coverage.py; what is imported is reached by whoever reaches the file;
    and it is the same when it is read from a file."""
    reach = measure_reach(tree, ["tests"], tmp_path / "reach", jobs=0)
    file, name = "covidreport/metrics/near.py", "tests/test_near.py::test_near"
    assert set(reach.tests) == {name, "tests/test_near.py::test_other"}
    assert reach.lines[file] == {7: {name}, 9: {name}}
    assert reach.choose(file, 9, 60) == ([name], 1)
    assert reach.choose(file, 2, 60) == ([name], 1)
    assert reach.choose("covidreport/metrics/far.py", 1, 60) == ([], 0)
    save_reach(reach, tmp_path / "reach.json")
    assert load_reach(tmp_path / "reach.json") == reach


def test_near_and_quick_tests_go_first_as_long_as_there_is_time():
    """At least one runs, however slow."""
    seconds = {"tests/cli/a": 1.0, "tests/metrics/b": 5.0, "tests/metrics/c": 2.0}
    reach = Reach(seconds, {"covidreport/metrics/x.py": {1: frozenset(seconds)}})
    order = ["tests/metrics/c", "tests/metrics/b", "tests/cli/a"]
    assert reach.choose("covidreport/metrics/x.py", 1, 60) == (order, 3)
    assert reach.choose("covidreport/metrics/x.py", 1, 7) == (order[:2], 3)
    assert reach.choose("covidreport/metrics/x.py", 1, 0.5) == (order[:1], 3)


def test_results_are_read_again_but_for_half_a_line(tmp_path):
    """As a run that was killed leaves it."""
    line = {"name": "a", "outcome": "killed", "tests": 1, "reaching": 2, "killed_by": "x"}
    (tmp_path / "results.jsonl").write_text(f'{json.dumps(line)}\n{{"name": "b", "outc')
    found = read_results(tmp_path / "results.jsonl")
    assert {name: each.outcome for name, each in found.items()} == {"a": "killed"}
    assert read_results(tmp_path / "none.jsonl") == {}


def test_results_are_of_these_tests_and_this_code_alone(tree):
    """A change that few tests do not notice may be noticed by more, or by others."""
    name = name_tests(tree, ["tests"])
    assert name_tests(tree, ["tests"]) == name
    assert name_tests(tree, ["tests/test_near.py"]) != name
    (tree / "tests" / "test_near.py").write_text(TESTS.replace("6.0", "6.5"))
    assert name_tests(tree, ["tests"]) != name
