"""The section of labels in doubt, and which images come into it from stored scores."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from covidreport import load
from covidreport.report.blocks import Pictures
from covidreport.report.formats import render_html, render_json, render_markdown
from covidreport.store import write_run
from tests.compare.cases import write_scored
from tests.metrics.test_label_errors import draw
from tests.report.blocks import build, find_group, list_sentences


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Three runs on 600 images, 30 of which carry the wrong label, by index."""
    folder = tmp_path_factory.mktemp("planted")
    truth, logits, wrong = draw(d=3.5, planted=0.05)
    for run, each in enumerate(logits):
        write_scored(folder, f"r{run}", truth, 1 / (1 + np.exp(-each)))
    return folder, wrong


def test_planted_errors_are_listed(planted):
    """At least half of the first thirty are planted; ids are hidden unless they are asked for."""
    folder, wrong = planted
    data = load(folder, show_ids=True).data
    listed = [int(each.case.name.removeprefix("image-")) for each in data.cases.label_errors]
    assert 10 <= len(listed) <= 30
    assert wrong[listed].mean() > 0.5
    hidden = load(folder).data.cases.label_errors
    assert not any(each.case.name.startswith("image-") for each in hidden)
    assert [each.positive for each in hidden] == [each.positive for each in data.cases.label_errors]


def test_each_format_has_them(planted):
    folder, _ = planted
    report = load(folder)
    cases: Any = report.data.cases
    n = len(cases.label_errors)
    html, text = render_html(report.data), render_markdown(report.data)
    for drawn in (html, text):
        assert "Labels to look at again" in drawn
        assert "Nothing was removed" in drawn
    stored = json.loads(render_json(report.data))["cases"]["label_errors"]
    assert len(stored) == n
    assert {"case", "positive"} == set(stored[0])
    frame = report.cases
    assert (frame["kind"] == "label in doubt").sum() == 3 * n


def test_the_words_count_both_kinds(planted):
    folder, _ = planted
    data = load(folder).data
    section = find_group(build(data, "cases"), "Labels to look at again")
    positive = sum(each.positive for each in data.cases.label_errors)
    (lead, *_) = list_sentences(section)
    assert f"Of these {positive} are labelled COVID-19" in lead
    (pictures,) = (one for one in section.blocks if isinstance(one, Pictures))
    assert {one.gist for one in pictures.pictures} <= {
        f"{words} {n} of 3 runs" for words in ("missed by", "false alarm of") for n in range(4)
    }


def test_images_that_trained_a_run_are_not_judged(planted, tmp_path):
    truth, logits, _ = draw(d=3.5, planted=0.05)
    for run, each in enumerate(logits[:2]):
        write_scored(tmp_path, f"r{run}", truth, 1 / (1 + np.exp(-each)))
    assert load(tmp_path).data.cases.label_errors
    split = load(tmp_path).data.split
    write_run(tmp_path / "r1", {"name": "r1", "data": {"train_split": split}})
    data = load(tmp_path).data
    assert data.cases.label_errors is None
    assert "Labels to look at again" not in render_html(data)


def test_without_doubt_there_is_no_section(tmp_path):
    truth, logits, _ = draw(d=4.0)
    for run, each in enumerate(logits):
        write_scored(tmp_path, f"r{run}", truth, 1 / (1 + np.exp(-each)))
    data = load(tmp_path).data
    assert data.cases.label_errors == ()
    assert "Labels to look at again" not in render_html(data)
