"""Fits the experiments of a study file, exports each to ONNX, and alone knows torch.

A wheel brings it as `covidreport_train`, so that it takes no name of a user's own; that is why its
files import each other by relative names.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as covidreport.inference does it: torch imports it too

IN_CHECKOUT = __name__ == "train"
PROGRAM = "python -m train" if IN_CHECKOUT else "covidreport-train"
"""How the command is called here."""
LOCK_FILE = ".lock"
"""In a run folder: who holds its lock fits it, and the lock ends with the process."""
