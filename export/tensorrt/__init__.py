"""ONNX networks -> plans, by TensorRT or by TensorRT for RTX, and what the plans compute in."""
