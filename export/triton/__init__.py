"""An engine as a model repository of NVIDIA's Triton Inference Server."""
