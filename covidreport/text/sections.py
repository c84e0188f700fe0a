"""The sections of a report, as settings and reports name them."""

from __future__ import annotations

SECTIONS = {
    "answer": "the answer",
    "ranking": "the ranking",
    "against": "the runs against each other",
    "failed": "the runs without figures",
    "repeats": "the repeats over seeds",
    "cases": "the missed cases",
    "operating": "the operating points",
    "curves": "the curves of several runs",
    "matrices": "the confusion matrices of all runs",
    "subgroups": "the subgroups of the best runs",
    "runs": "each run by itself",
    "findings": "the findings",
    "provenance": "the provenance",
    "methods": "the methods",
}
"""The sections of a report in their order, each of which can be left out; the blocks of its
templates have the same names. What is left out is named at the end, and what the report is not
always stands in it."""
FORMER_SECTIONS = frozenset({"blocks", "compare"})
"""Sections of earlier versions: a file that hides one of them still says what it said."""
