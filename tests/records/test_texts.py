"""A column of texts says what a tuple of them would, in a tenth of the memory."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.records import Texts

CELLS = st.lists(st.text(max_size=4) | st.just("a/\udce9.png"))


@given(CELLS, st.integers(-5, 5), st.integers(-5, 5), st.sampled_from([1, 2, -1]))
def test_a_column_is_the_tuple_of_its_texts(cells, start, stop, step):
    """Whatever they are: blank, of other alphabets, of bytes that are no text."""
    column, plain = Texts.of(cells), tuple(cells)
    assert (*column,) == plain
    assert column == plain
    assert plain == column
    assert hash(column) == hash(plain)
    assert len(column) == len(plain)
    assert [column[i] for i in range(-len(plain), len(plain))] == [*plain, *plain]
    assert column[start:stop:step] == plain[start:stop:step]
    assert pickle.loads(pickle.dumps(column)) == column  # noqa: S301 - made here
    assert np.array(column, object).tolist() == list(plain)


def test_columns_that_run_together_to_the_same_text_differ():
    """Where a text ends is part of it."""
    assert Texts.of(["ab", "c"]) != Texts.of(["a", "bc"])
    assert Texts.of(["ab", "c"]) != ("a", "bc")
    assert Texts.of(["a"]) != ["a"]


def test_a_column_ends():
    """As a tuple does."""
    with pytest.raises(IndexError):
        Texts.of(["a"])[1]


def test_names_of_many_images_are_small():
    """Eight bytes a name, besides its characters."""
    column = Texts.of(f"{i:09}" for i in range(10_000))
    assert len(pickle.dumps(column)) < 10_000 * (8 + 9 + 1)
