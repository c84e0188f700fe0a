"""Images a second, of ours and of the bare session beneath it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from covidreport.inference.device import Bound, DeviceFeed, DeviceQueue, read_answers
from covidreport.inference.execution import Execution
from covidreport.inference.session import Session


def rate(work: Callable[[], int], seconds: float) -> float:
    """Images a second: `work` does some and says how many; a first round is not counted."""
    work()
    done, began = 0, time.perf_counter()
    while True:
        done += work()
        taken = time.perf_counter() - began
        if taken >= seconds:
            return done / taken


def bare_rate(session: Session, execution: Execution, batch: NDArray[Any], seconds: float) -> float:
    """The session on a batch that lies on the device."""
    feed = DeviceFeed(execution, len(batch), batch.shape[1:], batch.dtype)
    bound = Bound(session, feed)
    slot = feed.upload(batch)

    def work() -> int:
        bound.run(slot, len(batch))
        return len(batch)

    try:
        return rate(work, seconds)
    finally:
        feed.close()


def our_rate(sessions: Sequence[Session], batches: Sequence[NDArray[Any]], seconds: float) -> float:
    """Every session on every batch, from the machine's memory, as the evaluation's loop does it."""
    queue = DeviceQueue()

    def work() -> int:
        uploads = [
            queue.upload("pixels", sessions, [batch], len(batch), readers=len(sessions))
            for batch in batches
        ]
        jobs = []
        for upload, batch in zip(uploads, batches, strict=True):
            uploaded = upload.result()

            def read(session: Session, uploaded: Any = uploaded, n: int = len(batch)) -> None:
                with uploaded:
                    answers, _ = queue.answer(session, uploaded, n)
                queue.submit_reading(read_answers, session, answers, n)

            jobs += [queue.submit(read, session) for session in sessions]
        for job in jobs:
            job.result()
        return sum(map(len, batches)) * len(sessions)

    try:
        return rate(work, seconds)
    finally:
        queue.close()
