"""Limits as options and the configuration spell them."""

from __future__ import annotations

import pytest

from covidreport.errors import UsageError
from covidreport.gate.limits import choose_limits, read_limit, require_evidence
from covidreport.records import Limit
from covidreport.settings import read_settings

TARGET = "covid-19"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("sensitivity.low>=0.70", Limit("sensitivity.low", TARGET, min=0.7)),
        ("pneumonia:specificity >= 0.8", Limit("specificity", "pneumonia", min=0.8)),
        ("false_alarms<=12", Limit("false_alarms", TARGET, max=12)),
        ("false_negatives<=baseline", Limit("missed", TARGET, max_regression=0.0)),
        ("covid-19:false_negatives<=baseline+0", Limit("missed", TARGET, max_regression=0.0)),
        ("missed<=baseline+2", Limit("missed", TARGET, max_regression=2.0)),
        ("missed<=baseline-1", Limit("missed", TARGET, max_regression=-1.0)),
        ("sensitivity>=baseline-0.02", Limit("sensitivity", TARGET, max_regression=0.02)),
        ("recall>=baseline+0.02", Limit("sensitivity", TARGET, max_regression=-0.02)),
        ("false_alarms<=baseline + 10%",
         Limit("false_alarms", TARGET, max_regression=0.1, relative=True)),
        ("roc_auc>=baseline-5%", Limit("roc_auc", TARGET, max_regression=0.05, relative=True)),
        ("micro_f1>=0.8", Limit("micro_f1", "", min=0.8)),
        ("sensitivity[sex=F].low>=0.6", Limit("sensitivity[sex=F].low", TARGET, min=0.6)),
        ("a:b:missed<=3", Limit("missed", "a:b", max=3)),
        ("brier<=1e-1", Limit("brier", TARGET, max=0.1)),
    ],
)  # fmt: skip
def test_an_option_spells_a_limit(text, limit):
    """Label, figure, bound of the interval, number, and the distance from the baseline."""
    read = read_limit(text, TARGET)
    assert read.origin == "option"
    expected = (limit.metric, limit.label, limit.min, limit.max, limit.max_regression)
    assert (read.metric, read.label, read.min, read.max, read.max_regression) == expected
    assert (read.relative, read.severity) == (limit.relative, "fail")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sensitivity", "is no limit"),
        ("sensitivity>0.7", "is no limit"),
        ("sensitivity=0.7", "is no limit"),
        ("sensitivty>=0.7", r"is no metric; there are: .*missed, .*\. Did you mean sensitivity\?$"),
        ("auc>=0.7", r"auc is no metric; there are: .* Did you mean roc_auc\?$"),
        ("AUROC>=0.7", r"AUROC is no metric; .* Did you mean roc_auc\?$"),
        ("pr_auc.low>=0.7", r"pr_auc.low is no metric; .* Did you mean average_precision\?$"),
        ("xyz>=0.7", "is no metric; there are: .*failed_images, parameters, .*memory_mib$"),
        ("sensitivity>=high", "a number is wanted, or baseline"),
        ("sensitivity>=nan", "a number is wanted"),
        ("sensitivity.middle>=0.7", r"the bounds \.low and \.high"),
        ("missed.low<=3", "a count has no interval"),
        ("missed>=baseline", "is better lower; write missed<=baseline"),
        ("sensitivity<=baseline", "is better higher; write sensitivity>=baseline"),
        ("prevalence<=baseline", "neither better high nor low"),
        ("covid-19:micro_f1>=0.8", "one metric over all labels"),
        ("sensitivity_at_0.9>=0.7", "tune on another split"),
        ("brier[sex=F]<=0.1", "subgroups have only sensitivity"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(text, message):
    """The error says what is wrong and what would be right."""
    with pytest.raises(UsageError, match=message):
        read_limit(text, TARGET)


def test_the_configuration_states_limits(tmp_path):
    """Each table under [[limits]] is a limit; its origin is the file."""
    file = tmp_path / "covidreport.toml"
    file.write_text(
        '[[limits]]\nmetric = "sensitivity.low"\nmin = 0.7\n'
        '[[limits]]\nmetric = "missed"\nlabel = "pneumonia"\nmax_regression = 0.1\n'
        'relative = true\nseverity = "warn"\n'
    )
    first, second = read_settings(file).limits
    assert first == Limit("sensitivity.low", TARGET, min=0.7, origin="covidreport.toml")
    assert second == Limit(
        "missed", "pneumonia", max_regression=0.1, relative=True, severity="warn",
        origin="covidreport.toml",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limits = 3", "`limits` is a list of tables"),
        ("[[limits]]\nmetric = 'missed'", "limit 1: needs `min`, `max` or `max_regression`"),
        ("[[limits]]\nmetric = 'misses'\nmax = 1", "limit 1: misses is no metric"),
        ("[[limits]]\nmetric = 'missed'\nmax = '1'", "`max` is '1'; a number is wanted"),
        ("[[limits]]\nmetric = 'missed'\nmaximum = 1", "`maximum` is no key"),
        ("[[limits]]\nmetric = 'missed'\nmax = 1\nseverity = 'error'", "`severity` is 'error'"),
        ("[[limits]]\nmetric = 'missed'\nmax = 1\nlabel = 7", "`label` is 7; a text is wanted"),
        ("[[limits]]\nmetric = 'prevalence'\nmax_regression = 1", "neither better high nor low"),
    ],
)
def test_a_wrong_table_is_named_by_its_place(tmp_path, text, message):
    """Which limit it is, counted from 1, and what is wrong with it."""
    file = tmp_path / "covidreport.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_settings(file)


