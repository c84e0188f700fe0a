"""A part of every image blacked out: which pixels, and that nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.evaluate.occlusion import Occlusion, occlude_pixels, read_occlusion
from covidreport.evaluate.record import evaluate_runs
from covidreport.storage.runs import discover_runs
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, make_request
from tests.onnx_models import write_brightness_model

VALUES = np.array([value for value, _, split in ROWS if split == "validation"])


def _draw(region, fraction, height=8, width=8):
    """The black pixels of one white image, as rows of `#` and `.`."""
    white = np.full((1, height, width, 1), 255, np.uint8)
    black = occlude_pixels(white, Occlusion(region, fraction))[0, :, :, 0] == 0
    return ["".join("#" if cell else "." for cell in row) for row in black]


def test_the_regions_are_what_they_are_called():
    """Drawn by hand on eight by eight pixels."""
    assert _draw("centre", 0.5) == ["........"] * 2 + ["..####.."] * 4 + ["........"] * 2
    assert _draw("borders", 0.25) == ["########"] * 2 + ["##....##"] * 4 + ["########"] * 2
    assert _draw("corners", 0.25) == ["##....##"] * 2 + ["........"] * 4 + ["##....##"] * 2


def test_fractions_are_of_each_side():
    """An input that is not square: half of the height and half of the width."""
    assert _draw("centre", 0.5, 4, 8) == ["........", "..####..", "..####..", "........"]


def test_the_rest_and_the_given_array_stay_as_they_are():
    """All channels of all images, in a copy: the array may be the cache itself."""
    pixels = np.random.default_rng(0).integers(1, 256, (3, 8, 8, 3), dtype=np.uint8)
    before = pixels.copy()
    changed = occlude_pixels(pixels, Occlusion("centre", 0.5))
    assert (pixels == before).all()
    assert (changed[:, 2:6, 2:6] == 0).all()
    changed[:, 2:6, 2:6] = before[:, 2:6, 2:6]
    assert (changed == before).all()
    assert occlude_pixels(pixels, None) is pixels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lungs", "one of centre, borders, corners"),
        ("", "one of centre, borders, corners"),
        ("centre:", "is no fraction"),
        ("centre:1", "between 0 and 1 is wanted"),
        ("borders:0.5", "between 0 and 0.5 is wanted"),
        ("corners:0", "between 0 and 0.5 is wanted"),
    ],
)
def test_a_region_that_leaves_all_or_nothing_is_refused(text, message):
    """With the values that would do."""
    with pytest.raises(UsageError, match=message):
        read_occlusion(text)


def test_what_is_not_said_is_the_usual_fraction():
    """The lungs, a frame, the places of side markers."""
    assert [read_occlusion(each).variant for each in ("centre", "borders", "corners:0.25")] == [
        "occlude-centre-0.8", "occlude-borders-0.1", "occlude-corners-0.25",
    ]  # fmt: skip


@pytest.fixture
def study(tmp_path):
    """A run whose logit of covid-19 is a tenth of the mean pixel less 10."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "shy" / "model.onnx")
    return manifest, tmp_path / "runs"


def _read_covid_scores(folder, key):
    return read_scores(evaluation_folder(folder / "shy", key) / SCORES_FILE).scores[:, 0]


@pytest.mark.parametrize(
    ("region", "fraction", "left"),
    [("centre", 0.5, 0.75), ("borders", 0.25, 0.25), ("corners", 0.25, 0.75)],
)
@pytest.mark.parametrize("use_cache", [True, False])
def test_the_model_sees_the_rest_alone(study, region, fraction, left, use_cache):
    """Of a picture that is one grey, the mean falls by the share that is black."""
    manifest, folder = study
    request = make_request(manifest, use_cache=use_cache)
    occlusion = Occlusion(region, fraction)
    runs = discover_runs([folder])
    evaluate_runs(request, runs)
    (outcome,) = evaluate_runs(replace(request, occlusion=occlusion), runs)
    evaluation = outcome.evaluation
    assert evaluation.variant == f"occlude-{region}-{fraction:g}"
    assert evaluation.key == f"data-validation-occlude-{region}-{fraction:g}"
    assert evaluation.provenance["provider"]["occlusion"] == {
        "region": region,
        "fraction": fraction,
    }
    scores = _read_covid_scores(folder, evaluation.key)
    assert scores == pytest.approx(0.1 * left * VALUES - 10, abs=1e-4)
    assert _read_covid_scores(folder, "data-validation") == pytest.approx(0.1 * VALUES - 10)


def test_the_cache_of_pixels_keeps_whole_pictures(study):
    """Occluded first, with a cache; the usual scores from that cache are those of whole images."""
    manifest, folder = study
    request = make_request(manifest)
    blacked = replace(request, occlusion=Occlusion("centre", 0.5))
    evaluate_runs(blacked, discover_runs([folder]))
    evaluate_runs(request, discover_runs([folder]))
    assert _read_covid_scores(folder, "data-validation") == pytest.approx(0.1 * VALUES - 10)


def test_the_keys_differ_by_occlusion_and_the_usual_one_is_as_it_was(study):
    """Two fractions are two evaluations; what stands of each is kept."""
    manifest, folder = study
    request, runs = make_request(manifest), discover_runs([folder])
    keys = set()
    for occlusion in (None, Occlusion("centre", 0.5), Occlusion("centre", 0.75)):
        outcome, again = (
            evaluate_runs(replace(request, occlusion=occlusion), runs)[0] for _ in range(2)
        )
        assert (outcome.reused, again.reused) == (False, True)
        keys.add(outcome.evaluation.provenance["key"])
    assert len(keys) == 3
    assert evaluate_runs(request, runs)[0].reused
