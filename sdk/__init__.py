"""The vehicle side: locate what a sentence describes."""
