"""`covidreport evaluate --disturb` from end to end, with models whose weakness is known."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidreport.records import DISTURBANCES, PixelSpec
from covidreport.store import SCORES_FILE, read_scores
from tests.cli.steps import run_steps
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

SIDE = 32
CASES = 24
KINDS = ("jpeg", "blur", "brightness", "gamma", "resolution", "inversion")
SEVERITIES = (1, 5)
CHANGES = 2 * 5 + 1
KEY = "data-validation"
DISTURBED = f"{KEY}-disturb"
CAUGHT = {"brightness-5", "gamma-5", "inversion"}


def write_study(folder):
    """Pictures with covid-19 are brighter, and brighter in the middle but for three of them.

    `mean` calls what is brighter than 120 and misses nobody; `shape` calls what is brighter in the
    middle than around it, misses those three, and cares for no grey level.
    """
    rng = np.random.default_rng(0)
    rows = [(0, "covid-19" if i % 2 else "normal", "validation") for i in range(2 * CASES)]
    write_flat_dataset(folder / "data", rows, size=(SIDE, SIDE))
    middle = np.zeros((SIDE, SIDE), bool)
    middle[8:24, 8:24] = True
    for i, (_, label, _) in enumerate(rows):
        sick = label == "covid-19"
        picture = rng.integers(-8, 9, (SIDE, SIDE)) + (140 if sick else 100)
        inner = 20 if sick and i not in (1, 3, 5) else -20
        picture = picture + np.where(middle, inner, -inner / 3).astype(int)
        Image.fromarray(picture.astype(np.uint8)).save(folder / "data" / f"{i:03}.png")
    pixels = PixelSpec(SIDE, SIDE)
    write_brightness_model(
        folder / "runs" / "mean" / "model.onnx", (0.1, -0.1, 0.0), (-12, 12, -9), pixels=pixels
    )
    write_brightness_model(
        folder / "runs" / "shape" / "model.onnx", (0.5, -0.5, 0.0), (0, 0, -9), pixels=pixels,
        mask=np.where(middle, 4.0, -4.0 / 3),
    )  # fmt: skip
    kinds, severities = json.dumps(KINDS), json.dumps(SEVERITIES)
    (folder / "covidreport.toml").write_text(
        f'data = "data/manifest.csv"\nprovider = "cpu"\n[disturb]\nkinds = {kinds}\n'
        f"severities = {severities}\n"
    )


GATE = ("gate", "runs/mean", "--variant", "disturb", "--limit", "specificity>=0")
STEPS = {
    "evaluate": ("evaluate",),
    "before": ("render", "--format", "json", "--output", "-"),
    "disturb": ("evaluate", "--disturb"),
    "after": ("render", "--format", "json", "--output", "-"),
    "text": ("render", "--format", "markdown", "--output", "-"),
    "kept": (*GATE, "--limit", "missed[jpeg=5]<=0"),
    "broken": (*GATE, "--limit", "sensitivity[brightness=5]>=0.9"),
    "again": ("evaluate", "--disturb"),
    "other": ("evaluate", "--disturb-kind", "marker", "--disturb-severity", "2"),
}


@pytest.fixture
def study(share, covidreport):
    """The study, and what the commands said on it; the stamps are those of `mean`."""

    def make(folder):
        write_study(folder)
        file = f"mean/evaluations/{DISTURBED}/{SCORES_FILE}"
        return run_steps(covidreport, folder, STEPS, "other", file)

    return share("disturbed-study", make)


def _scores(study, run, key, runs="first"):
    return read_scores(study.folder / runs / run / "evaluations" / key / SCORES_FILE)


def test_the_pictures_as_they_are_have_the_undisturbed_scores(study):
    """Byte for byte, of both runs; each picture stands once for each change, of one patient."""
    told = study.err["disturb"]
    rows = 2 * CASES * (1 + CHANGES)
    assert f"{rows} pictures of {2 * CASES} images, {2 * rows:,} inferences" in told
    for run in ("mean", "shape"):
        usual, changed = _scores(study, run, KEY), _scores(study, run, DISTURBED)
        assert len(changed.sample_ids) == rows
        as_is = [i for i, name in enumerate(changed.sample_ids) if name.endswith(" [as-is]")]
        ids = [changed.sample_ids[i].removesuffix(" [as-is]") for i in as_is]
        assert ids == list(usual.sample_ids)
        assert changed.scores[as_is].tobytes() == usual.scores.tobytes()
        assert len(set(changed.groups)) == 2 * CASES


def test_a_model_that_looks_at_brightness_is_caught_by_that_alone(study):
    """By brightness, gamma and inversion; JPEG, blur and lost resolution keep the mean. The best
    run is the brittle one, which the command says too: under those three changes the other misses
    fewer, under inversion 21 of 24."""
    report = json.loads(study.out["after"])
    found = {each["run"]: each for each in report["disturbed"]}
    assert [each["run"] for each in report["disturbed"]] == ["mean", "shape"]
    lost = {
        run: {e["first"] for e in each["positives"]["changes"] if e["only_first"] > 3}
        for run, each in found.items()
    }
    assert lost == {"mean": CAUGHT, "shape": {"inversion"}}
    kept = [
        e for e in found["mean"]["positives"]["changes"] + found["mean"]["negatives"]["changes"]
        if e["first"].split("-")[0] in ("jpeg", "blur", "resolution")
    ]  # fmt: skip
    assert len(kept) == 12
    assert all(each["only_first"] == each["only_second"] == 0 for each in kept)
    finding = next(each for each in report["findings"] if each["code"] == "best-run-brittle")
    assert finding["subjects"] == ["mean"]
    named = finding["what"].partition("when pictures are changed: ")[2]
    told = r"brightness{1} \(\d+ {0}\), gamma{1} \(\d+ {0}\) and inversion \(24 {0}\)"
    assert re.fullmatch(told.format("of 24 missed", " at severity 5"), named)
    assert finding["what"] in study.err["disturb"]
    text = study.out["text"]
    assert "## Changed pictures" in text
    assert "Under the rest another run does: brightness, gamma and inversion." in text


def test_all_else_of_the_report_stays_as_it_was(study):
    """Ranking, comparisons, findings but the new one, runs and their other evaluations."""
    before, after = (json.loads(study.out[name]) for name in ("before", "after"))
    assert before.pop("disturbed") == []
    assert after.pop("disturbed")
    after["findings"] = [f for f in after["findings"] if f["code"] != "best-run-brittle"]
    for report in (before, after):
        report["provenance"].pop("command", None)
    assert after == before


def test_a_target_that_no_run_knows_says_nothing_of_changed_pictures(study, tmp_path, covidreport):
    """The ranking says why: no defect is told of, and nothing is asked to be made again."""
    (tmp_path / "covidreport.toml").write_text('target = "COVID"\n')
    words = ("render", str(study.folder / "first"), "--format", "json", "--output", "-")
    done = covidreport(*words)
    assert done.code == 0
    assert "defect" not in done.err
    document = json.loads(done.out)
    assert document["disturbed"] == []
    assert "was not evaluated for COVID" in document["rankings"][0]["rows"][0]["why_unranked"]


def test_the_gate_limits_what_a_change_does(study):
    """By the variant's groups: missed cases under one change, sensitivity under another."""
    assert study.code["kept"] == 0, study.err["kept"]
    assert study.code["broken"] == 1
    assert "brightness=5" in study.out["broken"]


