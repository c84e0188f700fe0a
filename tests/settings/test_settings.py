"""Where settings come from, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from covidreport.errors import UsageError
from covidreport.evaluate.options import EvaluateOptions, merge_options
from covidreport.records import Study
from covidreport.settings import find_settings


def test_the_nearest_configuration_holds(tmp_path):
    """A covidreport.toml in a folder above is found; paths are relative to the file."""
    (tmp_path / "covidreport.toml").write_text(
        'data = "images"\nsplit = "test"\nlabels = ["a", "b"]\ntarget = "a"\n'
        "threshold = { a = 0.3 }\nspecificity_floor = 0.8\n"
    )
    deep = tmp_path / "x" / "y"
    deep.mkdir(parents=True)
    settings = find_settings(deep)
    assert settings.evaluate.data == tmp_path / "images"
    assert (settings.evaluate.split, settings.evaluate.labels, settings.target) == (
        "test",
        ("a", "b"),
        "a",
    )
    assert settings.specificity_floor == 0.8
    assert settings.evaluate.thresholds.of(("a", "b")) == {"a": 0.3, "b": 0.5}
    assert settings.evaluate.thresholds.origin == "configuration"


def test_a_pyproject_with_our_table_serves_too(tmp_path):
    """[tool.covidreport] is read; a pyproject.toml without it is passed over."""
    (tmp_path / "pyproject.toml").write_text('[tool.covidreport]\nsplit = "holdout"\n')
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert find_settings(inner).evaluate.split == "holdout"


def test_everything_wrong_is_listed_together(tmp_path):
    """Unknown keys and wrong values stand in one message with the file's name."""
    (tmp_path / "covidreport.toml").write_text(
        'splitt = "x"\nlabels = "a"\nthreshold = 1.5\nspecificity_floor = 2\ndata = 3\n'
    )
    with pytest.raises(UsageError) as caught:
        find_settings(tmp_path)
    text = str(caught.value)
    assert str(tmp_path / "covidreport.toml") in text
    for part in ("`splitt` is no setting", "`labels`", "`threshold` is 1.5", "`specificity_floor`",
                 "`data` is 3"):  # fmt: skip
        assert part in text


def test_broken_toml_is_said_with_its_place(tmp_path):
    """The parser's own place is kept."""
    (tmp_path / "covidreport.toml").write_text("data = \n")
    with pytest.raises(UsageError, match="line 1"):
        find_settings(tmp_path)


def test_tuned_thresholds_are_asked_for_by_the_settings(tmp_path):
    """`threshold` beside it serves the labels that were not tuned."""
    (tmp_path / "covidreport.toml").write_text('thresholds = "tuned"\nthreshold = 0.3\n')
    thresholds = find_settings(tmp_path).evaluate.thresholds
    assert (thresholds.tuned, thresholds.fixed(("a",))) == (True, {"a": 0.3})


def test_uncertain_marks_are_named_in_the_configuration(tmp_path):
    """A list of texts; by default none."""
    (tmp_path / "covidreport.toml").write_text('uncertain = ["?", "u", "-1"]\n')
    assert find_settings(tmp_path).evaluate.uncertain == ("?", "u", "-1")


@pytest.mark.parametrize(
    "text",
    [
        "uncertain = -1", "uncertain = [-1]", 'uncertain = [""]', 'uncertain = "?"',
        'thresholds = "best"', "thresholds = 0.5",
    ],
)  # fmt: skip
def test_marks_and_kinds_of_another_sort_are_refused(tmp_path, text):
    """A number is no text, and a single mark is no list."""
    (tmp_path / "covidreport.toml").write_text(f"{text}\n")
    with pytest.raises(UsageError, match=text.split()[0]):
        find_settings(tmp_path)


