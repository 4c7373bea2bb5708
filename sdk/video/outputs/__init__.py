"""Where the answers to a video go: film, JSON lines, MCAP."""
