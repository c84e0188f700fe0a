"""Changed pictures on their way through the loop: each file is read once, whatever is cut where."""

from __future__ import annotations

import hashlib

import numpy as np

from covidreport.dataset import read_dataset
from covidreport.evaluate import decode
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.disturbances import Disturbances, DisturbOptions
from covidreport.evaluate.disturbing import choose_images
from covidreport.images import decode_image, read_image
from covidreport.images.disturb import disturb_picture
from covidreport.images.resize import fit_picture
from covidreport.records import AS_IS, Disturbance, PixelSpec
from tests.datasets import LABELS, write_flat_dataset
from tests.evaluate.cases import ROWS, make_request

SPECS = (PixelSpec(8, 8), PixelSpec(12, 12, channels=3))
CHANGES = (AS_IS, Disturbance("noise", 3), Disturbance("brightness", 5))


def test_a_file_is_decoded_once_for_all_its_changes(tmp_path, monkeypatch):
    """Pixels are those of the changed picture, fitted; a file that is broken fails in each row."""
    write_flat_dataset(tmp_path, ROWS, size=(20, 20))
    paths = [tmp_path / f"{i:03}.png" for i in (0, 1)]
    paths[1].write_bytes(b"\x89PNG no picture")
    seen = []

    def count(data):
        seen.append(data)
        return decode_image(data)

    monkeypatch.setattr(decode, "decode_image", count)
    rows = [path for path in paths for _ in CHANGES]
    chunk = decode_chunk(rows, 0, SPECS, changes=Disturbances(CHANGES * 2))

    assert seen.count(paths[0].read_bytes()) == 1
    assert [reason is None for reason in chunk.reasons] == [True] * 3 + [False] * 3
    digest = hashlib.sha256(paths[0].read_bytes()).hexdigest()
    for spec in SPECS:
        for row, change in enumerate(CHANGES):
            picture = disturb_picture(read_image(paths[0]).picture, change, digest)
            assert (chunk.pixels[spec][row] == fit_picture(picture, spec)).all()
        assert not chunk.pixels[spec][3:].any()


def test_batches_that_cut_an_image_in_two_change_nothing(tmp_path):
    """Rows decoded in pieces have the same pixels as all together."""
    write_flat_dataset(tmp_path, ROWS, size=(20, 20))
    rows = [tmp_path / f"{i:03}.png" for i in (0, 1) for _ in CHANGES]
    changes = Disturbances(CHANGES * 2)
    whole = decode_chunk(rows, 0, SPECS, changes=changes)
    for spec in SPECS:
        parts = [
            decode_chunk(rows[at : at + 2], at, [spec], changes=changes.take(range(at, at + 2)))
            for at in (0, 2, 4)
        ]
        pieces = np.concatenate([part.pixels[spec] for part in parts])
        assert (pieces == whole.pixels[spec]).all()


def test_all_positives_and_as_many_negatives_are_chosen(tmp_path):
    """Two have covid-19: two of the others by the seed, one where one is asked for, and no more
    than there are."""
    manifest = write_flat_dataset(tmp_path, ROWS)
    data = make_request(manifest).dataset
    assert len(read_dataset(manifest, LABELS)) > len(data)
    truth = data.truth[:, data.labels.index("covid-19")]

    def choose(**options):
        rows = choose_images(data, "covid-19", DisturbOptions(**options))
        assert set(np.flatnonzero(truth == 1)) <= set(rows)
        return rows

    assert len(choose()) == 4
    assert choose() == choose(seed=0)
    assert len({choose(seed=seed) for seed in range(9)}) > 1
    assert len(choose(negatives=1)) == 3
    assert len(choose(negatives=99)) == len(data)
