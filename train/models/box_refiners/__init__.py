"""Heads that make boxes of CLIP's features: a projection, a Q network, a diffusion."""
