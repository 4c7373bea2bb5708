"""Latency and accuracy of engines, measured."""
