"""The vehicle side: find the object that a sentence names, in one camera frame."""