def test_sections_of_the_report_are_left_out_by_name(tmp_path):
    """In a table of their own, also in a pyproject.toml."""
    (tmp_path / "covidreport.toml").write_text('[report]\nhide = ["blocks", "methods", "runs"]\n')
    assert find_settings(tmp_path).hide == {"methods", "runs"}
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text('[tool.covidreport.report]\nhide = ["runs"]\n')
    assert find_settings(inner).hide == {"runs"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[report]\nhide = ["block"]',
            "'block', which is no section; answer, findings, ",
        ),
        ('[report]\nhide = "blocks"', "`report.hide` is 'blocks'; a list of sections is wanted"),
        ('report = ["blocks"]', "`report` is ['blocks']; a table is wanted"),
        ("tune = 1", "`tune` is 1; a table is wanted: [tune]"),
        ("[tune]\nsplit = 3", "`tune.split` is 3; a text is wanted"),
        ("[tune]\ndata = 'x'", "`tune.data` is no setting; `tune.split` is"),
        ("[report]\nshow = []", "`report.show` is no setting; `report.hide` is"),
    ],
)
def test_what_can_not_be_left_out_is_said(tmp_path, text, fault):
    """With what can."""
    (tmp_path / "covidreport.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        find_settings(tmp_path)
    assert fault in str(caught.value)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    """Editors on Windows put it there, in either file."""
    (tmp_path / "covidreport.toml").write_text('target = "flu"', encoding="utf-8-sig")
    assert find_settings(tmp_path).target == "flu"
    (tmp_path / "covidreport.toml").unlink()
    text = '[tool.covidreport]\ntarget = "flu"'
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8-sig")
    assert find_settings(tmp_path).target == "flu"


def test_utf16_settings_are_named(tmp_path):
    """PowerShell writes it: the remedy is said."""
    (tmp_path / "covidreport.toml").write_text("target = 'flu'", encoding="utf-16")
    with pytest.raises(UsageError, match="is UTF-16 text; save it as UTF-8"):
        find_settings(tmp_path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a pipe"),
        (lambda place: place.symlink_to("gone"), "is a link to gone, which is not there"),
    ],
)
def test_settings_that_are_no_file_are_not_passed_over(tmp_path, make, words):
    """Whoever put something under that name meant it."""
    make(tmp_path / "covidreport.toml")
    with pytest.raises(UsageError, match=words):
        find_settings(tmp_path)


def test_a_table_that_is_none_is_refused(tmp_path):
    """`covidreport = 5` under [tool]; what else stands there is another tool's."""
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool]\ncovidreport = 5")
    with pytest.raises(UsageError, match=r"`tool.covidreport` is 5; a table is wanted"):
        find_settings(tmp_path)
    file.write_text("tool = 5")
    assert find_settings(tmp_path).origin is None or find_settings(tmp_path).origin != file


@pytest.mark.parametrize("rule", ["any", "majority", "all"])
def test_how_many_images_make_a_patient_positive_is_said_of_patients(tmp_path, rule):
    """`[patients] rule`, any where nothing is said; comparisons are told of it."""
    file = tmp_path / "covidreport.toml"
    assert find_settings(tmp_path).plan_comparisons(()).patients == "any"
    file.write_text(f'[patients]\nrule = "{rule}"\n')
    settings = find_settings(tmp_path)
    assert settings.patient_rule == settings.plan_comparisons(()).patients == rule
    file.write_text('[patients]\nrule = "most"\n')
    wanted = r"`patients\.rule` is 'most'; 'any' or 'majority' or 'all' is wanted"
    with pytest.raises(UsageError, match=wanted):
        find_settings(tmp_path)


def test_how_images_were_sampled_is_said_of_the_study(tmp_path):
    """`[study] sampling`; the metrics are told, too."""
    (tmp_path / "covidreport.toml").write_text('[study]\nsampling = "consecutive"\n')
    assert find_settings(tmp_path).metrics.sampling == "consecutive"
    (tmp_path / "covidreport.toml").write_text("")
    assert find_settings(tmp_path).metrics.sampling is None
    (tmp_path / "covidreport.toml").write_text('[study]\nsampling = "random"\n')
    assert find_settings(tmp_path).metrics.sampling == "random"
    assert find_settings(tmp_path).study == Study(sampling="random")
    (tmp_path / "covidreport.toml").write_text('[study]\nsampling = "all"\n')
    wanted = (
        "`study.sampling` is 'all'; 'consecutive', 'random', 'convenience' are the ways to sample"
    )
    with pytest.raises(UsageError, match=re.escape(wanted)):
        find_settings(tmp_path)


