"""`covidreport evaluate --foreign` from end to end, with models whose weakness is known."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidreport.records import FOREIGN_CHANGES, SINGLES, PixelSpec
from covidreport.store import SCORES_FILE, read_evaluation, read_scores
from tests.cli.steps import run_steps
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

SIDE = 32
NEGATIVES, POSITIVES = 24, 8
KEY = "data-validation"
FOREIGN = f"{KEY}-foreign"
DARK, LIGHT, BROKEN = 7, 9, 1
"""Pictures of the folders."""


def _draw(level, tilt):
    """A picture of a grey level that is brighter by `tilt` in its upper half than on average."""
    picture = np.full((SIDE, SIDE), level)
    picture[: SIDE // 2] += tilt
    picture[SIDE // 2 :] -= tilt
    return Image.fromarray(picture.astype(np.uint8))


def write_study(folder):
    """Pictures with covid-19 are dark and brighter at the top, the others light and brighter at
    the bottom: both models are right about all of them.

    `dark` calls what is darker than 100, `top` what is brighter at the top by more than 10.
    """
    labels = ["covid-19"] * POSITIVES + ["normal"] * NEGATIVES
    write_flat_dataset(
        folder / "data", [(0, label, "validation") for label in labels], size=(SIDE, SIDE)
    )
    for i, label in enumerate(labels):
        level, tilt = (60, 20) if label == "covid-19" else (150 + i % 5, -20)
        _draw(level, tilt).save(folder / "data" / f"{i:03}.png")
    for name, level, number in (("dim", 30, DARK), ("Light ones", 200, LIGHT)):
        (folder / "other" / name / "deeper").mkdir(parents=True)
        for i in range(number):
            _draw(level + i, 0).save(folder / "other" / name / "deeper" / f"{i}.png")
    (folder / "other" / "dim" / "broken.png").write_bytes(b"\x89PNG no picture")
    (folder / "other" / "dim" / "notes.txt").write_text("whose pictures these are")
    pixels = PixelSpec(SIDE, SIDE)
    write_brightness_model(
        folder / "runs" / "dark" / "model.onnx", (-0.2, 0.2, 0.0), (20, -20, -9), pixels=pixels
    )
    halves = np.repeat([2.0, -2.0], SIDE // 2)[:, np.newaxis] * np.ones((1, SIDE))
    write_brightness_model(
        folder / "runs" / "top" / "model.onnx", (0.5, -0.5, 0.0), (-5, 5, -9), pixels=pixels,
        mask=halves,
    )  # fmt: skip
    (folder / "covidreport.toml").write_text(
        'data = "data/manifest.csv"\nprovider = "cpu"\n[foreign]\nfolders = ["other/dim"]\n'
    )


GATE = ("gate", "runs/dark", "--variant", "foreign", "--limit", "specificity>=0")
FOLDERS = ("--foreign-from", "other/dim", "--foreign-from", "other/Light ones")
STEPS = {
    "evaluate": ("evaluate",),
    "black": ("evaluate", "--occlude", "centre"),
    "before": ("render", "--format", "json", "--output", "-"),
    "foreign": ("evaluate", *FOLDERS),
    "after": ("render", "--format", "json", "--output", "-"),
    "text": ("render", "--format", "markdown", "--output", "-"),
    "kept": (*GATE, "--limit", "false_alarms[foreign=mirrored]<=0"),
    "broken": (*GATE, "--limit", "false_alarms[foreign=lungs-black]<=2"),
    "again": ("evaluate", *FOLDERS),
    "settings": ("evaluate", "--foreign"),
}


@pytest.fixture
def study(share, covidreport):
    """The study, and what the commands said on it; the stamps are those of `dark`."""

    def make(folder):
        write_study(folder)
        file = f"dark/evaluations/{FOREIGN}/{SCORES_FILE}"
        return run_steps(covidreport, folder, STEPS, "settings", file)

    return share("foreign-study", make)


def _scores(study, run, key, runs="first"):
    return read_scores(study.folder / runs / run / "evaluations" / key / SCORES_FILE)


def _take(scores, tag):
    """The scores of one kind by image."""
    names = [each.rpartition(" [") for each in scores.sample_ids]
    return {
        name: scores.scores[row].tobytes()
        for row, (name, _, each) in enumerate(names)
        if each == f"{tag}]"
    }


def test_each_negative_stands_beside_itself_and_lungs_are_black_as_occlude_has_them(study):
    """Byte for byte: as they are the undisturbed scores, and without lungs those of the variant
    `occlude-centre-0.8`; single pictures once, of unknown truth."""
    told = study.err["foreign"]
    rows = 5 * NEGATIVES + 4 + DARK + LIGHT + BROKEN
    images = NEGATIVES + DARK + LIGHT + BROKEN
    assert f"foreign pictures for dark, top: {rows} pictures of {images} images" in told
    for run in ("dark", "top"):
        usual, black, foreign = (
            _scores(study, run, key) for key in (KEY, f"{KEY}-occlude-centre-0.8", FOREIGN)
        )
        assert len(foreign.sample_ids) == rows
        for tag, same in (("as-is", usual), ("lungs-black", black)):
            known = dict(zip(same.sample_ids, map(np.ndarray.tobytes, same.scores), strict=True))
            found = _take(foreign, tag)
            assert len(found) == NEGATIVES
            assert found.items() <= known.items()
        of_singles = [i for i, n in enumerate(foreign.sample_ids) if n.split(" [all-")[1:]]
        assert len(of_singles) == len(SINGLES)
        assert (foreign.truth[of_singles] == -1).all()


def test_a_model_is_caught_by_what_it_looks_at_and_by_nothing_else(study):
    """`dark` calls all 24 without lungs and the 7 dark pictures of a folder, not the 9 light ones;
    `top` calls all 24 upside down. McNemar's exact p of 24 to 0 is 2^-23, Fisher's of 7 of 7 to 0
    of 24 is 1 in C(31, 7) = 2,629,575; by Holm over 2 runs of 6 kinds."""
    report = json.loads(study.out["after"])
    found = {each["run"]: {k["name"]: k for k in each["kinds"]} for each in report["foreign"]}
    called = {
        run: {name: kind["called"]["numerator"] for name, kind in kinds.items()}
        for run, kinds in found.items()
    }
    none = {"as-is": 0, **dict.fromkeys(FOREIGN_CHANGES, 0), "dim": 0, "light-ones": 0}
    assert called == {
        "dark": none | {"lungs-black": NEGATIVES, "dim": DARK},
        "top": none | {"turned-180": NEGATIVES},
    }
    black = found["dark"]["lungs-black"]["comparison"]
    assert (black["only_first"], black["only_second"]) == (NEGATIVES, 0)
    assert black["p_value"] == pytest.approx(2.0**-23)
    assert black["adjusted_p_value"] == pytest.approx(12 * 2.0**-23)
    dim = found["dark"]["dim"]
    assert dim["comparison"]["p_value"] == pytest.approx(1 / 2629575)
    assert dim["comparison"]["adjusted_p_value"] == pytest.approx(10 / 2629575)
    assert (dim["images"], dim["called"]["denominator"]) == (DARK + BROKEN, DARK)
    assert found["top"]["dim"]["comparison"]["adjusted_p_value"] == 1


def test_how_surely_is_told(study):
    """Quartiles of the score by hand: 7 pictures of levels 30 to 36 at logits 20 - 0.2 m, and a
    black and a white picture."""
    report = json.loads(study.out["after"])
    dark = next(each for each in report["foreign"] if each["run"] == "dark")
    dim = next(each for each in dark["kinds"] if each["name"] == "dim")
    logits = np.quantile(20 - 0.2 * np.arange(30, 37), [0.25, 0.5, 0.75])
    assert dim["quartiles"] == pytest.approx(1 / (1 + np.exp(-logits)), rel=1e-5)
    singles = {each["name"]: each for each in dark["singles"]}
    assert [*singles] == [*SINGLES]
    assert singles["all-black"]["score"] == pytest.approx(1, abs=1e-6)
    assert singles["all-white"]["score"] == pytest.approx(0, abs=1e-6)
    assert [singles[name]["called"] for name in ("all-black", "all-white")] == [True, False]


def test_the_finding_names_runs_and_kinds_and_the_page_has_a_section(study):
    """The command says the same sentence as the report; what could not be read is named, and what
    is no picture."""
    report = json.loads(study.out["after"])
    finding = next(each for each in report["findings"] if each["code"] == "foreign-called")
    assert sorted(finding["subjects"]) == ["dark", "top"]
    assert finding["what"] == (
        "2 runs call foreign pictures COVID-19 more often than false alarms explain: lungs blacked "
        "out (1 run), dim (1 run), upside down (1 run)"
    )
    assert (
        "lungs blacked out 24 of 24 (0 of 24 as they are, adjusted p < 0.001)"
        in (finding["evidence"])
    )
    assert "dim 7 of 7 (0 of 24 negatives, adjusted p < 0.001)" in finding["evidence"]
    told = study.err["foreign"]
    assert finding["what"] in told
    assert "1 file passed over in dim: notes.txt" in told
    assert "foreign pictures without a score: broken.png of dim (" in told
    text = study.out["text"]
    assert "## What is no frontal radiograph" in text
    assert "such as broken files, are in no share: 1 of dim." in text
    assert "broken.png" not in text


def test_all_else_of_the_report_stays_as_it_was(study):
    """Ranking, comparisons, findings but the new one, runs and their other evaluations."""
    before, after = (json.loads(study.out[name]) for name in ("before", "after"))
    assert before.pop("foreign") == []
    assert after.pop("foreign")
    after["findings"] = [f for f in after["findings"] if f["code"] != "foreign-called"]
    for report in (before, after):
        report["provenance"].pop("command", None)
    assert after == before


def test_the_gate_limits_what_is_called(study):
    """By the group of a kind: `dark` calls no mirrored negative, and all 24 without lungs."""
    assert study.code["kept"] == 0, study.err["kept"]
    assert study.code["broken"] == 1
    assert "foreign=lungs-black" in study.out["broken"]


def test_what_stands_is_kept_and_the_settings_name_folders(study):
    """The same again computes nothing; the folder of the settings alone replaces what stood."""
    assert study.stamps["foreign"] == study.stamps["again"] < study.stamps["settings"]
    folder = study.folder / "runs" / "dark" / "evaluations" / FOREIGN
    groups = read_evaluation(folder).score_metrics.subgroups["foreign"]["covid-19"].groups
    counted = {each.value: each.counts.negatives for each in groups}
    assert counted == {
        **dict.fromkeys(("as-is", *FOREIGN_CHANGES), NEGATIVES), "dim": DARK + BROKEN
    }  # fmt: skip
    assert f"{FOREIGN} was of" in study.err["settings"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--foreign-from", "nowhere"), "no such folder of foreign pictures"),
        (("--foreign-from", "empty"), "no images ("),
        (("--foreign-from", "mirrored"), "called 'mirrored' already"),
        (("--foreign-from", "a/dim", "--foreign-from", "b/dim"), "called 'dim' already"),
        (("--foreign", "--occlude", "centre"), "ask for it without --occlude"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_work(tmp_path, covidreport, words, said):
    """In one sentence; nothing is evaluated."""
    write_brightness_model(tmp_path / "runs" / "dark" / "model.onnx")
    (tmp_path / "empty").mkdir()
    for name in ("mirrored", "a/dim", "b/dim"):
        (tmp_path / name).mkdir(parents=True)
        _draw(9, 0).save(tmp_path / name / "one.png")
    done = covidreport("evaluate", *words)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "runs" / "dark" / "evaluations").exists()


def test_data_without_negatives_are_refused(tmp_path, covidreport):
    """Where all images have the target there is nothing to turn."""
    write_brightness_model(tmp_path / "runs" / "dark" / "model.onnx")
    manifest = write_flat_dataset(tmp_path / "data", [(9, "covid-19", "validation")] * 3)
    done = covidreport("evaluate", "--data", manifest, "--foreign", "--provider", "cpu")
    assert done.code == 2
    assert "no image of data is known to be without covid-19" in done.err


def test_a_model_that_has_no_number_for_black_is_shown_all_else(tmp_path, covidreport):
    """The logarithm of a mean of 0: the black single picture and one of a folder have no score and
    stand in no share; the run is as valid as before."""
    write_brightness_model(
        tmp_path / "runs" / "log" / "model.onnx", (1.0, 1.0, 1.0), (0, 0, 0), tail=("Log",),
        pixels=PixelSpec(SIDE, SIDE),
    )  # fmt: skip
    rows = [(200, "covid-19", "validation"), *[(90 + i, "normal", "validation") for i in range(3)]]
    manifest = write_flat_dataset(tmp_path / "data", rows)
    (tmp_path / "night").mkdir()
    for level in (0, 40):
        _draw(level, 0).save(tmp_path / "night" / f"{level}.png")
    words = ("--data", manifest, "--provider", "cpu", "--foreign-from", "night")
    done = covidreport("evaluate", *words)
    assert done.code == 0, done.err
    assert "0.png of night (the model has no finite score for it)" in done.err
    report = json.loads(covidreport("render", "--format", "json", "--output", "-").out)
    (run,) = report["foreign"]
    night = next(kind for kind in run["kinds"] if kind["name"] == "night")
    assert (night["images"], night["called"]["denominator"]) == (2, 1)
    scores = {each["name"]: each["score"] for each in run["singles"]}
    assert [name for name, score in scores.items() if score is None] == ["all-black"]
    stood = (tmp_path / "runs/log/evaluations/data-validation-foreign/scores.parquet").stat()
    assert covidreport("evaluate", *words).code == 0
    again = (tmp_path / "runs/log/evaluations/data-validation-foreign/scores.parquet").stat()
    assert again.st_mtime_ns == stood.st_mtime_ns


def test_the_page_names_every_kind_and_its_commands_run(study, covidreport, tmp_path, monkeypatch):
    """Commands word for word, on the study's pictures in the folders that the page names."""
    page = (Path(__file__).parents[2] / "docs" / "foreign.md").read_text()
    rows = re.findall(r"^\| `([a-z]+-[a-z0-9]+|mirrored)` \| [^|]+ \|$", page, re.MULTILINE)
    assert rows == [*FOREIGN_CHANGES, *SINGLES]
    copy = tmp_path / "copy"
    shutil.copytree(study.folder, copy)
    for name in ("lateral", "photos"):
        shutil.copytree(copy / "other" / "dim", copy / name)
    monkeypatch.chdir(copy)
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in "".join(blocks).splitlines():
        done = covidreport(*shlex.split(line.split("#")[0])[1:])
        assert done.code in (0, 1) if "gate" in line else done.code == 0, (line, done.err)
