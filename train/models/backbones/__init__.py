"""Networks that make a map of an image, for every family that needs one."""
