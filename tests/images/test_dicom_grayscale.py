"""Stored values to grey, against the formulas of the standard computed pixel by pixel."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.images.dicom import decode_dicom
from covidreport.images.dicom.grayscale import Grayscale, LookupTable, Rescale, Window
from tests.images.radiographs import (
    FORMULAS,
    RNG,
    SIGNED_12,
    SMOOTH_8,
    UNSIGNED_12,
    assert_nearest,
    linear,
    pixels,
    pydicom,
    radiograph,
    table,
)


@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1500.5, 700), (100, 1), (4000, 2.5)])
def test_a_window_gives_the_grey_of_the_standard_s_formula(function, center, width):
    """Windows over the whole range, a part, one step, and beyond the range; three functions."""
    data = radiograph(UNSIGNED_12, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    exact = [FORMULAS[function](x, center, width) for x in UNSIGNED_12.ravel().tolist()]
    assert_nearest(pixels(data).ravel(), exact)


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.floats(-3000, 3000),
    st.floats(1, 4000),
    st.floats(0.01, 20),
    st.floats(-2000, 2000),
    st.booleans(),
)
def test_any_window_after_any_rescale_gives_the_formula_s_grey(
    function, center, width, slope, intercept, inverted
):
    """For every value of a signed 8-bit file; float64 may fall on either side of a step."""
    chain = Grayscale(Rescale(slope, intercept), Window(center, width, function), inverted)
    shown = chain.tabulate(-128, 127)
    for stored, grey in zip(range(-128, 128), shown, strict=True):
        x = slope * stored + intercept
        near = [FORMULAS[function](x + tiny, center, width) for tiny in (-1e-9, 0, 1e-9)]
        low, high = min(near), max(near)
        if inverted:
            low, high = 255 - high, 255 - low
        assert low - Fraction(501, 1000) <= int(grey) <= high + Fraction(501, 1000)


def test_without_a_window_the_whole_range_of_stored_values_is_shown():
    """12 bits: 0 is black, 4095 is white."""
    shown = pixels(radiograph(UNSIGNED_12))
    assert_nearest(shown.ravel(), [Fraction(255 * x, 4095) for x in UNSIGNED_12.ravel().tolist()])


def test_signed_values_are_shown_from_the_lowest_to_the_highest():
    """12 bits with a sign: -2048 is black, 2047 is white."""
    shown = pixels(radiograph(SIGNED_12))
    exact = [Fraction(255 * (x + 2048), 4095) for x in SIGNED_12.ravel().tolist()]
    assert_nearest(shown.ravel(), exact)


def test_the_rescale_comes_before_the_window():
    """A window in the units of 2 x value - 1000."""
    data = radiograph(
        SIGNED_12, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=-500, WindowWidth=3000
    )
    exact = [linear(2 * x - 1000, -500, 3000) for x in SIGNED_12.ravel().tolist()]
    assert_nearest(pixels(data).ravel(), exact)


def test_monochrome1_is_inverted_after_the_window():
    """The lowest value is white."""
    data = radiograph(
        UNSIGNED_12, PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=1500
    )
    exact = [255 - linear(x, 1000, 1500) for x in UNSIGNED_12.ravel().tolist()]
    assert_nearest(pixels(data).ravel(), exact)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "tags",
    [
        {"PixelPaddingValue": 0},
        {"PixelPaddingValue": 3000},
        {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4000},
    ],
)
def test_padding_is_black_and_no_other_pixel_changes(photometric, tags):
    """PS3.3 C.7.5.1.1.2: what fills up a picture is no part of it, whatever the value would be."""
    stored = UNSIGNED_12.copy()
    stored[:3] = tags["PixelPaddingValue"]
    stored[3, :3] = tags.get("PixelPaddingRangeLimit", stored[0, 0])
    low, high = sorted((tags["PixelPaddingValue"], int(stored[3, 0])))
    plain = pixels(radiograph(stored, PhotometricInterpretation=photometric))
    shown = pixels(radiograph(stored, PhotometricInterpretation=photometric, **tags))
    padded = (stored >= low) & (stored <= high)
    assert padded.sum() >= 3 * stored.shape[1]
    assert (shown[padded] == 0).all()
    assert np.array_equal(shown[~padded], plain[~padded])


def test_of_several_windows_the_first_is_the_view():
    """Two windows are two views; the second is not looked at."""
    data = radiograph(UNSIGNED_12, WindowCenter=[1000, 3000], WindowWidth=[500, 10])
    exact = [linear(x, 1000, 500) for x in UNSIGNED_12.ravel().tolist()]
    assert_nearest(pixels(data).ravel(), exact)


def test_a_modality_lut_maps_stored_values_and_holds_at_its_ends():
    """PS3.3 C.11.1.1: below the first value its first entry, above the last its last; 10 bits."""
    entries = [(3 * i * i) // 200 % 1024 for i in range(256)]
    data = radiograph(SMOOTH_8, bits=8, ModalityLUTSequence=[table(entries, 20, 10)])
    exact = [
        Fraction(255 * entries[min(max(x - 20, 0), 255)], 1023) for x in SMOOTH_8.ravel().tolist()
    ]
    assert_nearest(pixels(data).ravel(), exact)


def test_a_voi_lut_is_scaled_from_its_own_bits():
    """PS3.3 C.11.2.1.1, after a rescale to negative values: first entry for -1000, 12 bits."""
    entries = [4095 - i for i in range(4096)]
    data = radiograph(
        UNSIGNED_12,
        RescaleSlope=1,
        RescaleIntercept=-1000,
        VOILUTSequence=[table(entries, -1000, 12)],
    )
    exact = [Fraction(255 * (4095 - x), 4095) for x in UNSIGNED_12.ravel().tolist()]
    assert_nearest(pixels(data).ravel(), exact)


def test_a_negative_first_value_that_is_written_unsigned_is_read_as_negative():
    """64536 where values can be negative is -1000: the descriptor has 16 bits."""
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 65536 - 1000, 12])
    item.add_new("LUTData", "US", list(range(4096)))
    data = radiograph(UNSIGNED_12, RescaleSlope=1, RescaleIntercept=-1000, VOILUTSequence=[item])
    assert_nearest(
        pixels(data).ravel(), [Fraction(255 * x, 4095) for x in UNSIGNED_12.ravel().tolist()]
    )


def test_a_voi_lut_goes_before_a_window():
    """Where a file offers both, the table is the view."""
    entries = list(range(4096))
    both = radiograph(
        UNSIGNED_12, VOILUTSequence=[table(entries, 0, 12)], WindowCenter=10, WindowWidth=5
    )
    assert np.array_equal(pixels(both), pixels(radiograph(UNSIGNED_12)))


def test_a_full_table_states_its_65536_entries_as_zero():
    """PS3.3 C.11.1.1: the descriptor has 16 bits."""
    stored = UNSIGNED_12 * np.uint16(16)
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [0, 0, 16])
    item.add_new("LUTData", "OW", np.arange(65535, -1, -1, dtype="<u2").tobytes())
    shown = pixels(radiograph(stored, bits=16, VOILUTSequence=[item]))
    exact = [Fraction(255 * (65535 - x), 65535) for x in stored.ravel().tolist()]
    assert_nearest(shown.ravel(), exact)


@given(st.integers(1, 300), st.integers(-200, 200), st.integers(8, 16))
def test_a_table_never_answers_from_outside_of_itself(n_entries, first, bits):
    """Any table over signed 8-bit values gives what a plain loop over its entries gives."""
    entries = RNG.integers(0, 2**bits, n_entries).astype(np.uint16)
    chain = Grayscale(Rescale(), LookupTable(entries, first, bits), inverted=False)
    held = [int(entries[min(max(x - first, 0), n_entries - 1)]) for x in range(-128, 128)]
    assert_nearest(chain.tabulate(-128, 127), [Fraction(255 * v, 2**bits - 1) for v in held])


def test_the_chain_of_transforms_is_recorded_in_order():
    """Storage, rescale, window, inversion."""
    data = radiograph(
        UNSIGNED_12,
        PhotometricInterpretation="MONOCHROME1",
        RescaleSlope=0.5,
        RescaleIntercept=10,
        WindowCenter=600,
        WindowWidth=1000,
        VOILUTFunction="SIGMOID",
    )
    assert decode_dicom(data).transforms == (
        "12 bits, unsigned, Explicit VR Little Endian",
        "rescaled: 0.5 x value + 10",
        "window: center 600, width 1000, SIGMOID",
        "inverted: MONOCHROME1",
    )
