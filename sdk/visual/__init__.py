"""Pictures of answers: the frame, its windows, a film strip of the zooms."""
