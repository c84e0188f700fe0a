"""What is slow to make is made by one of pytest's workers, and the others take it from there."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from covidreport.locks import hold_lock

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """Where the workers of one run of pytest find what one of them has made."""

    root: Path

    def __call__(self, name: str, make: Callable[[Path], T]) -> T:
        """What `make(folder)` gives, made once for all workers of this run.

        The folder is new and of that name; nobody changes what is in it. What is given can be
        pickled: each worker has a copy of its own.
        """
        made = self.root / f"shared-{name}.pickle"
        with hold_lock(made.with_suffix(".lock")):
            if not made.exists():
                folder = self.root / f"shared-{name}"
                folder.mkdir()
                made.write_bytes(pickle.dumps(make(folder)))
        value: T = pickle.loads(made.read_bytes())  # noqa: S301 - ours, of a moment ago
        return value


@pytest.fixture(scope="session")
def share(tmp_path_factory) -> Share:
    """`share(name, make)`, as the class above says."""
    root = tmp_path_factory.getbasetemp()
    return Share(root.parent if "PYTEST_XDIST_WORKER" in os.environ else root)
