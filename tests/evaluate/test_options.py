"""What the options of a command come to, laid over the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from covidreport.errors import UsageError
from covidreport.evaluate.options import (
    EvaluateOptions,
    merge_options,
    read_memory,
    read_memory_limit,
)
from covidreport.evaluate.thresholds import Thresholds, read_thresholds
from covidreport.records import ModelLimits


def _lay(options, configured, kind=None):
    """Threshold options over configured thresholds."""
    stated = EvaluateOptions(thresholds=read_thresholds(options, kind))
    return merge_options(stated, EvaluateOptions(thresholds=configured)).thresholds


def test_options_win_over_the_settings():
    """A number sets all labels, LABEL=number one; the origin says so."""
    configured = Thresholds(0.4, {"covid-19": 0.2}, "configuration")
    assert _lay([], configured) is configured
    one = _lay(["normal=0.7"], configured)
    assert one.of(("covid-19", "normal")) == {"covid-19": 0.2, "normal": 0.7}
    every = _lay(["0.6"], configured)
    assert every.of(("covid-19", "normal")) == {"covid-19": 0.6, "normal": 0.6}
    assert every.origin == "option"


def test_of_several_thresholds_the_last_number_takes_back_those_before():
    """LABEL=number after it is an exception; before it, it is gone."""
    found = _lay(["covid-19=0.3", "0.6", "normal=0.7"], Thresholds())
    assert found.of(("covid-19", "normal")) == {"covid-19": 0.6, "normal": 0.7}


def test_where_nobody_says_anything_there_is_nothing():
    """0.5 holds then, and that it is nobody's choice can be told."""
    assert _lay([], None) is None
    assert (Thresholds().of(("a",)), Thresholds().origin) == ({"a": 0.5}, "default")
    assert Thresholds().tuned is False


def test_tuned_thresholds_keep_the_configured_ones_for_labels_that_were_not_tuned():
    """By the option; alone, 0.5 holds for them."""
    configured = Thresholds(0.3, origin="configuration")
    tuned = _lay([], configured, "tuned")
    assert (tuned.tuned, tuned.fixed(("a",))) == (True, {"a": 0.3})
    assert _lay([], None, "tuned").fixed(("a",)) == {"a": 0.5}


def test_a_threshold_on_the_command_line_wins_over_settings_that_say_tuned():
    """Otherwise scores could never be made to tune on."""
    for option, expected in (("0.4", {"a": 0.4}), ("a=0.3", {"a": 0.3})):
        fixed = _lay([option], Thresholds(tuned=True))
        assert (fixed.tuned, fixed.of(("a",))) == (False, expected)


def test_where_fixed_thresholds_are_needed_tuned_ones_are_no_silent_0_5():
    """A command that knows no single run says which option to give."""
    with pytest.raises(UsageError, match=r"--threshold 0\.5"):
        Thresholds(tuned=True).of(("a",))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [(["0.4"], "tuned", "give one of the two"), ([], "best", "only tuned")],
)
def test_options_that_contradict_each_other_are_refused(options, kind, message):
    """Fixed and tuned at once, or a kind that there is not."""
    with pytest.raises(UsageError, match=message):
        read_thresholds(options, kind)


@pytest.mark.parametrize("option", ["0", "1", "-0.1", "high", "covid-19=", "nan"])
def test_a_threshold_is_a_probability(option):
    """Nought, one and words are refused: no score could be above or below them."""
    with pytest.raises(UsageError, match="probability between 0 and 1"):
        read_thresholds([option])


def test_a_threshold_for_no_label_is_refused():
    """A misspelt label must not leave its threshold unused."""
    with pytest.raises(UsageError, match="'covid', which is no label of the data"):
        Thresholds(by_label={"covid": 0.3}).of(("covid-19",))


def test_what_is_stated_wins_field_by_field_and_keeps_where_it_was_stated():
    """A no is stated too; what nobody says stays open."""
    settings = EvaluateOptions(
        data=Path("theirs"), split="test", jobs=3, force=True,
        origins={"data": "`data` in a file", "split": "`split` in a file"},
    )  # fmt: skip
    merged = merge_options(EvaluateOptions(data=Path("mine"), force=False), settings)
    assert (merged.data, merged.split, merged.jobs) == (Path("mine"), "test", 3)
    assert (merged.force, merged.verify) == (False, None)
    assert merged.origin_of("data") == "--data"
    assert merged.origin_of("split") == "`split` in a file"
    assert merge_options(EvaluateOptions(), settings) == settings


def test_what_a_model_may_take_is_stated_in_parts():
    """Each by itself; what is not stated is as usual."""
    assert EvaluateOptions(memory_limit=0.5).model_limits == ModelLimits(300.0, 0.5)
    assert EvaluateOptions(batch_timeout_s=7.0).model_limits == ModelLimits(7.0, 0.8)
    assert read_memory_limit("12GiB") == 12 * 2**30
    with pytest.raises(UsageError, match="--memory-limit 3: a fraction up to 1 or a size"):
        read_memory_limit("3")


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_limit_ends(seconds):
    """Neither none at all nor for ever."""
    with pytest.raises(UsageError, match="give seconds, such as 300"):
        EvaluateOptions(batch_timeout_s=seconds)


@pytest.mark.parametrize(
    ("stated", "limit"),
    [("0.5", 0.5), ("1", 1.0), ("0", None), ("1.5", None), (0.25, 0.25), (1, 1.0), (0, None),
     (True, None), ("2 GB", 2e9), ("2GiB", 2 * 1024**3), ("500 mb", 5e8), ("much", None)],
)  # fmt: skip
def test_a_memory_limit_is_a_fraction_or_a_size(stated, limit):
    assert read_memory(stated) == limit


def test_a_time_limit_may_be_under_a_second():
    assert EvaluateOptions(batch_timeout_s=0.5).model_limits.batch_timeout_s == 0.5
