"""Measures what is promised: each part is a script of its own, `make bench` runs all."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as covidreport.inference does it, and why