def test_what_stands_is_kept_and_other_changes_take_its_place(study):
    """The same again computes nothing; one kind by name replaces what stood, with a word."""
    assert study.stamps["disturb"] == study.stamps["again"] < study.stamps["other"]
    tags = {name.split(" [")[1] for name in _scores(study, "mean", DISTURBED, "runs").sample_ids}
    assert tags == {"as-is]", "marker-2]"}
    assert f"{DISTURBED} was of" in study.err["other"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--disturb-kind", "jpg"), "'jpg' is no disturbance; there are: jpeg, noise, blur"),
        (("--disturb-severity", "6"), "severity 6: 1 to 5 are the severities"),
        (("--disturb", "--occlude", "centre"), "ask for it without --occlude"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_work(tmp_path, covidreport, words, said):
    """With what there is; nothing is evaluated."""
    write_brightness_model(tmp_path / "runs" / "mean" / "model.onnx")
    done = covidreport("evaluate", *words)
    assert done.code == 2
    assert said in done.err


def test_the_page_names_every_change_and_its_commands_run(
    study, covidreport, tmp_path, monkeypatch
):
    """Kinds and strengths as the table of changes has them; commands word for word."""
    page = (Path(__file__).parents[2] / "docs" / "robustness.md").read_text()
    rows = re.findall(r"^\| `([a-z]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == [*DISTURBANCES]
    for kind, _, strengths, source in rows:
        graded = DISTURBANCES[kind]
        assert source in graded.source
        if len(graded.strengths) > 1:
            assert [float(each) for each in strengths.split(", ")] == [*graded.strengths]
    shutil.copytree(study.folder, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in "".join(blocks).splitlines():
        done = covidreport(*shlex.split(line.split("#")[0])[1:])
        assert done.code in (0, 1) if "gate" in line else done.code == 0, (line, done.err)
