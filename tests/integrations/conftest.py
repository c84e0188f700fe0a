"""The command line, for the tests of where results go."""

from tests.cli.conftest import covidreport

__all__ = ["covidreport"]
