"""The evidence that an engine equals its source."""
