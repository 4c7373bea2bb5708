"""The graph check: what TensorRT cannot take in an ONNX network, or is known to get wrong."""
