from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covidreport.audit import bit_depth
from covidreport.records import Peak
from tests.audit.data import change_survey, make_evidence, with_attribute


def describe_bit_depth(maxima, sources=None, depth=16):
    """The one finding about files of one depth; None where there is none."""
    peaks = [None if maximum is None else Peak(maximum, depth) for maximum in maxima]
    found = bit_depth.describe_bit_depth(peaks, sources)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("maxima", "bits", "times"),
    [
        ([4095], 12, 16),
        ([100, 4095, 3000], 12, 16),
        ([4096], 13, 8),
        ([1023, None], 10, 64),
        ([32767], 15, 2),
        ([1], 1, 32768),
    ],
)
def test_the_largest_value_tells_how_many_bits_are_in_use(maxima, bits, times):
    """12-bit detector values in a 16-bit file: 4095 / 65535 is a sixteenth of the range."""
    finding = describe_bit_depth(maxima)
    assert finding is not None
    assert f"use {bits} bits" in finding.what
    assert f"about {times} times less contrast" in finding.what
    assert f"is {max(m for m in maxima if m is not None)} of 65535" in finding.evidence


@pytest.mark.parametrize("maxima", [[], [None, None], [65535], [200, 32768], [None, 40000]])
def test_full_depth_or_no_16_bit_file_is_no_finding(maxima):
    """One image that needs the sixteenth bit shows that the set has it; 8-bit files say nothing."""
    assert describe_bit_depth(maxima) is None


def test_a_set_of_black_images_is_said_to_be_black():
    """No value above zero has no bit count."""
    finding = describe_bit_depth([0, 0])
    assert finding is not None
    assert finding.what == "every 16-bit image is black"
    assert finding.evidence == "the largest value in 2 files of 16 bits is 0 of 65535"


@settings(deadline=None)
@given(st.lists(st.integers(0, 65535) | st.none(), max_size=20))
def test_a_finding_is_made_exactly_below_half_of_the_range(maxima):
    """The sixteenth bit is in use when some value is at least 32768; most may lack three all the
    same.
    """
    known = [maximum for maximum in maxima if maximum is not None]
    few = sum(maximum < 8192 for maximum in known)
    expected = bool(known) and (max(known) < 32768 or (few >= 3 and 2 * few > len(known)))
    assert (describe_bit_depth(maxima) is not None) == expected


def test_one_file_of_full_depth_does_not_silence_the_others():
    """39 files of 12 bits beside one of 16, and a source of its own among many of full depth."""
    finding = describe_bit_depth([4095] * 39 + [65535])
    assert finding is not None
    assert finding.what == (
        "39 of 40 16-bit images use 12 bits or fewer: at least 16 times less contrast "
        "than their files' depth says, unlike the others"
    )
    maxima, sources = [65535] * 90 + [4095, 1023, 4000], ["a"] * 90 + ["b"] * 3
    assert describe_bit_depth(maxima) is None
    finding = describe_bit_depth(maxima, sources)
    assert finding is not None
    assert finding.what.startswith("3 of 93 16-bit images use 12 bits or fewer")


def test_each_depth_is_told_of_by_itself():
    """12 bits in DICOM files of 14, beside 16-bit PNG that use all; 12 of 12 is what it should."""
    peaks = [Peak(4095, 14), Peak(3000, 14), Peak(65535, 16), Peak(4095, 12), None]
    (finding,) = bit_depth.describe_bit_depth(peaks)
    assert finding.what == (
        "14-bit images use 12 bits: they have about 4 times less contrast than their files' depth "
        "says"
    )
    assert finding.evidence == "the largest value in 2 files of 14 bits is 4095 of 16383"


def test_an_audit_looks_at_each_source_by_itself():
    """39 files of 12 bits beside one of 16, by the column `source`; without one by folder."""
    healthy = make_evidence(40)
    peaks = (Peak(65535, 16), *[Peak(4095, 16)] * 39)
    dark = change_survey(healthy, peaks=peaks)
    (finding,) = bit_depth.audit_bit_depth(dark)
    assert finding.what.startswith("39 of 40 16-bit images use 12 bits or fewer")
    most = change_survey(healthy, peaks=(*[Peak(65535, 16)] * 36, *[Peak(4095, 16)] * 4))
    assert bit_depth.audit_bit_depth(most) == ()
    source = ("archive",) * 36 + ("ward",) * 4
    (finding,) = bit_depth.audit_bit_depth(with_attribute(most, "source", source))
    assert finding.what.startswith("4 of 40 16-bit images")
