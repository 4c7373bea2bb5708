"""TransVG: one learned token looks at image and sentence, and says the box."""
