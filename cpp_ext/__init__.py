"""Fused crop, resize and normalise of camera frames, in C++."""
