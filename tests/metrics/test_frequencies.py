"""Natural frequencies: the issue's own sentence, and that all add up."""

from __future__ import annotations

import itertools

import pytest

from covidreport.metrics import count_frequencies
from covidreport.records import Estimate


def test_of_1000_patients_50_have_it():
    """12 of 50 missed at a sensitivity of 0.76, 29 of 950 false alarms at a specificity of 0.97
    (28.5 is rounded to the even 28; 0.9695 gives 29)."""
    found = count_frequencies(0.05, Estimate(0.76, 0.6, 0.88), Estimate(0.9695, 0.95, 0.98))
    assert found is not None
    assert (found.total, found.positives) == (1000, 50)
    assert (found.missed.n, found.missed.low, found.missed.high) == (12, 6, 20)
    assert (found.found, found.false_alarms.n, found.cleared) == (38, 29, 921)
    assert (found.false_alarms.low, found.false_alarms.high) == (19, 48)


def test_a_published_example():
    """Of 1,000 women 10 have breast cancer, 9 of them test positive, and so do about 89 of the 990
    without: prevalence 1 %, sensitivity 90 %, false alarms 9 %. Gigerenzer et al., "Helping doctors
    and patients make sense of health statistics", Psychol. Sci. Public Interest 8 (2007) 53-96."""
    found = count_frequencies(0.01, Estimate(0.9), Estimate(0.91))
    assert found is not None
    assert (found.total, found.positives, found.found) == (1000, 10, 9)
    assert (found.false_alarms.n, found.cleared) == (89, 901)


def test_all_add_up_whatever_is_rounded():
    rates = (0.0, 0.013, 0.5, 0.777, 0.9951, 1.0)
    for prevalence, a, b in itertools.product((0.0004, 0.01, 0.333, 0.9999), rates, rates):
        of = count_frequencies(prevalence, Estimate(a), Estimate(b))
        assert of is not None
        assert of.missed.n + of.found == of.positives
        assert of.positives + of.false_alarms.n + of.cleared == of.total
        assert min(of.missed.n, of.found, of.false_alarms.n, of.cleared) >= 0
        assert of.positives >= 1


def test_a_rare_disease_is_told_of_more():
    """Of 1,000 at 0.0004 nobody has it; of 10,000 four do."""
    of = count_frequencies(0.0004, Estimate(0.75), Estimate(0.9))
    assert of is not None
    assert (of.total, of.positives, of.missed.n) == (10_000, 4, 1)


@pytest.mark.parametrize(("prevalence", "sensitivity"), [(0.05, None), (0.0, 0.8), (1.0, 0.8)])
def test_without_a_rate_or_a_prevalence_there_are_none(prevalence, sensitivity):
    assert count_frequencies(prevalence, Estimate(sensitivity), Estimate(0.9)) is None
