"""Training data: rendered scenes, samples, batches."""
