"""Small pictures beside the scores: of which images, under which names, and made once."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.evaluate import thumbnails
from covidreport.evaluate.thumbnails import choose_cases, write_thumbnails
from covidreport.images import read_image
from covidreport.images.thumbnails import make_thumbnail
from covidreport.records import Scores
from covidreport.storage.runs import discover_runs, read_evaluations
from covidreport.store import name_thumbnail, read_json, read_thumbnail
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model


def _scores(values, truth, failed=()):
    return Scores(
        sample_ids=tuple(map(str, range(len(values)))),
        labels=("covid-19",),
        truth=np.array(truth, np.int8)[:, np.newaxis],
        scores=np.array(values, np.float32)[:, np.newaxis],
        activation="sigmoid",
        reasons=tuple("broken" if i in failed else None for i in range(len(values))),
    )


def test_the_most_wrong_cases_are_chosen_first(monkeypatch):
    """Of three missed the two lowest, of three false alarms the two highest; found ones never."""
    monkeypatch.setattr(thumbnails, "MOST_MISSED", 2)
    monkeypatch.setattr(thumbnails, "MOST_FALSE_ALARMS", 2)
    scores = _scores(
        [0.4, 0.1, 0.3, 0.9, 0.7, 0.99, 0.8, 0.2, np.nan], [1, 1, 1, 1, 0, 0, 0, 0, 1], failed=(8,)
    )
    chosen = choose_cases(scores, "covid-19", 0.5)

    assert chosen.missed == (1, 2)
    assert chosen.false_alarms == (5, 6)
    assert (chosen.missed_omitted, chosen.false_alarms_omitted) == (1, 1)


def test_of_equally_sure_false_alarms_every_run_keeps_the_same(monkeypatch):
    """Three logits whose probability is 1, in runs that order them otherwise: two by their names,
    which a report of both runs takes as well."""
    monkeypatch.setattr(thumbnails, "MOST_FALSE_ALARMS", 2)
    wanted = sorted(range(3), key=lambda row: name_thumbnail(str(row), "f" * 64))[:2]
    for values in ([50, 60, 70, 1], [70, 60, 50, 2], [60, 70, 50, 3]):
        scores = replace(_scores(values, [0, 0, 0, 0]), activation="logit")
        assert choose_cases(scores, "covid-19", 0.5, "f" * 64).false_alarms == tuple(wanted)


@pytest.fixture
def evaluated(tmp_path):
    """Two equal runs evaluated on the six images of `ROWS`: one missed, one false alarm."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for name in ("a", "b"):
        write_brightness_model(tmp_path / "runs" / name / "model.onnx")
    request = make_request(manifest)
    outcomes = evaluate_folder(tmp_path / "runs", request)
    return request, [(o.run, o.evaluation) for o in outcomes.values()]


def _files(run) -> dict[str, Path]:
    folder = run.folder / "evaluations" / "data-validation" / "thumbnails"
    return {file.stem: file for file in folder.glob("*.jpg")}


def test_missed_cases_and_false_alarms_get_a_picture_named_by_digest(evaluated):
    """Image 1 (90, covid-19) is missed and image 2 (110, normal) an alarm, in both runs."""
    request, runs = evaluated
    written = write_thumbnails(request, runs, "covid-19")

    names = [name_thumbnail(request.dataset.ids[row], request.fingerprint) for row in (1, 2)]
    assert (written.pictures, written.new, written.cases) == (4, 4, 2)
    for run, evaluation in runs:
        assert set(_files(run)) == set(names)
        folder = run.folder / "evaluations" / evaluation.key
        index = read_json(folder / "thumbnails" / "thumbnails.json")
        assert (index["missed"], index["false_alarms"]) == ([names[0]], [names[1]])
        data = read_thumbnail(folder, names[0])
        assert data is not None
        picture = Image.open(io.BytesIO(data))
        assert abs(np.asarray(picture).mean() - 90) < 2  # the image is an even grey of 90


def test_a_second_call_draws_only_what_is_missing(evaluated):
    """One picture of four was lost: it alone is made again, to the same bytes."""
    request, runs = evaluated
    write_thumbnails(request, runs, "covid-19")
    lost = sorted(_files(runs[0][0]).values())[0]
    before = lost.read_bytes()
    lost.unlink()
    written = write_thumbnails(request, runs, "covid-19")

    assert (written.pictures, written.new) == (4, 1)
    assert lost.read_bytes() == before


def test_pictures_that_are_no_longer_wanted_are_deleted(evaluated):
    """At a threshold where nothing is missed and nothing raised, none is left."""
    request, runs = evaluated
    write_thumbnails(request, runs, "covid-19")
    (run, evaluation), *_ = runs
    stray = next(iter(_files(run).values())).with_name("0123456789ab.jpg")
    stray.write_bytes(b"\xff\xd8\xff")
    write_thumbnails(request, [(run, evaluation)], "covid-19")

    assert stray.stem not in _files(run)
    assert len(_files(run)) == 2


def test_a_file_that_changed_meanwhile_gets_no_picture(evaluated):
    """The picture would show another image than the one that was scored."""
    request, runs = evaluated
    path = request.dataset.root / request.dataset.paths[1]
    Image.new("L", (8, 8), 3).save(path)
    written = write_thumbnails(request, runs, "covid-19")

    assert written.pictures == 2
    assert len(written.unreadable) == 1
    assert "changed while it was evaluated" in written.unreadable[0]
    assert request.dataset.ids[1] not in written.unreadable[0]


def test_kept_evaluations_get_pictures_without_a_model(evaluated):
    """The models are gone; stored scores and images suffice."""
    request, runs = evaluated
    for run, _ in runs:
        run.model.unlink()
    found = [(run, read_evaluations(run)[0][0]) for run in discover_runs([runs[0][0].folder])]

    assert write_thumbnails(request, found, "covid-19").pictures == 2


def test_a_thumbnail_keeps_the_shape_and_says_nothing_else(tmp_path):
    """Longest side 192, no EXIF: where a picture was taken does not travel with it."""
    path = tmp_path / "wide.jpg"
    picture = Image.new("RGB", (800, 400), (10, 200, 30))
    exif = Image.Exif()
    exif[0x010F] = "Maker of a machine"
    picture.save(path, exif=exif)
    small = Image.open(io.BytesIO(make_thumbnail(read_image(path))))

    assert small.size == (192, 96)
    assert not small.getexif()
    assert b"Maker" not in make_thumbnail(read_image(path))
