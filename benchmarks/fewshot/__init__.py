"""RISF's experiment in small: what a new class gains from its loss, and from CLIP."""
