"""Errors that cross the border of a process."""

from __future__ import annotations

import copy
import pickle

import pytest

from covidreport.errors import CovidReportError, DatasetError, GateError, RunError, WriteError
from covidreport.inference.session import OutOfMemoryError


@pytest.mark.parametrize(
    "error",
    [
        DatasetError("manifest.csv", [f"line {n}: no path" for n in range(1, 30)]),
        GateError("read", "has no counts"),
        RunError("is no model", "Export it again."),
        OutOfMemoryError("does not fit"),
        WriteError("disk full"),
        CovidReportError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_as_it_was_raised(error):
    """Type, text, what to do, and what else it holds; copied as well."""
    for got in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301  # our own
        assert type(got) is type(error)
        assert (str(got), got.remedy, got.exit_code) == (str(error), error.remedy, error.exit_code)
        assert vars(got) == vars(error)
