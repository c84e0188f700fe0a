"""The only place that knows ONNX Runtime: contracts of models, providers and sessions."""

import os

# From 1.29 on it sends telemetry on Linux too, and decides that when it is imported: a device's id
# and a queue in the home folder, and a few seconds later queries to the network, which a hospital
# did not ask for. Nothing leaves the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
