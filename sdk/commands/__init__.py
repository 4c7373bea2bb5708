"""The commands of ``python -m sdk``, one module each."""
