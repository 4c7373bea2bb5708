"""Training: the loop, its recipe, its processes, what a run leaves behind."""
