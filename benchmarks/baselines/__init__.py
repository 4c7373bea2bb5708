"""Everyone else, in the same run."""
