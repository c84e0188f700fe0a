"""Sizes and speeds, as people read them."""

from __future__ import annotations

import pytest

from covidreport.text.sizes import digits, size


@pytest.mark.parametrize(
    ("n_bytes", "said"),
    [
        (None, "–"), (0, "0 bytes"), (999, "999 bytes"), (1000, "0.977 KiB"), (1536, "1.50 KiB"),
        (44_800_000, "42.7 MiB"), (2**20 - 1, "1.00 MiB"), (553_430_000, "528 MiB"),
        (999.4 * 2**20, "999 MiB"), (2**31, "2.00 GiB"), (2**60, "1,048,576 TiB"),
    ],
)  # fmt: skip
def test_a_size_has_three_digits_and_its_unit(n_bytes, said):
    """Of which there is the next where four would be needed."""
    assert size(n_bytes) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.01234, "0.0123"), (4.567, "4.57"), (99.94, "99.9"), (99.96, "100"),
     (1234.5, "1,234"), (0.000123, "1.23e-04"), (10.0, "10.0")],
)  # fmt: skip
def test_a_speed_has_three_digits(value, said):
    """And no decimals from a hundred on."""
    assert digits(value) == said
