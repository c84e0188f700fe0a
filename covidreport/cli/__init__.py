"""The command line: nothing but arguments, progress and exit codes."""

from covidreport.cli.app import main

__all__ = ["main"]
