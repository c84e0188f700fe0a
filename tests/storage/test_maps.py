"""maps.json: every digit is kept, and what does not fit is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.records import Equalization, PixelSpec, StoredMap, StoredMaps
from covidreport.store import maps_file, read_maps, write_maps


@pytest.fixture
def maps() -> StoredMaps:
    """Two images, of 2 by 3 patches, whose scores are any floats of 32 bits."""
    values = np.random.default_rng(0).normal(size=(2, 7)).astype(np.float32)
    rows = [[float(str(value)) for value in row] for row in values]
    spec = PixelSpec(9, 7, "pad", equalize=Equalization("clahe", "before-resize"))
    images = tuple(StoredMap(f"n{i}", row[0], tuple(row[1:])) for i, row in enumerate(rows))
    return StoredMaps("key", "covid-19", "blur", 2, 3, "logit", spec, 9, images, ("lost",))


def test_what_is_written_is_read(tmp_path, maps):
    """To the last bit of a float of 32 bits; a folder without maps has none."""
    assert read_maps(tmp_path) is None
    write_maps(tmp_path, maps)
    assert read_maps(tmp_path) == maps
    first = json.loads(maps_file(tmp_path).read_text())["maps"][0]
    value = np.random.default_rng(0).normal(size=(2, 7)).astype(np.float32)[0, 1]
    assert np.float32(first["occluded"][0]) == value


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 4},
        {"rows": -2, "columns": -3},
        {"rows": 0, "columns": 0, "maps": ()},
        {"pixels": PixelSpec(9, 0)},
        {"activation": "softmax-logit"},
    ],
)
def test_maps_that_can_not_be_are_refused(tmp_path, maps, change):
    """Whoever wrote them: the file is named, and what makes it again."""
    write_maps(tmp_path, replace(maps, **change))
    with pytest.raises(StoreError, match=r"maps\.json.*`covidreport evaluate --maps`"):
        read_maps(tmp_path)


def test_another_schema_is_refused(tmp_path, maps):
    """A later version's file is not guessed at; a field that it adds is."""
    write_maps(tmp_path, maps)
    file = maps_file(tmp_path)
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "later": 1}))
    assert read_maps(tmp_path) == maps
    file.write_text(json.dumps({**document, "schema": "covidreport.maps/2"}))
    with pytest.raises(StoreError, match=r"covidreport\.maps/2"):
        read_maps(tmp_path)