def test_what_authors_state_is_free_text(tmp_path):
    """In `[study]`; every word that is none is named at once, and blanks state nothing."""
    file = tmp_path / "covidreport.toml"
    file.write_text(
        '[study]\nreference_standard = "RT-PCR within 48 h"\nsetting = "two hospitals"\n'
        'dates = " "\nfunding = ""\nregistration = "none"\n'
    )
    stated = Study(
        reference_standard="RT-PCR within 48 h", setting="two hospitals", registration="none"
    )
    assert find_settings(tmp_path).study == stated
    assert find_settings(tmp_path).metrics.sampling is None
    file.write_text('[study]\nfunds = "none"\ndates = 2020\nperiod = "2020"\n')
    with pytest.raises(UsageError) as refused:
        find_settings(tmp_path)
    said = str(refused.value)
    for fault in ("`study.funds` is no setting", "`study.period` is no", "`study.dates` is 2020"):
        assert fault in said
    assert "`study.reference_standard`" in said


def test_a_manifest_of_others_is_described(tmp_path):
    """`[manifest]` is one record, of plain words and inner tables."""
    (tmp_path / "covidreport.toml").write_text(
        'data = "archive"\n[manifest]\nfile = {train = "a.csv"}\npath = "{Image}.png"\n'
        'join = [{file = "b.csv", on = "Image", only = ["View"]}]\nexclude = {view = ["L"]}\n'
        '[manifest.extract]\npatient = {column = "Image", pattern = "(p[0-9]+)"}\n'
    )
    words = find_settings(tmp_path).evaluate.manifest
    assert words.file == {"train": "a.csv"}
    assert words.join[0].only == ("View",)
    assert words.exclude == {"view": ("L",)}
    assert words.extract["patient"].pattern == "(p[0-9]+)"


def test_every_fault_of_a_manifest_is_told(tmp_path):
    """Unknown words with the nearest, wrong values with what is wanted, what is said twice."""
    (tmp_path / "covidreport.toml").write_text(
        'group = "p"\nuncertain = ["?"]\n[manifest]\npaht = "x"\nrows = "all"\nblank = "0"\n'
    )
    with pytest.raises(UsageError) as caught:
        find_settings(tmp_path)
    for part in ("`manifest.paht` is no word of [manifest]; `path` is",
                 "`manifest.rows` is 'all'; how several rows of an image are one: any or majority",
                 "`manifest.blank` is '0'; what a blank means: unknown or negative"):  # fmt: skip
        assert part in str(caught.value)
    (tmp_path / "covidreport.toml").write_text(
        'group = "p"\nuncertain = ["?"]\n[manifest]\npatient = "q"\nuncertain = {"-" = "ignore"}\n'
    )
    with pytest.raises(UsageError) as caught:
        find_settings(tmp_path)
    assert "`group` and `patient` of [manifest] both name the patient" in str(caught.value)
    assert "`uncertain` stands there and in [manifest]" in str(caught.value)


def test_manifest_words_go_with_their_data(tmp_path):
    """Other data, named on the command line, are not read by them."""
    (tmp_path / "covidreport.toml").write_text('data = "a"\n[manifest]\npath = "P"\n')
    beneath = find_settings(tmp_path).evaluate
    other = EvaluateOptions(data=tmp_path / "b")
    same = EvaluateOptions(data=tmp_path / "a")
    assert merge_options(other, beneath).manifest is None
    assert merge_options(same, beneath).manifest == beneath.manifest
    assert merge_options(EvaluateOptions(), beneath).manifest == beneath.manifest


@pytest.mark.parametrize("table", ['reference = "F"', "reference = {sex = 1}", 'sex = "F"'])
def test_a_reference_group_is_a_value_by_attribute(tmp_path, table):
    """Anything else is refused with an example."""
    file = tmp_path / "covidreport.toml"
    file.write_text(f"[groups]\n{table}\n")
    with pytest.raises(UsageError, match=r"then reference = \{sex = \"F\"\}"):
        find_settings(tmp_path)
