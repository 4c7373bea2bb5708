"""Where the frames of a video come from."""
