"""Fits the experiments of a study file, exports each to ONNX, and alone knows torch."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as covidreport.inference does it: torch imports it too
