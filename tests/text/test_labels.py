"""Labels that are spelt otherwise are paired, and what to paste is JSON."""

from __future__ import annotations

import json

import pytest

from covidreport.text.labels import pair_spellings, propose_label_map


@pytest.mark.parametrize("name", ["COVID-19", "covid_19", "Covid 19", "COVID19"])
def test_case_and_punctuation_are_passed_over(name):
    """Nothing else is: `COVID` is no covid-19."""
    assert pair_spellings([name, "COVID"], ["covid-19", "normal"]) == {name: "covid-19"}


def test_what_is_there_or_could_be_two_has_no_pair():
    """Nor has a name without a letter."""
    assert pair_spellings(["a", "A-b", "--"], ["a", "ab", "a b", "_"]) == {}


def test_what_is_proposed_can_be_pasted():
    """As it stands, between braces."""
    line = propose_label_map({"COVID_19": "covid-19"})
    assert json.loads(f"{{{line}}}") == {"label_map": {"COVID_19": "covid-19"}}
