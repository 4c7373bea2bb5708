"""From a model to ONNX graphs."""
