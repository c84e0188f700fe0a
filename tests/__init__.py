"""Tests mirror the packages that they test."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as covidreport.inference does it, and why
