"""From a checkpoint to proven engine folders."""
