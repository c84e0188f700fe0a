from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covidreport.images import describe_bit_depth


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
    """12-bit detector values in a 16-bit file: 4095 / 65535 is 16 times darker than white."""
    finding = describe_bit_depth(maxima)
    assert finding is not None
    assert f"use {bits} bits" in finding.what
    assert f"about {times} times darker" in finding.what
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
        "39 of 40 16-bit images use 12 bits or fewer: they are at least 16 times darker than their "
        "files' depth says, and others are not"
    )
    maxima, sources = [65535] * 90 + [4095, 1023, 4000], ["a"] * 90 + ["b"] * 3
    assert describe_bit_depth(maxima) is None
    finding = describe_bit_depth(maxima, sources)
    assert finding is not None
    assert finding.what.startswith("3 of 93 16-bit images use 12 bits or fewer")
