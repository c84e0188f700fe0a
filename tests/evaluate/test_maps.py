"""Where runs look: each patch hidden by hand, what a killed call leaves, and what is told."""

from __future__ import annotations

import itertools

import numpy as np
import onnxruntime
import pytest
from msgspec.structs import replace
from PIL import Image
from scipy.ndimage import gaussian_filter

from covidreport.evaluate import maps, units
from covidreport.evaluate.maps import MapTask, choose_positives, make_maps
from covidreport.images import fit_pixels, read_image
from covidreport.records import Noted, PixelSpec, Scores, StageStarted
from covidreport.store import name_thumbnail, read_maps
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model

HEIGHT, WIDTH = 11, 13
DOWN = (0, 1, 3, 4, 6, 7, 8, 10, 11)
ACROSS = (0, 2, 3, 5, 6, 8, 10, 11, 13)
"""The edges of eight patches along 11 and 13 pixels, each rounded, halves to the even one."""
SPEC = PixelSpec(HEIGHT, WIDTH)


@pytest.fixture
def study(tmp_path):
    """Six noisy pictures, of which the first two have covid-19, and a run that weighs each pixel by
    itself."""
    rng = np.random.default_rng(1)
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for i, (value, _, _) in enumerate(ROWS):
        picture = rng.integers(0, 2 * min(value, 120), (24, 30), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / "data" / f"{i:03}.png")
    mask = rng.uniform(-1, 3, (HEIGHT, WIDTH))
    write_brightness_model(
        tmp_path / "runs" / "a" / "model.onnx", offsets=(-9.0, 9.0, -1.0), pixels=SPEC, mask=mask
    )
    return tmp_path, make_request(manifest)


def _task(study) -> MapTask:
    folder, request = study
    outcome = evaluate_folder(folder / "runs", request)["a"]
    return MapTask(request, outcome.run, outcome.evaluation)


def _read(task):
    stored = read_maps(task.run.folder / "evaluations" / task.evaluation.key)
    assert stored is not None
    return stored


def _recompute(task, row, fill):
    """The logit of the whole picture, and of each patch hidden by itself, in a loop of its own."""
    dataset = task.request.dataset
    fed = fit_pixels(read_image(dataset.root / dataset.paths[row]), SPEC)
    session = onnxruntime.InferenceSession(task.run.model, providers=["CPUExecutionProvider"])

    def ask(pixels):
        return session.run(None, {"pixels": pixels.transpose(2, 0, 1)[np.newaxis]})[0][0, 0]

    blurred = gaussian_filter(
        fed.astype(float), (HEIGHT / 16, WIDTH / 16, 0), mode="nearest"
    ).round()
    occluded = []
    for top, bottom in itertools.pairwise(DOWN):
        for left, right in itertools.pairwise(ACROSS):
            hidden = fed.copy()
            patch = (slice(top, bottom), slice(left, right))
            hidden[patch] = 0 if fill == "black" else blurred[patch]
            occluded.append(ask(hidden))
    return ask(fed), occluded


@pytest.mark.parametrize("fill", ["black", "blur"])
def test_each_patch_is_what_hiding_it_by_hand_gives(study, fill):
    """Patches that do not divide 11 by 13 pixels; both positives, and no other image."""
    task = _task(study)
    (made,), failures = make_maps([task], fill, "covid-19")
    stored = _read(task)

    assert failures == ()
    assert (made.images, made.positives, made.patches, made.inferences) == (2, 2, 64, 128)
    assert (stored.fill, stored.activation, stored.pixels) == (fill, "logit", SPEC)
    names = [
        name_thumbnail(task.request.dataset.ids[row], task.request.fingerprint) for row in (0, 1)
    ]
    assert [each.name for each in stored.maps] == names
    for row, each in enumerate(stored.maps):
        whole, occluded = _recompute(task, row, fill)
        assert each.score == pytest.approx(whole, abs=1e-5)
        assert each.occluded == pytest.approx(occluded, abs=1e-5)
        assert len(set(each.occluded)) > 60  # every patch has a weight of its own


def test_what_stands_is_kept_and_no_model_is_opened(study):
    """The second call finds the maps of the same evaluation; other fills are made."""
    task = _task(study)
    make_maps([task], "black", "covid-19")
    model = task.run.model.read_bytes()
    task.run.model.write_bytes(b"gone")
    (again,), _ = make_maps([task], "black", "covid-19")
    assert (again.kept, again.inferences) == (True, 0)
    task.run.model.write_bytes(model)
    (other,), _ = make_maps([task], "blur", "covid-19")
    assert not other.kept


