"""Memory that is really short: an arena that has room for two images and not for four.

The arena belongs to a process, so each question is asked in one of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from covidreport.inference.batch import prepare_batch
from covidreport.inference.session import open_session
from tests.onnx_models import write_brightness_model
from tests.pretended import make_greedy

PRELUDE = """
import json, sys
from pathlib import Path
import numpy as np
from covidreport.errors import RunError
from covidreport.inference.batch import prepare_batch
from covidreport.inference.device import Bound, DeviceFeed
from covidreport.inference.session import OutOfMemoryError, measure_variation, open_session
from covidreport.records import ModelLimits
from tests.pretended import DEVICE

def load(path, memory_mb=12):
    limits = ModelLimits(memory=memory_mb * 2**20)
    return open_session(Path(path), DEVICE, static_batch=4, limits=limits)

session = load(sys.argv[1])
pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
batch = prepare_batch(pixels, session.spec)
"""


def _ask(path, code):
    """What the code prints, as JSON, of the model at `path`."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, str(path)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def greedy(tmp_path_factory):
    """A model that takes 4 MiB an image, and its scores of the four images."""
    path = make_greedy(write_brightness_model(tmp_path_factory.mktemp("greedy") / "model.onnx"))
    session = open_session(path)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    return path, session.run(prepare_batch(pixels, session.spec))


def test_a_batch_on_the_device_is_halved_until_it_fits(greedy):
    """Four images are 16 MiB, two are 8, and 12 may be taken: two at a time, the same scores."""
    path, wanted = greedy
    size, scores = _ask(
        path,
        "feed = DeviceFeed(DEVICE, 4, batch.shape[1:], batch.dtype)\n"
        "bound = Bound(session, feed)\n"
        "scores = bound.run(feed.upload(batch), 4)\n"
        "print(json.dumps([bound.size, scores.tolist()]))\n",
    )
    assert size == 2
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_the_first_question_to_a_model_is_halved_too(greedy):
    """The full batch runs out of memory before any image is scored: not a failure to load."""
    path, wanted = greedy
    variation, size, scores = _ask(
        path,
        "variation = measure_variation(session)\n"
        "print(json.dumps([variation, session.static_batch, session.run(batch).tolist()]))\n",
    )
    assert (variation, size) == (0.0, 2)
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_where_not_even_one_image_fits_the_reason_says_so(greedy):
    """Three MiB are too few for one image."""
    path, _ = greedy
    (reason,) = _ask(
        path,
        "session = load(sys.argv[1], 3)\n"
        "try:\n"
        "    session.run(batch)\n"
        "except RunError as error:\n"
        "    print(json.dumps([str(error)]))\n",
    )
    assert reason.startswith("one image does not fit into the device's memory: ")
    assert "memory_limit" in reason


def test_beside_others_nothing_is_halved(greedy):
    """Another model shares the memory: the run may fit without it, at its full batch."""
    path, _ = greedy
    raised, size = _ask(
        path,
        "session.shares_memory = True\n"
        "try:\n"
        "    session.run(batch)\n"
        "except OutOfMemoryError as error:\n"
        "    print(json.dumps([str(error), session.static_batch]))\n",
    )
    assert "memory" in raised
    assert size == 4
