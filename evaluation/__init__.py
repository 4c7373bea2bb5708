"""What measures answers without a training stack: rendered scenes, questions, metrics."""
