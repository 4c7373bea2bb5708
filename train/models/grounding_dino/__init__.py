"""Grounding DINO, as transformers has it, in networks that export."""
