"""Training data: rendered scenes, annotated photographs, samples, batches."""
