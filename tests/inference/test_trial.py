"""What a model takes is measured where it is opened first, in a process of its own."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from covidreport.inference.session import NO_LIMITS
from covidreport.inference.trial import NativeCrashError, Trial
from covidreport.storage.files import digest_file

MIB = 2**20
INPUT = {
    "labels": ["covid-19", "normal", "pneumonia"], "channels": 3, "fit": "stretch",
    "resample": "bilinear", "range": [0, 1], "activation": "logit",
}  # fmt: skip


def _write(path, hidden):
    """A model of one hidden layer: `12,288 x hidden` weights of four bytes."""
    rng = np.random.default_rng(hidden)
    weights = {
        "first": rng.normal(0, 0.01, (12288, hidden)).astype(np.float32),
        "second": rng.normal(0, 0.01, (hidden, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "second"], ["y"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [value("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    )
    return path


@pytest.mark.trial
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone says what a process had at most")
def test_memory_is_that_of_each_model_whatever_came_before(tmp_path):
    """96 MiB of weights take that and no more than three times as much, 3 MiB far less; the order
    does not matter, and what is cached says the same."""
    large, small = _write(tmp_path / "large.onnx", 2048), _write(tmp_path / "small.onnx", 64)
    taken: dict[tuple[tuple[Path, Path], Path], int] = {}
    for order in ((large, small), (small, large)):
        trial = Trial()
        for path in order:
            sha256 = digest_file(path)
            told = trial.try_model(path, sha256, INPUT, NO_LIMITS, use_cache=False)
            assert told is not None
            taken[order, path] = told
        trial.close()
    for order in ((large, small), (small, large)):
        assert 96 * MIB <= taken[order, large] <= 3 * 96 * MIB
        assert taken[order, small] <= 32 * MIB
    trial = Trial()
    first = trial.try_model(large, digest_file(large), INPUT, NO_LIMITS)
    trial.close()
    again = Trial()
    assert again.try_model(large, digest_file(large), INPUT, NO_LIMITS) == first
    assert again._child is None  # nothing was opened


@pytest.mark.trial
def test_what_is_begun_ahead_gives_what_it_gives_in_its_turn(tmp_path):
    """Whoever is asked for is answered, and the end of the child is told of whom it was at."""
    first, second = (_write(tmp_path / f"{n}.onnx", n) for n in (64, 65))

    def call(ask, path):
        return ask(path, digest_file(path), INPUT, NO_LIMITS, use_cache=False)

    with closing(Trial()) as trial:
        for path in (first, second, first):
            call(trial.begin, path)
            assert sys.platform != "linux" or 0 < call(trial.try_model, path) < 32 * MIB
        child = trial._child
        call(trial.begin, second)
        assert trial._child is child
        child.kill()
        with pytest.raises(NativeCrashError, match=r"^65\.onnx ends the process that opens it"):
            call(trial.try_model, second)
        call(trial.begin, first)
        call(trial.begin, second)
        assert sys.platform != "linux" or call(trial.try_model, first) > 0
    assert trial._child is None
