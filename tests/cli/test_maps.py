"""`covidreport evaluate --maps` from end to end, with models that look where they were told to."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from covidreport.records import PixelSpec
from covidreport.store import write_run
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

SIDE = 32
PLACES = {"centre": (3, 4), "corner": (0, 0), "other": (7, 2)}
"""Row and column of the one patch of eight by eight that each run sees."""
LIMITS = {"centre": 120, "corner": 150, "other": 80}
KEY = "data-validation"


def _write_model(folder, name, limit):
    """A model that calls covid-19 where its patch is brighter than `limit`."""
    row, column = PLACES[name]
    mask = np.zeros((SIDE, SIDE))
    mask[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 64  # the mean of 16 of 1,024 pixels
    offsets = (-0.05 * limit, 0.05 * limit, -1.0)
    path = folder / "runs" / name / "model.onnx"
    write_brightness_model(
        path, (0.05, -0.05, 0.0), offsets, pixels=PixelSpec(SIDE, SIDE), mask=mask
    )


def _write_study(folder):
    """60 noisy pictures; the 20 with covid-19 have a bright centre, and 15 of them a marker in the
    upper left corner. `corner` is the baseline; `other` calls every third picture at random."""
    rng = np.random.default_rng(0)
    rows = [(0, "covid-19" if i % 3 == 0 else "normal", "validation") for i in range(60)]
    write_flat_dataset(folder / "data", rows, size=(SIDE, SIDE))
    for i, (_, label, _) in enumerate(rows):
        picture = rng.integers(60, 100, (SIDE, SIDE), dtype=np.uint8)
        if label == "covid-19":
            picture[12:20, 12:24] = 150
            if i % 4:
                picture[0:4, 0:4] = 230 if i % 2 else 170
        picture[28:32, 8:12] = 110 if i % 5 == 0 else 60
        Image.fromarray(picture).save(folder / "data" / f"{i:03}.png")
    for name, limit in LIMITS.items():
        _write_model(folder, name, limit)
    (folder / "covidreport.toml").write_text(
        'data = "data/manifest.csv"\nprovider = "cpu"\nbaseline = "corner"\n'
    )
    return folder


@pytest.fixture
def study(share, tmp_path, covidreport):
    """The study, evaluated, with maps and thumbnails of the best run and the baseline."""

    def make(folder):
        _write_study(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            done = covidreport("evaluate", "--maps", "--thumbnails", "--json")
        (folder / "done.json").write_text(json.dumps([done.code, done.out, done.err]))
        return folder

    shutil.copytree(share("maps-study", make), tmp_path, dirs_exist_ok=True)
    return tmp_path


def _render(covidreport):
    done = covidreport("render", "--format", "json", "--output", "-")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_best_run_and_the_baseline_have_maps(study):
    """Three runs are ranked: the third has none. How many inferences it takes is told first."""
    code, out, err = json.loads((study / "done.json").read_text())
    assert code == 0, err
    told = json.loads(out)["maps"]
    assert [(one["run"], one["images"], one["inferences"]) for one in told] == [
        ("centre", 20, 1280), ("corner", 20, 1280),
    ]  # fmt: skip
    lines = [line for line in err.splitlines() if "maps of" in line]
    assert "maps of centre, corner: 2,560 inferences, 64 for each of 40 positives" in lines[0]
    assert sorted(file.parts[-5] for file in study.glob("runs/*/evaluations/*/maps/maps.json")) == [
        "centre", "corner",
    ]  # fmt: skip


def test_other_runs_have_maps_by_name(study, covidreport):
    """`--maps-of` asks for maps by itself, and the best run is left alone then."""
    done = covidreport("evaluate", "--maps-of", "other", "--maps-fill", "blur", "--json")
    assert done.code == 0, done.err
    assert [one["run"] for one in json.loads(done.out)["maps"]] == ["other"]
    stored = json.loads((study / f"runs/other/evaluations/{KEY}/maps/maps.json").read_text())
    assert stored["fill"] == "blur"


@pytest.mark.parametrize("run", ["centre", "corner"])
def test_the_mean_map_lights_up_where_the_model_looks_and_nowhere_else(study, covidreport, run):
    """One patch of 64 has all of the drop; the others have less than rounding."""
    found = {maps["run"]: maps for maps in _render(covidreport)["cases"]["maps"]}
    mean = found[run]["found"]
    drops = np.array(mean["drops"])
    row, column = PLACES[run]

    assert mean["cases"] == {"centre": 20, "corner": 15}[run]
    assert (mean["peak_row"], mean["peak_column"]) == (row, column)
    assert drops[row, column] == mean["peak"] > 0.5
    drops[row, column] = 0
    assert np.abs(drops).max() < 1e-6
    one = next(case for case in found[run]["cases"].values() if case["found"])
    assert set(one) == {"found", "score", "peak", "peak_row", "peak_column"}


def test_the_run_that_reads_a_corner_is_told_and_the_other_is_not(study, covidreport):
    """Of the corner patch a fifth of each side is inside the middle: 0.96 of its area is not."""
    (finding,) = (f for f in _render(covidreport)["findings"] if f["code"] == "looks-outside")
    assert finding["subjects"] == ["corner"]
    assert (
        "corner: 0.960 of what falls lies outside the middle, over 15 found" in finding["evidence"]
    )
    assert "no proof" in finding["evidence"]


def test_markdown_says_where_the_largest_effect_lies(study, covidreport):
    """In words, run by run, and the page has each map over its picture."""
    assert covidreport("render", "--format", "markdown", "--format", "html").code == 0
    text = (study / "report.md").read_text()
    assert "over 20 found cases the largest mean change is" in text
    assert "at the upper left, and 0.960 of what falls lies outside the middle 0.8" in text
    page = (study / "report.html").read_text()
    # five cases that the baseline missed, and those that `other` did: a map of each of two runs
    assert page.count('<figure class="layer">') == 2 * page.count('<image id="seen-')
    assert page.count('<figure class="layer">') >= 10
    assert page.count('<figure class="mean-maps"') == 2
    assert "covidreport evaluate --maps" not in page


def test_without_maps_one_line_says_how_to_get_them(study, covidreport):
    """Once, and nothing else is new in the page."""
    for folder in study.glob("runs/*/evaluations/*/maps"):
        shutil.rmtree(folder)
    assert covidreport("render", "--format", "html").code == 0
    page = (study / "report.html").read_text()
    assert page.count("covidreport evaluate --maps") == 1
    assert "Where runs look" not in page.split("<main", 1)[1].split("</main>")[0]
    assert "<image" not in page


def _another_model(study):
    _write_model(study, "corner", 149)


def _another_preprocessing(study):
    words = {"labels": ["covid-19", "normal", "pneumonia"]}
    write_run(study / "runs/corner", {"name": "corner", "input": words})


def _other_data(study):
    Image.new("L", (SIDE, SIDE), 90).save(study / "data" / "001.png")


@pytest.mark.parametrize("change", [_another_model, _another_preprocessing, _other_data])
def test_stale_maps_are_not_shown(study, covidreport, change):
    """The run is evaluated again without maps: those that stand are of another evaluation, which is
    said; asked for again they are made."""
    assert covidreport("evaluate", "--force").code == 0  # the data lie here now
    change(study)
    assert covidreport("evaluate").code == 0
    cases = _render(covidreport)["cases"]
    assert "corner" not in [maps["run"] for maps in cases["maps"]]
    assert ("corner", True) in [
        (one["run"], "of another evaluation" in one["reason"]) for one in cases["maps_excluded"]
    ]
    assert covidreport("evaluate", "--maps").code == 0
    cases = _render(covidreport)["cases"]
    assert [maps["run"] for maps in cases["maps"]] == ["centre", "corner"]
    assert cases["maps_excluded"] == []


def test_maps_that_are_broken_do_not_stop_a_report(study, covidreport):
    """The other run's are shown, and the page says what is wrong with these."""
    file = study / f"runs/corner/evaluations/{KEY}/maps/maps.json"
    file.write_text(file.read_text()[:900])
    cases = _render(covidreport)["cases"]
    assert [maps["run"] for maps in cases["maps"]] == ["centre"]
    (left,) = cases["maps_excluded"]
    assert left["run"] == "corner"
    assert "maps.json" in left["reason"]


def test_thresholds_decide_which_cases_are_found(study, covidreport):
    """Ten of the markers are brighter than the others; the maps stand as they were."""
    assert covidreport("score", "--threshold", "covid-19=0.9", "--write").code == 0
    (maps,) = (one for one in _render(covidreport)["cases"]["maps"] if one["run"] == "corner")
    assert (maps["found"]["cases"], maps["missed"]["cases"]) == (10, 10)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--maps-of", "nobody"), "none of these runs; there are: centre, corner, other"),
        (("--maps", "--maps-fill", "grey"), "one of black, blur is wanted"),
        (("--maps", "--occlude", "centre"), "without --occlude"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_evaluated(study, covidreport, words, message):
    """Exit code 2."""
    done = covidreport("evaluate", "--force", *words)
    assert done.code == 2
    assert message in done.err
