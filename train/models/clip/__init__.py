"""Crops and sentences as vectors: CLIP, SigLIP and SigLIP 2 in transformers' format."""
