"""How well a model finds what it is asked for: questions, searches, figures, thresholds."""
