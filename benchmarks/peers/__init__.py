"""Other ways to find the object, on the same questions, in the same run."""
