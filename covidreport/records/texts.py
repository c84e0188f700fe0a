"""A column of texts, one behind the other, as Arrow keeps them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import overload


class Texts(Sequence[str]):
    """A column of texts that never changes; equal to a tuple of the same texts.

    A tuple takes some 60 bytes a text besides its characters, this 8: of a name for each of 100,000
    images that is what matters. joined: all texts, one behind the other. ends: where each ends in
    it, with a 0 in front.
    """

    def __init__(self, joined: str, ends: array[int]) -> None:
        self.joined = joined
        self.ends = ends

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """These texts; what is such a column already is given back."""
        if isinstance(texts, cls):
            return texts
        listed = texts if isinstance(texts, list | tuple) else list(texts)
        return cls("".join(listed), array("q", accumulate(map(len, listed), initial=0)))

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                ends, joined = self.ends[start : max(start, stop) + 1], self.joined
                return tuple(joined[begin:end] for begin, end in pairwise(ends))
            return tuple(map(self.__getitem__, range(start, stop, step)))
        row = range(len(self))[index]
        return self.joined[self.ends[row] : self.ends[row + 1]]

    def __iter__(self) -> Iterator[str]:
        joined = self.joined
        return (joined[start:stop] for start, stop in pairwise(self.ends))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Texts):
            return self.ends == other.ends and self.joined == other.joined
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Texts({list(self)!r})"
