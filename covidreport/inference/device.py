"""Feeding sessions from fixed buffers on a device: pixels go up once, and all models read them.

Two slots take turns, so that the next batch is on its way while the models work on this one. Every
call of a model has the same shape. The same code runs on the CPU's memory, which is how it is
tested where there is no card.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import DTypeLike, NDArray

from covidreport.errors import RunError
from covidreport.inference.cards import pin_memory
from covidreport.inference.execution import Execution
from covidreport.inference.providers import ORT_ERRORS
from covidreport.inference.runtime import ort
from covidreport.inference.session import OutOfMemoryError, Session, describe_failure

SLOTS = 2
UPLOADING = "the pixels can't be brought to the device"

_T = TypeVar("_T")


class DeviceFeed:
    """Two slots of `capacity` images on a device, filled through memory that the card can read.

    `upload` waits for a free slot and fills it; `release` gives it back when all models have read
    it. RunError where the device has no room for them.
    """

    def __init__(
        self, execution: Execution, capacity: int, shape: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self.capacity = capacity
        self.execution = execution
        device, number = execution.provider.device, execution.device_id
        try:
            self._staging = [np.zeros((capacity, *shape), dtype) for _ in range(SLOTS)]
            self.values = [
                ort.OrtValue.ortvalue_from_shape_and_type(array.shape, array.dtype, device, number)
                for array in self._staging
            ]
        except ORT_ERRORS as error:
            raise describe_failure(error, what=UPLOADING) from error
        pinned = [pin_memory(array, number) for array in self._staging if device == "cuda"]
        self._unpin = [unpin for unpin in pinned if unpin is not None]
        self._free: SimpleQueue[int] = SimpleQueue()
        for slot in range(SLOTS):
            self._free.put(slot)

    @property
    def pinned(self) -> bool:
        """Whether the card reads the machine's side of every slot by itself."""
        return len(self._unpin) == SLOTS

    @property
    def bytes_per_image(self) -> int:
        """The size of one image in a slot."""
        return int(self._staging[0][0].nbytes)

    def upload(self, *pieces: NDArray[Any]) -> int:
        """Copy a batch of at most `capacity` images, in pieces, to the next free slot; its number.

        What is left of the slot is filled with the last image.
        """
        slot = self._free.get()
        try:
            staging, filled = self._staging[slot], 0
            for piece in pieces:
                staging[filled : filled + len(piece)] = piece
                filled += len(piece)
            staging[filled:] = staging[filled - 1]
            self.values[slot].update_inplace(staging)
        except BaseException as error:
            self.release(slot)
            if isinstance(error, ORT_ERRORS):
                raise describe_failure(error, what=UPLOADING) from error
            raise
        return slot

    def release(self, slot: int) -> None:
        """Say that nobody reads the slot any more."""
        self._free.put(slot)

    def close(self) -> None:
        """Let go of the memory; nothing is uploaded any more."""
        for unpin in self._unpin:
            unpin()
        self._unpin.clear()


class DeviceAnswer(Struct, frozen=True):
    """What a graph gave to `size` images, in the CPU's memory and not yet looked at."""

    output: NDArray[Any]
    size: int


def read_answers(session: Session, answers: Sequence[DeviceAnswer], n: int) -> NDArray[np.floating]:
    """The scores `(n, K)` in what `Bound.run` gave, as `Session.run` gives them.

    RunError where they are none. Apart from the runs, so that a card need not wait for it.
    """
    pieces = [session.read_output(answer.output, answer.size) for answer in answers]
    return np.concatenate(pieces)[:n]


