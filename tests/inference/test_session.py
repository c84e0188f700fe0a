"""Sessions: scores against hand-worked answers, and every way in which a model can be unfit."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from covidreport.errors import ProviderError, RunError
from covidreport.inference import session as sessions
from covidreport.inference.batch import prepare_batch
from covidreport.inference.cards import cuda_of_build, has_nvidia_device
from covidreport.inference.device import Bound, DeviceFeed
from covidreport.inference.execution import Execution
from covidreport.inference.output import softmax
from covidreport.inference.providers import CPU, provider_named
from covidreport.inference.session import open_session
from covidreport.records import ModelLimits, PixelSpec
from tests.onnx_models import write_brightness_model
from tests.pretended import DEVICE


def _images(*values, channels=1):
    """Images of 8 x 8 that are one value all over, uint8 (N, 8, 8, C)."""
    return np.stack([np.full((8, 8, channels), value, np.uint8) for value in values])


def test_scores_are_what_the_graph_computes(tmp_path):
    """Mean 100 gives 0.1*100-10=0, -0.1*100+10=0 and 0.02*100-1=1; mean 200 gives 10, -10, 3."""
    session = open_session(write_brightness_model(tmp_path / "model.onnx"))
    scores = session.run(prepare_batch(_images(100, 200), session.spec))
    np.testing.assert_allclose(scores, [[0, 0, 1], [10, -10, 3]], atol=1e-4)
    assert scores.dtype == np.float32
    assert session.execution == CPU


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_float_inputs_are_normalised_outside(tmp_path, dtype, layout):
    """(v/255 - mean)/std of 51 is 0.1/0.5, 0.2/1 and 0/1 in the three channels: mean 2/15."""
    described = {
        "labels": ["a"], "size": [8, 8], "channels": 3, "layout": layout, "fit": "stretch",
        "resample": "bilinear", "activation": "logit", "divisor": 255,
        "mean": [0.1, 0.0, 0.2], "std": [0.5, 1.0, 1.0],
    }  # fmt: skip
    path = write_brightness_model(
        tmp_path / "model.onnx", (1.0,), (0.0,), labels=["a"], dtype=dtype, layout=layout,
        pixels=PixelSpec(8, 8, channels=3), metadata={},
    )  # fmt: skip
    session = open_session(path, described=described)
    scores = session.run(prepare_batch(_images(51, channels=3), session.spec))
    np.testing.assert_allclose(scores, [[2 / 15]], atol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8])
def test_a_fixed_batch_is_fed_in_padded_pieces(tmp_path, count):
    """A model that takes 4 at a time gives as many answers as there are images, in their order."""
    session = open_session(write_brightness_model(tmp_path / "model.onnx", batch=4))
    values = [10 * i for i in range(count)]
    scores = session.run(prepare_batch(_images(*values), session.spec))
    np.testing.assert_allclose(scores[:, 0], [0.1 * value - 10 for value in values], atol=1e-4)


def test_softmax_is_applied_to_its_logits(tmp_path):
    """Logits 0, 0, 1 give 1/(2+e), 1/(2+e), e/(2+e)."""
    path = write_brightness_model(tmp_path / "model.onnx", metadata={})
    described = {
        "labels": ["covid-19", "normal", "pneumonia"], "fit": "stretch", "resample": "bilinear",
        "activation": "softmax-logit",
    }  # fmt: skip
    session = open_session(path, described=described)
    scores = session.run(prepare_batch(_images(100), session.spec))
    np.testing.assert_allclose(
        scores, [[1 / (2 + np.e), 1 / (2 + np.e), np.e / (2 + np.e)]], atol=1e-5
    )
    assert softmax(np.array([[1e4, -1e4]], np.float32)).tolist() == [[1.0, 0.0]]


def test_a_softmax_is_over_unnamed_columns_too(tmp_path):
    """Of logits 0, 0, 1 the last alone is a label: its score is e/(2+e), on a device as well."""
    path = write_brightness_model(tmp_path / "model.onnx", metadata={})
    described = {
        "labels": [None, None, "pneumonia"], "fit": "stretch", "resample": "bilinear",
        "activation": "softmax-logit",
    }  # fmt: skip
    session = open_session(path, described=described)
    batch = prepare_batch(_images(100), session.spec)
    scores = session.run(batch)
    # behind it the highest of the others, which compete with it
    np.testing.assert_allclose(scores, [[np.e / (2 + np.e), 1 / (2 + np.e)]], atol=1e-5)
    feed = DeviceFeed(CPU, 1, batch.shape[1:], batch.dtype)
    assert Bound(session, feed).run(feed.upload(batch), 1).tolist() == scores.tolist()


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09"])
def test_a_broken_file_is_a_run_error(tmp_path, content):
    """An empty, a foreign and a chopped file each say that they can't be loaded."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.onnx"):
        open_session(path)


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_no_graph_is_asked_for_on_a_card_and_no_fallback(tmp_path, monkeypatch, capfd, name):
    """What opens on a card is asked for once, with its reason where it fails, and prints nothing.

    ONNX Runtime's own fallback would print "EP Error" and go on with other providers.
    """
    asked = []

    def refuse(_, providers, *__):
        asked.append(providers)
        raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected")

    monkeypatch.setattr(ort.InferenceSession, "_create_inference_session", refuse)
    monkeypatch.setattr(sessions, "load_libraries", lambda _: "")
    monkeypatch.setattr(sessions, "share_memory", lambda *_: None)
    path = write_brightness_model(tmp_path / "model.onnx")
    with pytest.raises(RunError, match=r"can't be loaded: CUDA failure 100"):
        open_session(path, Execution(provider_named(name)), engines=tmp_path)
    assert len(asked) == 1
    assert "cuda_graph" not in str(asked)
    assert capfd.readouterr().out == ""


