"""The reports that the tests of this folder share."""

from __future__ import annotations

import pytest

from covidreport.records import ReportData
from tests.report.compared import compared_study
from tests.report.detailed import detailed_study
from tests.report.study import hostile_study, small_study


@pytest.fixture(scope="session")
def study() -> ReportData:
    """Four runs of a small study."""
    return small_study()


@pytest.fixture(scope="session")
def hostile() -> ReportData:
    """Four runs whose names want to be markup."""
    return hostile_study()


@pytest.fixture(scope="session")
def compared() -> ReportData:
    """Eight runs that were compared by their answers, one of a hostile name."""
    return compared_study()


@pytest.fixture(scope="session")
def detailed() -> ReportData:
    """Six runs with scores, one of them as an earlier version left it."""
    return detailed_study()
