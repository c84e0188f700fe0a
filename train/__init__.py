"""Fits the experiments of a study file, exports each to ONNX, and alone knows torch."""
