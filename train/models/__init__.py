"""The networks in PyTorch: Grounding DINO, its zoom adapters and the box-history encoder."""
