"""Fixed buffers on a device, here the CPU's memory: the same scores, one upload, halved batches."""

from __future__ import annotations

import ctypes
import math
import threading

import numpy as np
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from covidreport.errors import RunError
from covidreport.inference import session as sessions
from covidreport.inference.batch import prepare_batch
from covidreport.inference.device import SLOTS, Bound, DeviceFeed, DeviceQueue, read_answers
from covidreport.inference.providers import CPU
from covidreport.inference.session import OutOfMemoryError, open_session
from tests.cli.bad_runs import edit_model, end_with
from tests.onnx_models import write_brightness_model
from tests.pretended import DEVICE, OUT_OF_MEMORY, Inner


def _batch(session, count, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    return prepare_batch(pixels, session.spec)


def _feed(session, capacity):
    batch = _batch(session, 1)
    return DeviceFeed(CPU, capacity, batch.shape[1:], batch.dtype)


def _open(path, batch=8):
    """The session on the pretended accelerator, with so many images in every call."""
    return open_session(path, DEVICE, static_batch=batch)


def _forgetful(monkeypatch, session, fits):
    """Let the session run out of memory above `fits` images; the list of sizes that were tried."""
    sizes = []
    answer = Bound._answer

    def watched(self, slot, start, size):
        sizes.append(size)
        return answer(self, slot, start, size)

    def forget():
        if sizes[-1] > fits:
            raise RuntimeError(OUT_OF_MEMORY)

    monkeypatch.setattr(Bound, "_answer", watched)
    session.inner = Inner(session.inner, forget)
    return sizes


@pytest.mark.parametrize("count", [1, 5, 8])
def test_scores_from_a_slot_are_those_of_a_plain_call(tmp_path, count):
    """A batch in a fixed buffer, padded to its size, gives the very same scores in order."""
    session = open_session(write_brightness_model(tmp_path / "model.onnx"))
    feed = _feed(session, 8)
    bound = Bound(session, feed)
    for seed in range(2 * SLOTS):
        batch = _batch(session, count, seed)
        slot = feed.upload(batch)
        np.testing.assert_array_equal(bound.run(slot, count), session.run(batch))
        feed.release(slot)


@pytest.mark.parametrize(
    ("op", "axes", "shape"), [("Squeeze", [1], ["n"]), ("Unsqueeze", [2, 3], ["n", 1, 1, 1])]
)
def test_scores_with_an_axis_less_or_more_fit_into_a_slot(tmp_path, op, axes, shape):
    """The memory that is bound has the shape that the graph states."""
    path = write_brightness_model(tmp_path / "model.onnx", (0.1,), (-10.0,), labels=["covid-19"])
    extra = numpy_helper.from_array(np.array(axes), "behind")
    session = open_session(edit_model(path, end_with(op, extra, shape=shape)))
    feed, batch = _feed(session, 8), _batch(session, 5)
    scores = Bound(session, feed).run(feed.upload(batch), 5)
    assert scores.shape == (5, 1)
    np.testing.assert_array_equal(scores, session.run(batch))


def test_two_slots_take_turns_and_the_third_upload_waits(tmp_path):
    """While both slots are read an upload waits; what is read meanwhile does not change."""
    session = open_session(write_brightness_model(tmp_path / "model.onnx"))
    feed = _feed(session, 4)
    batches = [_batch(session, 4, seed) for seed in range(3)]
    first, second = feed.upload(batches[0]), feed.upload(batches[1])
    assert {first, second} == {0, 1}
    third = []
    waiting = threading.Thread(target=lambda: third.append(feed.upload(batches[2])))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    bound = Bound(session, feed)
    np.testing.assert_array_equal(bound.run(first, 4), session.run(batches[0]))
    feed.release(first)
    waiting.join(10)
    assert third == [first]
    np.testing.assert_array_equal(bound.run(second, 4), session.run(batches[1]))
    np.testing.assert_array_equal(bound.run(first, 4), session.run(batches[2]))


@pytest.mark.parametrize("fits", [1, 3, 4])
def test_a_batch_that_does_not_fit_is_halved_and_the_work_goes_on(tmp_path, monkeypatch, fits):
    """Out of memory at 8, then at 4 if 3 fit: the scores are the same, the size stays small."""
    session = _open(write_brightness_model(tmp_path / "model.onnx"))
    feed = _feed(session, 8)
    batch = _batch(session, 7)
    wanted = session.run(batch)
    _forgetful(monkeypatch, session, fits)
    bound = Bound(session, feed)
    slot = feed.upload(batch)
    np.testing.assert_allclose(bound.run(slot, 7), wanted, atol=1e-6)
    assert bound.size == {1: 1, 3: 2, 4: 4}[fits]


def test_one_image_that_does_not_fit_is_a_failure_with_that_reason(tmp_path, monkeypatch):
    """Halving ends at one image: then the run fails and says why."""
    session = _open(write_brightness_model(tmp_path / "model.onnx"), 4)
    feed = _feed(session, 4)
    tried = _forgetful(monkeypatch, session, 0)
    bound = Bound(session, feed)
    slot = feed.upload(_batch(session, 4))
    with pytest.raises(RunError, match=r"one image does not fit .*memory"):
        bound.run(slot, 4)
    assert tried == [4, 2, 1]


def test_a_fixed_batch_that_does_not_fit_can_not_be_halved(tmp_path, monkeypatch):
    """A model that takes 4 at a time takes no 2: the failure names its batch."""
    session = _open(write_brightness_model(tmp_path / "model.onnx", batch=4))
    feed = _feed(session, 8)
    _forgetful(monkeypatch, session, 2)
    bound = Bound(session, feed)
    with pytest.raises(RunError, match="fixed batch of 4 images"):
        bound.run(feed.upload(_batch(session, 8)), 8)


def test_beside_others_a_lack_of_memory_is_theirs_to_solve(tmp_path, monkeypatch):
    """Others are loaded: the batch is not halved, the run may fit without them."""
    session = _open(write_brightness_model(tmp_path / "model.onnx"))
    session.shares_memory = True
    tried = _forgetful(monkeypatch, session, 4)
    feed = _feed(session, 8)
    with pytest.raises(OutOfMemoryError, match="Failed to allocate"):
        Bound(session, feed).run(feed.upload(_batch(session, 8)), 8)
    assert tried == [8]


def test_the_input_is_bound_anew_for_each_batch(tmp_path):
    """An input that is read on the CPU's side is copied when it is bound, as the runtime does."""
    session = _open(write_brightness_model(tmp_path / "model.onnx"), 4)
    wanted = [session.run(_batch(session, 4, seed)) for seed in range(3)]
    bind, copies = ort.IOBinding.bind_input, []

    def copying(self, name, device, number, kind, shape, pointer):
        read = (ctypes.c_uint8 * math.prod(shape)).from_address(pointer)
        copies.append(np.array(read, np.uint8))
        bind(self, name, device, number, kind, shape, copies[-1].ctypes.data)

    feed = _feed(session, 4)
    bound = Bound(session, feed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ort.IOBinding, "bind_input", copying)
        for seed in range(3):
            slot = feed.upload(_batch(session, 4, seed))
            np.testing.assert_array_equal(bound.run(slot, 4), wanted[seed])
            feed.release(slot)
    assert len(copies) == 3


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (RuntimeError("CUDA failure 2: out of memory"), True),
        (MemoryError("std::bad_alloc"), True),
        (MemoryError("Unable to allocate 9 TiB"), True),
        (RuntimeError("CUDA failure 719: unspecified launch failure"), False),
    ],
)
def test_what_an_upload_raises_is_the_runs_and_frees_the_slot(tmp_path, monkeypatch, error, short):
    """A plain RuntimeError, or a MemoryError: the run's reason, and both slots are free."""
    session = _open(write_brightness_model(tmp_path / "model.onnx"), 4)
    feed = _feed(session, 4)

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ort.OrtValue, "update_inplace", fail)
        for _ in range(SLOTS + 1):
            with pytest.raises(RunError, match="can't be brought to the device") as raised:
                feed.upload(_batch(session, 4))
            assert isinstance(raised.value, OutOfMemoryError) is short
    assert {feed.upload(_batch(session, 4)) for _ in range(SLOTS)} == {0, 1}


