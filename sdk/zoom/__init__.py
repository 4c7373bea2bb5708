"""The zoom search of PIZA: steps, history, decision, shared features."""
