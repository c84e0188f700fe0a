"""`covidreport.load`: its page of documentation, what a notebook shows, and its arguments."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from msgspec.structs import replace

import covidreport
from covidreport.errors import UsageError
from covidreport.records import Finding
from covidreport.report.notebook import Report
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.reading import read_html
from tests.report.study import hostile_study, small_study

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "notebook.md").read_text()


def test_the_examples_of_the_documentation_run(tmp_path, monkeypatch):
    """Word for word, one after the other, in a folder with runs/."""
    (tmp_path / "runs").symlink_to(ROOT / "examples" / "study-2020")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, "docs/notebook.md", "exec"), names)  # noqa: S102  # our own page
    best = names["best"]
    assert isinstance(best, pd.DataFrame)
    assert best["run"].tolist() == ["exp15-vgg16-bce-frozen"]
    assert best["missed"].tolist() == [8]


def test_a_notebook_shows_the_answer_and_the_ranking():
    """Every run, ranked or not, with a style of its own and nothing that is fetched."""
    shown = Report(small_study())._repr_html_()
    text = read_html(shown)
    for word in (
        "exp15-vgg16-bce-frozen",
        "8 of 28",
        "0.529 to 0.847",
        "Calls 628 of 628 images negative",
        "there is no model.onnx in runs/99",
    ):
        assert word in text
    assert "<script" not in shown
    assert "style=" not in shown
    assert not re.search(r"(src|href|url)\s*[=(]", shown)


def test_every_rule_of_its_style_holds_for_its_own_piece_alone():
    """A notebook's other outputs look as they did before."""
    style = re.search(r"<style>(.*?)</style>", Report(small_study())._repr_html_(), re.S)
    assert style is not None
    rules = re.sub(r"/\*.*?\*/", "", style[1], flags=re.S)
    selectors = [
        one.strip() for rule in re.findall(r"([^{}]+)\{", rules) for one in rule.split(",")
    ]
    assert len(selectors) > 10
    assert all(one.startswith(".covidreport") for one in selectors)
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(", rules)


def test_what_stands_under_a_figure_begins_a_line(tmp_path, visit):
    """A head's "of 28" and a figure's interval: beside it they read as one word."""
    page = tmp_path / "piece.html"
    page.write_text(Report(small_study())._repr_html_())
    drawn = visit(page).evaluate(
        "[...document.querySelectorAll('th i, td i')].map(one => [getComputedStyle(one).display,"
        " one.getBoundingClientRect().top >= "
        "one.parentElement.firstElementChild.getBoundingClientRect().bottom - 3])"
    )
    assert len(drawn) > 10
    assert all(one == ["block", True] for one in drawn)


def test_hostile_names_are_shown_as_text():
    """A name that wants to be markup opens no element."""
    shown = Report(hostile_study())._repr_html_() + Report(compared_study())._repr_html_()
    assert "<script>alert" not in shown
    assert "<script>alert(1)</script>" in read_html(shown)
    assert HOSTILE_NAME in read_html(shown)
    assert HOSTILE_NAME not in shown


def test_the_same_data_give_the_same_piece():
    """No clock, no id of an object."""
    assert Report(hostile_study())._repr_html_() == Report(hostile_study())._repr_html_()


def test_its_text_is_the_answer():
    """What a plain console prints."""
    lines = repr(Report(small_study())).splitlines()
    assert lines[0] == (
        "The study of 2020: study-2020, validation split; 628 images, 28 of them with COVID-19; "
        "COVID-19, normal and pneumonia; 4 runs: 2 ranked, 1 shown and not ranked and "
        "1 without figures"
    )
    assert lines[1] == "Error: The splits differ"
    assert lines[2].startswith(
        "By these counts, exp15-vgg16-bce-frozen misses the fewest: 8 of 28 COVID-19 images"
    )


def test_no_figure_stands_before_the_error_about_it():
    """As on the page; and who is on the pictures is said first of all."""
    data = small_study()
    synthetic = Finding("warning", "synthetic-images", "Every image is synthetic", "", "")
    shown = Report(replace(data, findings=(*data.findings, synthetic)))
    for text in (repr(shown), shown._repr_html_()):
        places = [
            text.index(words)
            for words in ("Every image is synthetic.", "Error: ", "By these counts, ")
        ]
        assert places == sorted(places)


def test_load_follows_the_configuration_and_its_arguments_win(tmp_path, monkeypatch):
    """The target and the floor of covidreport.toml, as on the command line."""
    (tmp_path / "covidreport.toml").write_text('target = "pneumonia"\n')
    monkeypatch.chdir(tmp_path)
    folder = ROOT / "examples" / "study-2020"
    assert covidreport.load(folder).data.target == "pneumonia"
    given = covidreport.load(str(folder), target="covid-19", specificity_floor=0.95, title="Mine")
    assert given.data.target == "covid-19"
    assert given.data.title == "Mine"
    assert given.ranking["rank"].isna().all()
    train = covidreport.load(folder, target="covid-19", split="train")
    assert set(train.counts.query("is_target")["split"]) == {"train", "validation"}
    assert train.data.split == "train"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"specificity_floor": 2.0}, "specificity_floor=2: give a fraction from 0 to 1"),
        ({"margin": 5.0}, "margin=5: give a fraction between 0 and 1"),
        ({"baseline": "exp99"}, "the baseline 'exp99' is none of these runs"),
        ({"split": "holdout"}, "nothing was evaluated on any data set, split holdout"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    """With what would make sense."""
    with pytest.raises(UsageError, match=re.escape(message)):
        covidreport.load(ROOT / "examples" / "study-2020", **arguments)


def test_a_folder_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    """Also the default one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="runs: no such folder"):
        covidreport.load()


def test_importing_the_package_stays_light():
    """pandas comes with `load`, and a name that is not there is an error."""
    code = (
        "import sys, covidreport\n"
        "heavy = ('pandas', 'numpy', 'jinja2', 'covidreport.api')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "print('load' in dir(covidreport) or 'load' in covidreport.__all__)\n"
        "try: covidreport.lode\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "[]", "True", "module 'covidreport' has no attribute 'lode'"
    ]  # fmt: skip