@pytest.mark.parametrize("error", [RuntimeError("CUDA failure 2: out of memory"), MemoryError()])
def test_no_room_for_the_slots_is_a_lack_of_memory(tmp_path, monkeypatch, error):
    """What the runtime raises where it can't have the memory of a slot."""
    session = _open(write_brightness_model(tmp_path / "model.onnx"), 4)

    def fail(*_):
        raise error

    monkeypatch.setattr(ort.OrtValue, "ortvalue_from_shape_and_type", fail)
    with pytest.raises(OutOfMemoryError, match="can't be brought to the device"):
        _feed(session, 4)


def test_other_faults_are_not_taken_for_a_lack_of_memory():
    """Only what names memory halves a batch."""
    assert isinstance(sessions.describe_failure(Exception("CUDA out of memory")), OutOfMemoryError)
    assert not isinstance(sessions.describe_failure(Exception("bad shape")), OutOfMemoryError)


def test_one_upload_serves_all_sessions_and_frees_the_slot(tmp_path):
    """Two models, one of a fixed batch, read the same slot; then it is free for the next."""
    plain = open_session(write_brightness_model(tmp_path / "a.onnx"))
    fixed = open_session(write_brightness_model(tmp_path / "b.onnx", (1.0,) * 3, batch=3))
    queue = DeviceQueue()
    try:
        for seed in range(5):
            batch = _batch(plain, 4, seed)
            uploaded = queue.upload("gray", [plain, fixed], [batch], 4, readers=2).result(10)
            assert uploaded.feed.capacity == 6  # the next multiple of the fixed batch
            for session in (plain, fixed):
                with uploaded:
                    answers, _ = queue.answer(session, uploaded, 4)
                scores = queue.submit_reading(read_answers, session, answers, 4).result(10)
                np.testing.assert_array_equal(scores, session.run(batch))
    finally:
        queue.close()


def test_closing_does_not_wait_for_an_upload_that_nobody_would_free(tmp_path):
    """Both slots are taken and a third upload waits: closing ends all the same."""
    session = open_session(write_brightness_model(tmp_path / "model.onnx"))
    queue = DeviceQueue()
    for seed in range(SLOTS + 2):
        queue.upload("gray", [session], [_batch(session, 4, seed)], 4, readers=1)
    closing = threading.Thread(target=queue.close)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
