"""Memory that a card reads directly is locked while a feed is open, and unlocked when it closes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from covidreport.inference import device
from covidreport.inference.cards import pin_memory
from covidreport.inference.device import SLOTS, DeviceFeed, DeviceQueue
from covidreport.inference.session import open_session
from tests.onnx_models import write_brightness_model
from tests.pretended import DEVICE


class Runtime:
    """A CUDA runtime that notes down what it is asked to lock."""

    def __init__(self, *, refuses=False, card=True):
        self.locked = {}
        self.said = []
        self.refuses = refuses
        self.card = card

    def cudaSetDevice(self, number):  # noqa: N802 - CUDA's names
        self.said.append(("device", number.value))
        return 0 if self.card else 100

    def cudaHostRegister(self, place, size, flags):  # noqa: N802
        if self.refuses or place.value in self.locked:
            return 712
        self.locked[place.value] = size.value
        return 0

    def cudaHostUnregister(self, place):  # noqa: N802
        del self.locked[place.value]
        return 0


def _load(monkeypatch, runtime):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: runtime)
    return runtime


def test_what_is_locked_can_be_unlocked(monkeypatch):
    """The whole array at its own address, on the card that reads it; the same once more after."""
    runtime = _load(monkeypatch, Runtime())
    array = np.zeros(1000, np.float32)
    for _ in range(2):
        unpin = pin_memory(array, 1)
        assert unpin is not None
        assert runtime.locked == {array.ctypes.data: 4000}
        unpin()
        assert runtime.locked == {}
    assert set(runtime.said) == {("device", 1)}


@pytest.mark.parametrize("how", [{"refuses": True}, {"card": False}])
def test_memory_that_can_not_be_locked_is_left_as_it_is(monkeypatch, how):
    """Nothing to unlock; an upload is slower and the same."""
    runtime = _load(monkeypatch, Runtime(**how))
    assert pin_memory(np.zeros(8)) is None
    assert runtime.locked == {}


def test_a_feed_unlocks_its_memory_when_the_queue_closes(tmp_path, monkeypatch):
    """The next group's arrays may have these addresses: nothing of this one stays locked."""
    held = []

    def pin(array, number):
        held.append(number)
        return held.pop

    session = open_session(write_brightness_model(tmp_path / "model.onnx"), DEVICE, static_batch=4)
    shape = (4, 1, 8, 8)

    class OnCard(DeviceFeed):
        """A feed whose device is called a card."""

        def __init__(self, execution, *others):
            super().__init__(execution, *others)
            self._unpin = [pin(array, 0) for array in self._staging]

    monkeypatch.setattr(device, "DeviceFeed", OnCard)
    queue = DeviceQueue()
    queue.upload("gray", [session], [np.zeros(shape, np.uint8)], 4, readers=1).result(10)
    assert len(held) == SLOTS
    queue.close()
    assert held == []
