"""PyTorch models, adapters, data, losses and training."""
