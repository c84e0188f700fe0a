"""Outcomes and exit codes."""

from __future__ import annotations

from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes


def test_each_outcome_has_an_exit_code_of_its_own():
    """0 pass, 1 fail, 3 could not evaluate, 4 inconclusive; 2 is left to wrong usage."""
    assert EXIT_CODES == {"pass": 0, "fail": 1, "error": 3, "inconclusive": 4}


def test_several_outcomes_come_to_the_gravest():
    """A failed run stays failed whatever became of the others; nothing judged is a pass."""
    assert combine_outcomes(["pass", "error", "fail", "inconclusive"]) == "fail"
    assert combine_outcomes(["pass", "inconclusive", "error"]) == "error"
    assert combine_outcomes(["inconclusive", "pass"]) == "inconclusive"
    assert combine_outcomes(["pass"]) == combine_outcomes([]) == "pass"
