"""Attributes that tell the label by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.audit import columns, shortcuts
from tests.audit.data import change_dataset, change_survey, make_evidence, with_attribute

EVIDENCE = make_evidence()
SICK = EVIDENCE.dataset.truth[:, 0] == 1


def _find(evidence, name, label="covid-19"):
    (column,) = (each for each in columns.list_attribute_columns(evidence) if each.name == name)
    return shortcuts.find_rule(evidence, label, column)


def test_an_attribute_that_is_the_label_has_an_area_of_one():
    """All of 400 and 1,200 tell, but another set of images may hold an exception."""
    rule = _find(with_attribute(EVIDENCE, "source", np.where(SICK, "a", "b").tolist()), "source")
    assert (rule.roc_auc, rule.high) == (1.0, 1.0)
    assert 0.99 < rule.low < 1
    assert rule.example == "a in 1.000 with the label and in 0.000 without"


def test_a_yes_or_no_has_the_area_of_its_two_rates():
    """Yes in 80 % of cases and 20 % of the rest: area 0.5 + (0.8 - 0.2) / 2, by hand."""
    place = np.cumsum(SICK) - 1
    rest = np.cumsum(~SICK) - 1
    yes = np.where(SICK, place % 10 < 8, rest % 10 < 2)
    evidence = with_attribute(EVIDENCE, "tube", np.where(yes, "yes", "no").tolist())
    rule = _find(evidence, "tube")
    assert rule.roc_auc == pytest.approx(0.8, abs=0.01)
    assert rule.low < 0.8 < rule.high
    # DeLong's error of a yes or no: sqrt(0.16/4 (1/400 + 1/1200)), over both halves
    assert rule.high - rule.low == pytest.approx(
        2 * 1.96 * (0.04 / 400 + 0.04 / 1200) ** 0.5, rel=0.1
    )


def test_a_rule_may_go_up_and_down():
    """Sizes of the sick lie on both sides of 512: no threshold tells them, the rule does."""
    sizes = np.full((len(SICK), 2), 512, np.int32)
    sizes[SICK, 1] = np.where(np.arange(SICK.sum()) % 2, 400, 700)
    rule = _find(change_survey(EVIDENCE, sizes=sizes), "image width")
    assert rule.roc_auc == 1.0


def test_an_attribute_of_many_values_that_says_nothing_is_no_finding():
    """20 values on 160 images: learned and tried on the same images they would tell; 200 draws.

    On the same images the area is 0.66 on average; 0.60 in the interval's lower end must be rare.
    """
    rng = np.random.default_rng(0)
    evidence = make_evidence(160)
    areas, accused = [], 0
    for _ in range(200):
        values = rng.choice([f"room {i}" for i in range(20)], 160).tolist()
        rule = _find(with_attribute(evidence, "room", values), "room")
        areas.append(rule.roc_auc)
        accused += rule.low >= shortcuts.TELLING
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)
    assert accused <= 2


def test_patients_with_many_images_are_not_taken_for_many():
    """The same images of 40 sick and 40 healthy patients: the interval is wider."""
    place = np.where(SICK, np.cumsum(SICK), np.cumsum(~SICK)) % 40
    yes = np.where(SICK, place % 4 > 0, place % 4 == 0)  # the same in all images of a patient
    single = with_attribute(EVIDENCE, "tube", np.where(yes, "yes", "no").tolist())
    patients = tuple(f"{sick} {of}" for sick, of in zip(SICK, place, strict=True))
    grouped = _find(change_dataset(single, groups=patients), "tube")
    alone = _find(single, "tube")
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_too_few_cases_say_nothing():
    """Nine cases in one of the halves."""
    evidence = with_attribute(make_evidence(72), "source", ["a", "b", "b", "b"] * 18)
    assert _find(evidence, "source") is None


@pytest.mark.parametrize(("name", "severity"), [("source", "error"), ("sex", "warning")])
def test_a_trait_of_the_picture_is_graver_than_one_of_the_patient(name, severity):
    """A disease may depend on who has it, never on the archive."""
    evidence = with_attribute(EVIDENCE, name, np.where(SICK, "a", "b").tolist())
    (finding,) = shortcuts.audit_shortcuts(evidence)
    assert finding.severity == severity


def test_the_runs_stand_beside_the_attribute():
    """A run that does no better than the source has shown nothing."""
    evidence = with_attribute(EVIDENCE, "source", np.where(SICK, "a", "b").tolist())
    beside = replace(evidence, roc_aucs={"vgg": 0.97, "resnet": 0.99})
    (finding,) = shortcuts.audit_shortcuts(beside)
    assert finding.evidence.endswith("The 2 runs: 0.970 to 0.990 (resnet).")


def test_without_the_target_every_label_is_looked_at():
    """A data set of other labels is audited as well."""
    other = change_dataset(EVIDENCE, labels=("flu", "normal"))
    evidence = with_attribute(other, "source", np.where(SICK, "a", "b").tolist())
    found = [each.what.split("finding ")[1] for each in shortcuts.audit_shortcuts(evidence)]
    assert found == [f"{label} from recognising the source" for label in ("flu", "normal")]


def test_an_audit_says_it_as_a_report_does_and_weaker_attributes_below():
    """One fact has one sentence; a view that is commoner with the label is not in it."""
    place = np.cumsum(SICK) - 1
    view = np.where(SICK, np.where(place % 10 < 8, "AP", "PA"), np.where(place % 3, "PA", "AP"))
    evidence = with_attribute(EVIDENCE, "source", np.where(SICK, "a", "b").tolist())
    (finding,) = shortcuts.audit_shortcuts(with_attribute(evidence, "view", view.tolist()))

    assert finding.what == (
        "Every COVID-19 image is of source a and no other image is: these metrics can't "
        "distinguish finding COVID-19 from recognising the source"
    )
    telling, weaker = finding.evidence.split(" Also associated: ")
    assert "source 1.000" in telling
    assert "view" not in telling
    assert weaker.startswith("view 0.")


# Columns


def test_numbers_are_cut_at_tenths_and_a_frequent_one_stands_alone():
    """90 % are 512: below, exactly and above."""
    numbers = np.array([300.0] * 5 + [512.0] * 90 + [800.0] * 5)
    column = columns.band_numbers("width", numbers)
    assert column.values == ("below 512", "512", "above 512")
    assert np.bincount(column.codes).tolist() == [5, 90, 5]


def test_bands_of_spread_numbers_hold_a_tenth_each_and_say_their_limits():
    """1 to 100, one each."""
    column = columns.band_numbers("age", np.arange(1.0, 101.0))
    assert len(column.values) == 10
    assert column.values[0] == "up to 11"
    assert column.values[-1] == "above 90"
    assert set(np.bincount(column.codes).tolist()) <= {9, 10, 11}


def test_what_is_not_stated_is_a_value_of_its_own():
    """A blank can tell the label too: in the real data only the sick have none."""
    evidence = with_attribute(
        EVIDENCE, "dose", ["" if sick else str(1 + i % 30) for i, sick in enumerate(SICK)]
    )
    rule = _find(evidence, "dose")
    assert rule.roc_auc > 0.99
    assert rule.example.startswith("not stated in 1.000")


def test_a_column_of_names_is_left_alone():
    """More than 20 texts that are no numbers: a file's name, a hospital's record."""
    evidence = with_attribute(EVIDENCE, "doi", [f"10.1/{i}" for i in range(len(SICK))])
    assert "doi" not in {each.name for each in columns.list_attribute_columns(evidence)}


def test_ages_are_bands_of_completed_years():
    """As the subgroups have them."""
    evidence = with_attribute(EVIDENCE, "age", [str(i % 90) for i in range(len(SICK))])
    (age,) = (e for e in columns.list_attribute_columns(evidence) if e.name == "age")
    assert age.values == ("0 to 17", "18 to 39", "40 to 59", "60 to 79", "80 and over")
    assert age.personal