def test_the_sessions_of_a_card_share_one_arena_of_its_memory(monkeypatch):
    """One for each card, four fifths of it or as many bytes as may be taken; none is made twice."""
    made = []

    def register(provider, info, options, _):
        made.append((provider, info.name, info.device_id, options))

    sizes = []
    arena = ort.OrtArenaCfg

    def size(facts):
        sizes.append(facts)
        return arena(facts)

    monkeypatch.setattr(ort, "create_and_register_allocator_v2", register)
    monkeypatch.setattr(ort, "OrtArenaCfg", size)
    monkeypatch.setattr(sessions, "card_bytes", lambda number: [1000, 2000][number])
    monkeypatch.setattr(sessions, "_shared", {})
    first, second = (Execution(provider_named("cuda"), device_id=n) for n in (0, 1))
    for execution in (first, first, second, first):
        sessions.share_memory(execution)
    sessions.share_memory(first, ModelLimits(memory=300))
    sessions.renew_memory(second)
    assert made == [("CUDAExecutionProvider", "Cuda", number, {}) for number in (0, 1, 0, 1)]
    assert [facts["max_mem"] for facts in sizes] == [800, 1600, 300, 1600]


def test_a_session_on_an_accelerator_plans_no_memory_of_its_own(tmp_path):
    """No pattern, which takes a batch's memory once more, and the arena that all share."""
    path = write_brightness_model(tmp_path / "model.onnx")
    on_device, on_cpu = open_session(path, DEVICE), open_session(path)
    assert not on_device.inner.get_session_options().enable_mem_pattern
    assert on_cpu.inner.get_session_options().enable_mem_pattern
    for session in (on_device, on_cpu):
        options = session.inner.get_session_options()
        assert options.get_session_config_entry("session.use_env_allocators") == "1"


def test_where_a_cards_library_is_missing_the_reason_is_in_the_error(tmp_path, capfd):
    """Not "CPU runs": what could not be loaded, and what to do; nothing is printed."""
    if cuda_of_build() is None or has_nvidia_device():
        pytest.skip("needs the GPU build of ONNX Runtime, and no card")
    path = write_brightness_model(tmp_path / "model.onnx")
    with pytest.raises(ProviderError, match=r"provider cuda does not work: .*covidreport\[gpu\]"):
        open_session(path, Execution(provider_named("cuda")))
    assert capfd.readouterr().out == ""
