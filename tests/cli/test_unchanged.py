"""What was replaced under its old size and time is not "unchanged", whoever asks, in any order."""

from __future__ import annotations

import os
import shutil

import pytest

from covidreport.store import read_evaluation, read_scores
from tests.cli.command import write_model, write_study

EVALUATE = ("evaluate", "runs", "--data", "data/manifest.csv", "--provider", "cpu")


def _copy_over(new, old):
    """As `cp -p`: other bytes in the same file, and then the time of before."""
    facts = old.stat()
    old.write_bytes(new.read_bytes())
    os.utime(old, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert old.stat().st_size == facts.st_size


def _unpack_over(new, old):
    """As `tar`: a new file with the time of before takes the name of the old one."""
    other = old.with_suffix(".new")
    shutil.copy2(old, other)
    _copy_over(new, other)
    other.replace(old)


REPLACE = pytest.mark.parametrize("replace", [_copy_over, _unpack_over])


@pytest.fixture
def study(covidreport, tmp_path):
    """Run a misses one of three: the image of brightness 90. It was evaluated once."""
    write_study(tmp_path, a=100)
    assert covidreport(*EVALUATE).code == 0
    return tmp_path


@pytest.fixture(params=["a system with a change time", "one without, such as Windows"])
def system(request, monkeypatch):
    """Where no stamp proves anything, bytes decide."""
    if "without" in request.param:
        monkeypatch.setattr("covidreport.storage.stamps._COARSE_NS", 1)


def _evaluation(study, run):
    return read_evaluation(study / "runs" / run / "evaluations" / "data-validation")


def _scores(study, run):
    """By image, the score for covid-19."""
    file = study / "runs" / run / "evaluations" / "data-validation" / "scores.parquet"
    scores = read_scores(file)
    return dict(zip(scores.sample_ids, scores.scores[:, 0].tolist(), strict=True))


def _darken(study, replace):
    """The first image (brightness 120, covid-19) becomes the fifth (20), which run a misses too."""
    replace(study / "data" / "004.png", study / "data" / "000.png")


@REPLACE
def test_a_replaced_image_is_scored_anew(study, covidreport, replace, system):
    """A second case is missed; the next time nothing is new."""
    assert _evaluation(study, "a").counts["covid-19"].missed == 1
    _darken(study, replace)

    done = covidreport(*EVALUATE)
    again = covidreport(*EVALUATE)

    assert "unchanged" not in done.err
    assert _evaluation(study, "a").counts["covid-19"].missed == 2
    assert "1 of 1 run is unchanged" in again.err


@REPLACE
def test_a_run_that_comes_later_is_scored_on_the_new_pixels(study, covidreport, replace, system):
    """Digests and pixels of before are in the cache, and are not those of this image."""
    _darken(study, replace)
    write_model(study / "runs" / "b", 100)

    covidreport("evaluate", "runs/b", *EVALUATE[2:])

    scores = _scores(study, "b")
    assert scores["000.png"] == scores["004.png"] == pytest.approx(2 - 10)
    assert _evaluation(study, "b").counts["covid-19"].missed == 2


def test_what_gate_advises_works(study, covidreport):
    """Runs on other images are not compared; evaluated again, as it says, they are."""
    _darken(study, _unpack_over)
    write_model(study / "runs" / "b", 100)
    judge = ("gate", "runs/b", "--baseline", "runs/a")
    covidreport("evaluate", "runs/b", *EVALUATE[2:])

    apart = covidreport(*judge)
    covidreport(*EVALUATE)
    together = covidreport(*judge)

    assert apart.code == 3
    assert "Evaluate both" in apart.out
    assert together.code == 0, together.out + together.err


def test_a_manifest_with_another_truth_under_its_old_size_and_time_is_read(study, covidreport):
    """The first image is no covid-19 any more."""
    manifest = study / "data" / "manifest.csv"
    facts = manifest.stat()
    manifest.write_bytes(manifest.read_bytes().replace(b"000.png,1,0,0", b"000.png,0,1,0"))
    os.utime(manifest, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert manifest.stat().st_size == facts.st_size

    covidreport(*EVALUATE)

    assert _evaluation(study, "a").counts["covid-19"].positives == 2
