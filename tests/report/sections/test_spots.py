"""Weak spots in the report: named ones are evidence, and what was sought is said either way."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from covidreport.compare.answers import AlignedAnswers
from covidreport.records import Scores
from covidreport.report.weak_spots import find_spots, list_traits
from tests.report.blocks import build, build_all, list_sentences, list_tables, read_lines
from tests.report.detailed import detailed_study


def _answers(missed):
    """Two runs on 40 cases and 10 others; the first 20 cases are women of 31 to 50."""
    ids = tuple(f"{i}.png" for i in range(50))
    truth = np.array([1] * 40 + [0] * 10, np.int8)
    answers = np.zeros((2, 50), np.bool_)
    answers[:, :40] = ~np.array(missed)
    attributes = {"sex": ("F",) * 20 + ("M",) * 30, "age": ("18 to 39",) * 50}
    ages = np.array([*range(31, 51), *range(31, 51), *([-1] * 10)], np.int16)
    scores = np.where(answers, 1.0, -1.0)[0][:, np.newaxis].astype(np.float32)
    stored = Scores(
        ids, ("covid-19",), truth[:, np.newaxis], scores, "logit", (None,) * 50, None, attributes,
        ages=ages,
    )  # fmt: skip
    return AlignedAnswers(
        ("focal-0", "focal-1"), truth, np.where(answers, 1.0, -1.0), answers,
        np.zeros((2, 50), np.bool_), None, images=stored,
    )  # fmt: skip


def test_ages_are_cut_as_numbers_and_those_not_stated_are_unknown():
    """Completed years of the chosen images in place of bands."""
    images = _answers(np.zeros((2, 40), np.bool_)).images
    assert images is not None
    traits = list_traits(images, np.arange(50) >= 38)
    assert traits["sex"] == ("M",) * 12
    assert np.array_equal(traits["age"], [49.0, 50.0, *[np.nan] * 10], equal_nan=True)


def test_a_shared_weak_spot_stands_first_with_its_figures():
    """Both runs miss twelve of twenty women and no man: 0.400 against 1.000 of both."""
    missed = np.zeros((2, 40), np.bool_)
    missed[:, :12] = True
    found = find_spots(_answers(missed))
    section = build(replace(detailed_study(), weak_spots=found), "spots")
    (table,) = list_tables(section)
    first = read_lines(table)[0]
    assert "Sex: F" in first[0] or "Age" in first[0]
    assert first[1:3] == ["all together", f"{found.spots[0].positives} of 40"]
    assert first[-1] == "2 of 2"


def test_where_none_is_named_the_section_of_groups_says_what_could_have_been():
    """Four cases missed at random places: no spot, and the size that would have been found."""
    missed = np.zeros((2, 40), np.bool_)
    missed[:, [3, 17, 24, 36]] = True
    data = replace(detailed_study(), weak_spots=find_spots(_answers(missed)))
    assert build_all(data, "spots") == ()
    (told,) = (each for each in list_sentences(build(data, "subgroups")) if "weak spot" in each)
    assert "cut by sex and age" in told
    assert "four of five such studies would find it" in told
    assert build_all(detailed_study(), "spots") == ()