class Bound:
    """A session bound to the slots of a feed: it answers to what was uploaded there."""

    def __init__(self, session: Session, feed: DeviceFeed) -> None:
        self.session = session
        self.feed = feed
        self._outputs: dict[int, tuple[ort.IOBinding, ort.OrtValue]] = {}

    @property
    def size(self) -> int:
        """How many images a call has; less than at first once memory was short."""
        return min(self.session.static_batch or self.feed.capacity, self.feed.capacity)

    def run(self, slot: int, n: int) -> NDArray[np.floating]:
        """Scores `(n, K)` of the first `n` images in a slot, as `Session.run` gives them.

        Raises as `answer` and `read_answers`.
        """
        return read_answers(self.session, self.answer(slot, n), n)

    def answer(self, slot: int, n: int) -> list[DeviceAnswer]:
        """What the model gives to the first `n` images in a slot, for `read_answers`.

        RunError where the model fails, OutOfMemoryError where that is why and `Session.halve` can't
        help.
        """
        answers: list[DeviceAnswer] = []
        done = 0
        while done < n:
            size = min(self.size, self.feed.capacity - done)
            try:
                output = self.session.call(partial(self._answer, slot, done, size), size)
            except OutOfMemoryError as error:
                self._outputs.clear()  # frees what was bound for the larger pieces
                if not self.session.halve(error):
                    raise
            else:
                answers.append(DeviceAnswer(output, size))
                done += size
        return answers

    def _answer(self, slot: int, start: int, size: int) -> NDArray[Any]:
        """Run the session on a piece of a slot, and bring what it gave to the CPU's memory.

        The piece is bound each time: where the input is read on the CPU's side, binding copies it.
        The run has come to its end when it returns; the runtime waits for the device by itself.
        """
        if size not in self._outputs:
            self._outputs[size] = self._bind_output(size)
        binding, output = self._outputs[size]
        spec, execution = self.session.spec, self.feed.execution
        source = self.feed.values[slot]
        binding.bind_input(
            spec.input_name,
            execution.provider.device,
            execution.device_id,
            np.dtype(spec.dtype).type,
            [size, *source.shape()[1:]],
            source.data_ptr() + start * self.feed.bytes_per_image,
        )
        self.session.inner.run_with_iobinding(binding, self.session.options)
        return np.array(output.numpy())

    def _bind_output(self, size: int) -> tuple[ort.IOBinding, ort.OrtValue]:
        """A binding with memory of its own on the device for the scores of `size` images."""
        execution = self.feed.execution
        output = ort.OrtValue.ortvalue_from_shape_and_type(
            self._output_shape(size),
            self._output_type(),
            execution.provider.device,
            execution.device_id,
        )
        binding = self.session.inner.io_binding()
        binding.bind_ortvalue_output(self.session.spec.output_name, output)
        return binding, output

    def _output_shape(self, size: int) -> list[int]:
        """As the graph states it: a single label's scores may lack an axis, others have more."""
        name, labels = self.session.spec.output_name, self.session.spec.n_outputs
        axes = next(len(n.shape) for n in self.session.inner.get_outputs() if n.name == name)
        return [size] if axes == 1 else [size, labels, *[1] * (axes - 2)]

    def _output_type(self) -> type[np.generic]:
        name = self.session.spec.output_name
        kind = next(node.type for node in self.session.inner.get_outputs() if node.name == name)
        types: dict[str, type[np.generic]] = {
            "tensor(float)": np.float32,
            "tensor(float16)": np.float16,
            "tensor(double)": np.float64,
        }
        if kind not in types:
            raise RunError(f"output {name!r} is {kind}; scores are float, float16 or double")
        return types[kind]


class Uploaded(Struct):
    """A batch in a slot of a feed, and how many sessions have yet to read it.

    Each of them enters it once; when the last one leaves, the slot is free for the next batch.
    """

    feed: DeviceFeed
    slot: int
    readers: int

    def __enter__(self) -> Uploaded:
        return self

    def __exit__(self, *_: object) -> None:
        self.readers -= 1
        if self.readers == 0:
            self.feed.release(self.slot)


class DeviceQueue:
    """The order of work on a device: one thread uploads, another runs the models one by one, and a
    third reads what they gave."""

    def __init__(self) -> None:
        self._uploads = ThreadPoolExecutor(1)
        self._runs = ThreadPoolExecutor(1)
        self._readings = ThreadPoolExecutor(1)
        self._feeds: dict[Hashable, DeviceFeed] = {}
        self._bounds: dict[Session, Bound] = {}

    def upload(
        self,
        kind: Hashable,
        sessions: Sequence[Session],
        pieces: Sequence[NDArray[Any]],
        size: int,
        *,
        readers: int,
    ) -> Future[Uploaded]:
        """Bring the pieces of a batch to the device once, for `readers` sessions.

        kind: what names this preparation of pixels. sessions: all that are ever fed from it. size:
        the most images of a batch. The future raises RunError where the device has no room.
        """
        return self._uploads.submit(self._upload, kind, sessions, pieces, size, readers)

    def _upload(
        self, kind: Hashable, sessions: Sequence[Session], pieces: Sequence[NDArray[Any]],
        size: int, readers: int,
    ) -> Uploaded:  # fmt: skip
        feed = self._feeds.get(kind)
        if feed is None:
            piece = math.lcm(*(session.spec.batch or 1 for session in sessions))
            capacity = -(-size // piece) * piece
            execution = sessions[0].execution
            feed = self._feeds[kind] = DeviceFeed(
                execution, capacity, pieces[0].shape[1:], pieces[0].dtype
            )
        return Uploaded(feed, feed.upload(*pieces), readers)

    def submit(self, work: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """Do some work in the thread that runs the models."""
        return self._runs.submit(work, *arguments)

    def submit_reading(self, work: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """Do some work with what the models gave, while they run on."""
        return self._readings.submit(work, *arguments)

    def answer(
        self, session: Session, uploaded: Uploaded, n: int
    ) -> tuple[list[DeviceAnswer], int]:
        """What a model gives to `n` uploaded images, and how many of them a call had at last."""
        if session not in self._bounds:
            self._bounds[session] = Bound(session, uploaded.feed)
        bound = self._bounds[session]
        return bound.answer(uploaded.slot, n), bound.size

    def close(self) -> None:
        """Begin nothing more, wait for what was begun, and let go of the device's memory."""
        self._uploads.shutdown(wait=False, cancel_futures=True)
        self._runs.shutdown(wait=True, cancel_futures=True)
        self._readings.shutdown(wait=True, cancel_futures=True)
        for feed in list(self._feeds.values()):
            feed.release(0)  # an upload that waits for a slot which nobody will free
        self._uploads.shutdown(wait=True)
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
        self._bounds.clear()
