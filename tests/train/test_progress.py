from __future__ import annotations

import pytest

from covidreport.records import Epoch
from train.progress import describe_epoch, describe_time_left


def test_an_epochs_line_has_the_figures_of_both_splits():
    """Loss, accuracy in percent, missed covid-19 of validation; a dash for what is undefined."""
    row = Epoch(
        3,
        {
            "train_loss": 0.41234,
            "validation_loss": None,
            "train_accuracy": 0.8,
            "validation_accuracy": 0.75,
            "validation_false_negatives": 8,
        },
    )
    assert describe_epoch(row, 10, "covid-19") == (
        "epoch 3/10  loss 0.4123 / –  accuracy 80.0% / 75.0%  covid-19 missed 8"
    )


def test_what_nobody_can_miss_is_a_dash():
    """A target without positives was not missed 0 times."""
    row = Epoch(1, {"validation_false_negatives": None})
    assert describe_epoch(row, 2, "covid-19").endswith("covid-19 missed –")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, ""), (12.4, "  12 s left"), (600, "  10 min left"), (9000, "  2.5 h left")],
)
def test_time_left_is_said_in_a_unit_that_fits(seconds, text):
    """Seconds, minutes or hours; nothing at the end."""
    assert describe_time_left(seconds) == text
