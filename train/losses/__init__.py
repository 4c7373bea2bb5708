"""Training losses: grounding, auxiliary, their normalisation."""
