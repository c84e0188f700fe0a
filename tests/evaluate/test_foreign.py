"""Foreign pictures as rows of a data set, and their way to an accelerator."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from PIL import Image

from covidreport.evaluate.cpu_check import SAMPLE
from covidreport.evaluate.disturbances import ForeignOptions
from covidreport.evaluate.foreign import MOST_NEGATIVES, request_foreign
from covidreport.records import FOREIGN, FOREIGN_CHANGES, SINGLES
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import evaluate_folder, make_request
from tests.onnx_models import write_brightness_model
from tests.pretended import DEVICE

ROWS = [(60 + i, "covid-19" if i < 4 else "normal", "validation") for i in range(24)]


def test_negatives_are_drawn_by_the_seed_and_folders_stand_below(tmp_path):
    """Six of 20 and what is made of them; the folder's truth is known of the target alone."""
    manifest = write_flat_dataset(
        tmp_path / "data", ROWS, patients=[f"p{i // 2}" for i in range(24)]
    )
    (tmp_path / "Hands").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "Hands" / "left.png")
    base = make_request(manifest)

    def ask(**options):
        return request_foreign(base, "covid-19", ForeignOptions(asked=True, **options))

    made = ask(negatives=6, folders=(tmp_path / "Hands",))
    data = made.dataset
    assert made.variant == FOREIGN
    assert len(data) == 6 * (1 + len(FOREIGN_CHANGES)) + len(SINGLES) + 1 == len(made.digests)
    assert data.ids[-1] == "left.png [hands]"
    assert data.truth[-1].tolist() == [0, -1, -1]
    assert (data.truth[-5:-1] == -1).all()
    assert data.groups is not None
    assert len(set(data.groups[:5])) == 1
    assert set(data.groups[:30]) <= {f"p{i}" for i in range(2, 12)}
    assert data.attributes[FOREIGN][-6:] == ("lungs-black", "", "", "", "", "hands")
    assert ask(negatives=6).dataset.ids == ask(negatives=6, seed=0).dataset.ids
    assert len({ask(negatives=6, seed=seed).dataset.ids for seed in range(4)}) > 1
    assert len(ask().dataset) == 20 * 5 + 4 < MOST_NEGATIVES * 5


def test_an_accelerator_is_compared_with_the_cpu_on_the_same_pictures(tmp_path):
    """A sample of rows, those without lungs among them, each with its own change."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    base = replace(make_request(manifest), execution=DEVICE, provider_option="pretend")
    request = request_foreign(base, "covid-19", ForeignOptions(asked=True))
    assert len(request.dataset) > SAMPLE

    outcome = evaluate_folder(tmp_path / "runs", request)["a"]

    assert outcome.failure is None
    check = outcome.evaluation.provenance["cpu_check"]
    assert check["images"] == SAMPLE
    assert check["largest_difference"] == np.float32(0)
