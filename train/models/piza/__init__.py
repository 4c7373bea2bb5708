"""The zooming adapter: methods, history encoder, trajectories."""
