"""A two-stage detector that learns base classes first, and new ones from a few labels."""
