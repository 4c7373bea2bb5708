"""Latency and accuracy, measured."""
