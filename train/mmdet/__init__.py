"""Checkpoints by mmdetection's names: read, renamed and turned into checkpoints of ours."""
