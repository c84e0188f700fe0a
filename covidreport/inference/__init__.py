"""The only place that knows ONNX Runtime: contracts of models, providers and sessions."""
