"""Chunks asked of workers of a cluster, without Ray: machines that go away, and nobody left."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

import pytest

from covidreport.errors import ServiceError
from covidreport.evaluate.cluster import Chunks, _ask_workers


class GoneError(Exception):
    """What Ray raises of a worker whose machine is not there any more."""


class Pool:
    """Actors by their names as Ray's ActorPool has them: `gone` after so many chunks in all."""

    def __init__(self, actors, gone):
        self._idle, self._under_way, self._gone = [*actors], deque(), gone
        self.answered = []

    def has_free(self):
        return bool(self._idle)

    def has_next(self):
        return bool(self._under_way)

    def submit(self, ask, words):
        actor = self._idle.pop()
        self._under_way.append((actor, words))

    def get_next_unordered(self):
        actor, (start,) = self._under_way.popleft()
        self._idle.append(actor)
        if len(self.answered) >= self._gone.get(actor, 1000):
            raise GoneError(actor)
        self.answered.append((actor, start))
        return SimpleNamespace(start=start), {}

    def pop_idle(self):
        return self._idle.pop()


def _ask(pool, n, unwanted=()):
    errors = SimpleNamespace(ActorUnavailableError=GoneError)
    tell = lambda start: None if start in unwanted else (start,)  # noqa: E731 - one line of a test
    return [chunk.start for chunk, _ in _ask_workers(pool, Chunks(range(n)), tell, errors)]


def test_each_chunk_is_answered_once():
    assert sorted(_ask(Pool("abab", {}), 9)) == list(range(9))


def test_what_a_lost_machine_had_is_done_by_the_others():
    """Also where it was the last chunk that was under way."""
    for after in range(9):
        pool = Pool("abab", {"b": after})
        assert sorted(_ask(pool, 9)) == list(range(9))
        assert {actor for actor, _ in pool.answered[after:]} <= {"a"}


def test_where_all_machines_are_gone_the_command_ends():
    with pytest.raises(ServiceError, match="what is done is kept"):
        _ask(Pool("ab", {"a": 3, "b": 2}), 9)


def test_what_no_run_wants_is_not_asked():
    assert sorted(_ask(Pool("ab", {}), 4, unwanted={1, 2})) == [0, 3]
    assert _ask(Pool("ab", {}), 0) == []
