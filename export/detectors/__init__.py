"""Detectors that others made, as networks of an engine."""