def test_a_killed_call_goes_on_where_it_stopped(study, monkeypatch):
    """128 patches in batches of 4: of those that were scored before none is scored again."""
    task = _task(study)
    request = replace(task.request, jobs=1)
    task = replace(task, request=request)
    score, calls = units.score_chunk, []

    def stop_at(chunk, opened, batch):
        if len(calls) == 20:
            raise KeyboardInterrupt
        calls.append(chunk.start)
        return score(chunk, opened, batch)

    monkeypatch.setattr(units, "score_chunk", stop_at)
    with pytest.raises(KeyboardInterrupt):
        make_maps([task], "black", "covid-19")
    assert read_maps(task.run.folder / "evaluations" / task.evaluation.key) is None

    before, calls = set(calls), []

    def note(chunk, opened, batch):
        calls.append(chunk.start)
        return score(chunk, opened, batch)

    monkeypatch.setattr(units, "score_chunk", note)
    make_maps([task], "black", "covid-19")
    assert set(calls) == set(range(0, 128, 4)) - before
    assert len(before) == 20
    for row, each in enumerate(_read(task).maps):
        assert each.occluded == pytest.approx(_recompute(task, row, "black")[1], abs=1e-5)
    left = task.run.folder / "evaluations" / task.evaluation.key / "maps"
    assert [file.name for file in left.iterdir()] == ["maps.json"]


def test_an_image_that_can_no_longer_be_read_does_not_stop_the_rest(study):
    """The first positive is exchanged after it was scored: it has no map, the second has."""
    task = _task(study)
    dataset, fingerprint = task.request.dataset, task.request.fingerprint
    Image.new("L", (8, 8), 3).save(dataset.root / dataset.paths[0])
    (made,), failures = make_maps([task], "black", "covid-19")
    stored = _read(task)

    assert (failures, made.images, made.failed) == ((), 1, 1)
    assert stored.failed == (name_thumbnail(dataset.ids[0], fingerprint),)
    assert [each.name for each in stored.maps] == [name_thumbnail(dataset.ids[1], fingerprint)]
    assert stored.maps[0].occluded == pytest.approx(_recompute(task, 1, "black")[1], abs=1e-5)


def test_a_run_that_fails_does_not_stop_the_others(study):
    """Its model is another by now: the reason is given, and the other run has its maps."""
    folder, request = study
    for name in ("b", "c"):
        write_brightness_model(folder / "runs" / name / "model.onnx", pixels=SPEC)
    outcomes = evaluate_folder(folder / "runs", request)
    tasks = [MapTask(request, outcomes[n].run, outcomes[n].evaluation) for n in ("b", "a", "c")]
    write_brightness_model(folder / "runs" / "b" / "model.onnx", (0.3, 0.1, 0.0), pixels=SPEC)
    (folder / "runs" / "c" / "model.onnx").write_bytes(b"nonsense")
    made, failures = make_maps(tasks, "black", "covid-19")

    assert [each.run for each in made] == ["a"]
    assert [each.subject for each in failures] == ["b", "c"]
    assert "no longer the one that was evaluated" in failures[0].reason


@pytest.mark.parametrize(
    ("jobs", "timing", "told"),
    [
        (1, {"inference_s": 50.0, "images_timed": 100}, "about 64 s at 2 images/s as evaluated"),
        (2, {"inference_s": 50.0, "images_timed": 100}, "about 32 s at 2 images/s as evaluated, 2"),
        (1, {}, "how long it takes is not known"),
    ],
)
def test_the_time_is_told_before_it_begins(study, jobs, timing, told):
    """128 inferences at two images a second, shared by the threads of the loop."""
    task = _task(study)
    evaluation = replace(task.evaluation, timing=timing)
    request = replace(task.request, jobs=jobs)
    events = []
    make_maps([MapTask(request, task.run, evaluation)], "black", "covid-19", events.append)
    first, second = events[:2]

    assert isinstance(first, Noted)
    assert "maps of a: 128 inferences, 64 for each of 2 positives" in first.text
    assert told in first.text
    assert second == StageStarted("Mapping 128 inferences", 128)
    assert sum(each.steps for each in events[2:]) == 128


def test_of_many_positives_the_most_wrong_and_some_found_ones_are_mapped(monkeypatch):
    """Four of seven: the lowest of two missed, and of five found the lowest, middle and highest."""
    monkeypatch.setattr(maps, "MOST", 4)
    monkeypatch.setattr(maps, "MOST_MISSED", 1)
    values = [0.9, 0.3, 0.6, 0.1, 0.7, 0.99, 0.8, 0.95, np.nan]
    truth = [1, 1, 1, 1, 1, 1, 1, 0, 1]
    scores = Scores(
        sample_ids=tuple(map(str, range(9))),
        labels=("covid-19",),
        truth=np.array(truth, np.int8)[:, np.newaxis],
        scores=np.array(values, np.float32)[:, np.newaxis],
        activation="sigmoid",
        reasons=tuple("broken" if i == 8 else None for i in range(9)),
    )
    yes = np.array(values) >= 0.5

    assert choose_positives(scores, "covid-19", yes) == (2, 3, 5, 6)
    monkeypatch.setattr(maps, "MOST", 7)
    assert choose_positives(scores, "covid-19", yes) == (0, 1, 2, 3, 4, 5, 6)
