"""Grounding by regions: boxes that a detector proposes, judged one by one against the sentence."""
