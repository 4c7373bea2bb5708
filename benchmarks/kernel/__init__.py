"""The crop-and-resize kernel against what others offer."""