def test_built_in_limits_give_way_to_stated_ones_on_the_same_figure():
    """No case more is missed and the floor is kept, unless a limit that fails says otherwise."""
    built_in = choose_limits([], TARGET, 0.5, has_baseline=True)
    assert [(each.metric, each.max_regression, each.min) for each in built_in] == [
        ("missed", 0.0, None),
        ("specificity", None, 0.5),
    ]
    slack = Limit("missed", TARGET, max_regression=1.0, origin="option")
    assert choose_limits([slack], TARGET, 0.5, has_baseline=True) == (built_in[1], slack)
    warned = Limit("missed", TARGET, max_regression=1.0, severity="warn", origin="option")
    assert choose_limits([warned], TARGET, 0.5, has_baseline=True) == (*built_in, warned)
    other = Limit("missed", "normal", max=3, origin="option")
    assert choose_limits([other], TARGET, 0.5, has_baseline=True) == (*built_in, other)
    assert choose_limits([other], TARGET, 0.5, has_baseline=False) == (built_in[1], other)


def test_a_gate_without_baseline_and_limits_judges_nothing():
    """With the floor alone a run that misses everybody would pass."""
    with pytest.raises(UsageError, match="nothing to judge by: give --baseline"):
        choose_limits([], TARGET, 0.5, has_baseline=False)


def test_a_limit_on_the_baseline_needs_one():
    """It can't be judged by default."""
    limit = read_limit("missed<=baseline", TARGET)
    with pytest.raises(UsageError, match="looks at a baseline: give --baseline"):
        choose_limits([limit], TARGET, 0.5, has_baseline=False)


def test_evidence_is_asked_of_the_target_alone():
    """A baseline keeps single answers of the target only."""
    kept = require_evidence(TARGET, 0.05, "--require-evidence")
    assert choose_limits([kept], TARGET, 0.5, has_baseline=True)[-1] == kept
    for wrong in (
        require_evidence("normal", 0.05, "option"),
        require_evidence(TARGET, 1.5, "option"),
        Limit("missed", TARGET, max_regression=0.1, evidence=True),
        Limit("sensitivity", TARGET, min=0.5, evidence=True),
    ):
        with pytest.raises(UsageError, match="asks for evidence"):
            choose_limits([wrong], TARGET, 0.5, has_baseline=True)
